package kvshard_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// quoted is a JSON string of a node.
func quoted(n kvshard.Node) string { return `"` + n.String() + `"` }

// list is a JSON array of n nodes and then the elements of more.
func list(n int, more ...string) string {
	var elements []string
	for i := range n {
		elements = append(elements, quoted(treetest.LeafAt(uint64(i))))
	}
	return "[" + strings.Join(append(elements, more...), ",") + "]"
}

// TestJSONNullIsNoNode: wherever JSON can reach a node, null is an error, and so
// is all that is no string of hex.
func TestJSONNullIsNoNode(t *testing.T) {
	type holder struct {
		N kvshard.Node
		S []kvshard.Node
		A [2]kvshard.Node
		P [][2]kvshard.Node
		M map[string]kvshard.Node
		K map[kvshard.Node]int
	}
	good := quoted(treetest.LeafAt(1))
	for _, bad := range []string{"null", " null ", "0", "true", "{}", "[]", `""`, `"00"`, "[1,2,3]", `["00"]`, `"` + modulusHex + `"`} {
		for _, c := range []struct {
			text string
			into any
		}{
			{bad, new(kvshard.Node)},
			{"[" + good + "," + bad + "]", new([]kvshard.Node)},
			{"[" + bad + "," + good + "]", new([2]kvshard.Node)},
			{"[[" + good + "," + bad + "]]", new([][2]kvshard.Node)},
			{`{"a":` + bad + `}`, new(map[string]kvshard.Node)},
			{`{"N":` + bad + `}`, new(holder)},
			{`{"S":[` + bad + `]}`, new(holder)},
			{`{"A":[` + good + "," + bad + `]}`, new(holder)},
			{`{"P":[[` + bad + "," + good + `]]}`, new(holder)},
			{`{"M":{"a":` + bad + `}}`, new(holder)},
		} {
			if err := json.Unmarshal([]byte(c.text), c.into); !errors.Is(err, kvshard.ErrInvalidNode) {
				t.Errorf("%s into %T: %v, want ErrInvalidNode", c.text, c.into, err)
			}
		}
		kept := kvshard.Node{5}
		if err := json.Unmarshal([]byte(bad), &kept); err == nil || kept != (kvshard.Node{5}) {
			t.Errorf("%s: %v, and the node is %s", bad, err, kept)
		}
		if err := kept.UnmarshalJSON([]byte(bad)); !errors.Is(err, kvshard.ErrInvalidNode) {
			t.Errorf("UnmarshalJSON(%s): %v, want ErrInvalidNode", bad, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"K":{"null":1}}`), new(holder)); !errors.Is(err, kvshard.ErrInvalidNode) {
		t.Errorf("null as a key: %v, want ErrInvalidNode", err)
	}
	// A pointer can be null: it says that there is none.
	pointers := []*kvshard.Node{{1}}
	if err := json.Unmarshal([]byte("[null,"+good+"]"), &pointers); err != nil || pointers[0] != nil || *pointers[1] != treetest.LeafAt(1) {
		t.Errorf("pointers: %v, %v", pointers, err)
	}
	if err := json.Unmarshal([]byte(`[0]`), &pointers); !errors.Is(err, kvshard.ErrInvalidNode) {
		t.Errorf("a number for a pointer: %v, want ErrInvalidNode", err)
	}
}

// TestJSONRoundTrip: what encoding/json writes is read, and the form stays.
func TestJSONRoundTrip(t *testing.T) {
	tree := treetest.Fill(t, kvtest.NewMemStore())
	witness, err := tree.Witness(7)
	if err != nil {
		t.Fatal(err)
	}
	frontier, err := tree.Frontier()
	if err != nil {
		t.Fatal(err)
	}
	var path []string
	for _, sibling := range witness.Path {
		path = append(path, quoted(sibling))
	}
	for _, c := range []struct {
		in, out any
		text    string
	}{
		{&witness, new(kvshard.Witness), `{"Position":7,"Path":[` + strings.Join(path, ",") + `]}`},
		{&frontier, new(kvshard.Frontier), ""},
		{&kvshard.Frontier{}, new(kvshard.Frontier), `{"Size":0,"Leaf":` + quoted(kvshard.Node{}) + `,"Ommers":null}`},
		{&[]kvshard.Witness{witness}, new([]kvshard.Witness), ""},
		{&map[string]kvshard.Frontier{"a": frontier}, new(map[string]kvshard.Frontier), ""},
		{&struct{ F, Absent *kvshard.Frontier }{F: &frontier}, new(struct{ F, Absent *kvshard.Frontier }), ""},
	} {
		text, err := json.Marshal(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if c.text != "" && string(text) != c.text {
			t.Errorf("written %s, want %s", text, c.text)
		}
		if err := json.Unmarshal(text, c.out); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if !reflect.DeepEqual(c.in, c.out) {
			t.Errorf("%s is read as %+v, was %+v", text, c.out, c.in)
		}
	}
	known, err := realdata.Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range known {
		in, out := treetest.FrontierOf(f), kvshard.Frontier{}
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &out); err != nil || !reflect.DeepEqual(in, out) {
			t.Errorf("frontier of %d leaves: %v, %v", f.Size, out, err)
		}
	}
}

// TestJSONOfHalfAWitness: a Witness or Frontier is read whole or not at all, from
// any place that JSON can reach.
func TestJSONOfHalfAWitness(t *testing.T) {
	node := quoted(treetest.LeafAt(1))
	whole := `"Position":7,"Path":` + list(32)
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"null":                {`null`, kvshard.ErrInvalidArgument},
		"no object":           {`7`, kvshard.ErrInvalidArgument},
		"array":               {list(32), kvshard.ErrInvalidArgument},
		"empty":               {`{}`, kvshard.ErrInvalidArgument},
		"no position":         {`{"Path":` + list(32) + `}`, kvshard.ErrInvalidArgument},
		"null position":       {`{"Position":null,"Path":` + list(32) + `}`, kvshard.ErrInvalidArgument},
		"position then null":  {`{"Position":7,"Position":null,"Path":` + list(32) + `}`, kvshard.ErrInvalidArgument},
		"position of 2^32":    {`{"Position":4294967296,"Path":` + list(32) + `}`, kvshard.ErrInvalidArgument},
		"negative position":   {`{"Position":-1,"Path":` + list(32) + `}`, kvshard.ErrInvalidArgument},
		"position in quotes":  {`{"Position":"7","Path":` + list(32) + `}`, kvshard.ErrInvalidArgument},
		"no path":             {`{"Position":7}`, kvshard.ErrInvalidArgument},
		"null path":           {`{"Position":7,"Path":null}`, kvshard.ErrInvalidArgument},
		"short path":          {`{"Position":7,"Path":` + list(31) + `}`, kvshard.ErrInvalidArgument},
		"long path":           {`{"Position":7,"Path":` + list(33) + `}`, kvshard.ErrInvalidArgument},
		"path with a null":    {`{"Position":7,"Path":` + list(31, "null") + `}`, kvshard.ErrInvalidNode},
		"path with a modulus": {`{"Position":7,"Path":` + list(31, `"`+modulusHex+`"`) + `}`, kvshard.ErrInvalidNode},
		"unknown field":       {`{` + whole + `,"Root":` + node + `}`, kvshard.ErrInvalidArgument},
	} {
		refuses(t, "witness, "+name, c.text, c.want, kvshard.Witness{Position: 9})
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"null":           {`null`, kvshard.ErrInvalidArgument},
		"string":         {node, kvshard.ErrInvalidArgument},
		"empty":          {`{}`, kvshard.ErrInvalidArgument},
		"no size":        {`{"Leaf":` + node + `}`, kvshard.ErrInvalidArgument},
		"null size":      {`{"Size":null,"Leaf":` + node + `}`, kvshard.ErrInvalidArgument},
		"no leaf":        {`{"Size":1}`, kvshard.ErrInvalidArgument},
		"null leaf":      {`{"Size":1,"Leaf":null}`, kvshard.ErrInvalidNode},
		"no ommers":      {`{"Size":2,"Leaf":` + node + `}`, kvshard.ErrInvalidArgument},
		"null ommers":    {`{"Size":2,"Leaf":` + node + `,"Ommers":null}`, kvshard.ErrInvalidArgument},
		"null ommer":     {`{"Size":2,"Leaf":` + node + `,"Ommers":[null]}`, kvshard.ErrInvalidNode},
		"ommer too many": {`{"Size":1,"Leaf":` + node + `,"Ommers":` + list(1) + `}`, kvshard.ErrInvalidArgument},
		"too large":      {`{"Size":4294967297,"Leaf":` + node + `,"Ommers":` + list(1) + `}`, kvshard.ErrInvalidArgument},
		"none's leaf":    {`{"Size":0,"Leaf":` + node + `}`, kvshard.ErrInvalidArgument},
		"unknown field":  {`{"Size":1,"Leaf":` + node + `,"Ommer":` + list(1) + `}`, kvshard.ErrInvalidArgument},
	} {
		refuses(t, "frontier, "+name, c.text, c.want, kvshard.Frontier{Size: 9})
	}
	// Embedded, the method is the outer struct's too: an error, not half a value.
	var outer struct {
		kvshard.Witness
		Root kvshard.Node
	}
	if err := json.Unmarshal([]byte(`{`+whole+`,"Root":`+node+`}`), &outer); !errors.Is(err, kvshard.ErrInvalidArgument) {
		t.Errorf("a struct that embeds a Witness: %v, want ErrInvalidArgument", err)
	}
	var w kvshard.Witness
	if err := w.UnmarshalJSON([]byte(`{` + whole + `} {}`)); !errors.Is(err, kvshard.ErrInvalidArgument) {
		t.Errorf("two objects: %v, want ErrInvalidArgument", err)
	}
	var e *kvshard.Error
	if err := json.Unmarshal([]byte(`{"Position":7,"Path":`+list(31, "null")+`}`), &w); !errors.As(err, &e) || e.Index != 32 || !strings.Contains(e.What, "Path[31]: null") {
		t.Errorf("%v, want one that names Path[31], with index 32", err)
	}
}

// refuses checks that the text is not read as a T: alone, in a slice, an array, a
// map, a struct and behind a pointer; and that what was there stays.
func refuses[T any](t *testing.T, name, text string, want error, kept T) {
	t.Helper()
	into := kept
	if err := json.Unmarshal([]byte(text), &into); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
	if !reflect.DeepEqual(into, kept) {
		t.Errorf("%s: a failed read left %+v", name, into)
	}
	for _, c := range []struct {
		text string
		into any
	}{
		{"[" + text + "]", new([]T)},
		{"[" + text + "]", new([1]T)},
		{`{"a":` + text + `}`, new(map[string]T)},
		{`{"V":` + text + `}`, new(struct{ V T })},
	} {
		if err := json.Unmarshal([]byte(c.text), c.into); !errors.Is(err, want) {
			t.Errorf("%s, in %T: %v, want %v", name, c.into, err, want)
		}
	}
	if text != "null" {
		if err := json.Unmarshal([]byte(text), new(*T)); !errors.Is(err, want) {
			t.Errorf("%s, behind a pointer: %v, want %v", name, err, want)
		}
	}
}
