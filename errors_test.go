package kvshard_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

func TestErrorNamesCallKeyAndCause(t *testing.T) {
	fault := kvtest.Fault{At: 1, Err: &treetest.DiskError{Sector: 7}}
	tree, _ := treetest.Faulty(t, fault, kvshard.WithPrefix([]byte("notes/")))
	_, err := tree.Size()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"kvshard: Size: ", "get", "6e6f7465732f", "disk: sector 7"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not contain %q", err, part)
		}
	}
}

func TestCallsThatTheTreeRefuses(t *testing.T) {
	bad := kvshard.Node{31: 0xFF}
	for _, c := range []struct {
		name string
		call func(*kvshard.Tree) error
		want error
	}{
		{"leaf not canonical", func(t *kvshard.Tree) error { _, err := t.Append(bad); return err }, kvshard.ErrInvalidNode},
		{"position beyond size", func(t *kvshard.Tree) error { _, err := t.Leaf(50); return err }, kvshard.ErrPositionNotFound},
		{"witness beyond size", func(t *kvshard.Tree) error { _, err := t.Witness(1 << 40); return err }, kvshard.ErrPositionNotFound},
		{"witness beyond size then", func(t *kvshard.Tree) error { _, err := t.WitnessAt(30, 10); return err }, kvshard.ErrPositionNotFound},
		{"node beyond the complete ones", func(t *kvshard.Tree) error { _, err := t.Nodes(2, 11, 2); return err }, kvshard.ErrPositionNotFound},
		{"no node beyond them", func(t *kvshard.Tree) error { _, err := t.Nodes(4, 4, 0); return err }, kvshard.ErrPositionNotFound},
		{"level above the root", func(t *kvshard.Tree) error { _, err := t.Nodes(33, 0, 1); return err }, kvshard.ErrInvalidArgument},
		{"too many nodes", func(t *kvshard.Tree) error { _, err := t.Nodes(0, 0, kvshard.MaxNodes+1); return err }, kvshard.ErrInvalidArgument},
		{"frontier of the future", func(t *kvshard.Tree) error { _, err := t.FrontierAtSize(51); return err }, kvshard.ErrPositionNotFound},
		{"frontier at unknown checkpoint", func(t *kvshard.Tree) error { _, err := t.FrontierAt(31); return err }, kvshard.ErrCheckpointNotFound},
		{"unknown checkpoint", func(t *kvshard.Tree) error { _, err := t.RootAt(11); return err }, kvshard.ErrCheckpointNotFound},
		{"size at unknown checkpoint", func(t *kvshard.Tree) error { _, err := t.SizeAt(0); return err }, kvshard.ErrCheckpointNotFound},
		{"rewind to unknown checkpoint", func(t *kvshard.Tree) error { return t.Rewind(31) }, kvshard.ErrCheckpointNotFound},
		{"retain unknown checkpoint", func(t *kvshard.Tree) error { return t.RetainCheckpoint(31) }, kvshard.ErrCheckpointNotFound},
		{"release unknown checkpoint", func(t *kvshard.Tree) error { return t.ReleaseCheckpoint(31) }, kvshard.ErrCheckpointNotFound},
		{"mark at unknown checkpoint", func(t *kvshard.Tree) error { _, err := t.RemoveMark(1, 31); return err }, kvshard.ErrCheckpointNotFound},
		{"same checkpoint again", func(t *kvshard.Tree) error { return t.Checkpoint(30) }, kvshard.ErrCheckpointOrder},
		{"older checkpoint", func(t *kvshard.Tree) error { return t.Checkpoint(5) }, kvshard.ErrCheckpointOrder},
		{"frontier into full tree", func(t *kvshard.Tree) error { return t.InsertFrontier(kvshard.Frontier{Size: 1}, 99) }, kvshard.ErrNotEmpty},
		{"frontier without ommers", func(t *kvshard.Tree) error { return t.InsertFrontier(kvshard.Frontier{Size: 2}, 99) }, kvshard.ErrInvalidArgument},
		{"frontier of a leaf too many", func(t *kvshard.Tree) error {
			return t.InsertFrontier(kvshard.Frontier{Size: 1<<32 + 1, Ommers: make([]kvshard.Node, 1)}, 99)
		}, kvshard.ErrInvalidArgument},
		{"empty frontier with a leaf", func(t *kvshard.Tree) error {
			return t.InsertFrontier(kvshard.Frontier{Leaf: kvshard.Node{1}}, 99)
		}, kvshard.ErrInvalidArgument},
		{"nil writer", func(t *kvshard.Tree) error { return t.Dump(nil) }, kvshard.ErrInvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			trace := kvtest.NewTraceStore(kvtest.NewMemStore())
			tree := treetest.Fill(t, trace)
			before := trace.Counts()
			err := c.call(tree)
			if counts := trace.Counts().Sub(before); counts.Sets+counts.Deletes > 0 {
				t.Errorf("the call wrote: %v", counts)
			}
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			var e *kvshard.Error
			if !errors.As(err, &e) || e.Op == "" || e.What == "" {
				t.Errorf("got %#v, want an Error with Op and What", err)
			}
		})
	}
}

func TestAppendBatchNamesTheInvalidLeaf(t *testing.T) {
	tree := treetest.Fill(t, kvtest.NewMemStore())
	leaves := make([]kvshard.Node, 100)
	leaves[77] = kvshard.Node{31: 0xFF}
	_, err := tree.AppendBatch(leaves)
	var e *kvshard.Error
	if !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) || e.Index != 77 {
		t.Errorf("got %v, want ErrInvalidNode at index 77", err)
	}
	if size, err := tree.Size(); size != 50 || err != nil {
		t.Errorf("size is %d, %v; want 50", size, err)
	}
}

func TestCorruptRecordIsNamed(t *testing.T) {
	mem := kvtest.NewMemStore()
	prefix := []byte{0xFF, 'p'}
	tree := treetest.Fill(t, mem, kvshard.WithPrefix(prefix))
	tip := append(append([]byte(nil), prefix...), 0x13)
	mem.Put(tip, []byte("no tip of a tree, nor of its size"))
	_, err := tree.Size()
	var e *kvshard.Error
	if !errors.As(err, &e) || string(e.Key) != string(tip) || strings.Contains(e.What, "13") {
		t.Errorf("got %#v, want an Error about key %x", err, tip)
	}
	if !errors.Is(err, kvshard.ErrCorrupt) && !errors.Is(err, kvshard.ErrUnsupportedVersion) {
		t.Errorf("got %v, want ErrCorrupt or ErrUnsupportedVersion", err)
	}
}

// provoked returns errors of every kind but ErrInternal: what callers meet.
func provoked(t *testing.T) []error {
	t.Helper()
	var errs []error
	add := func(err error) {
		t.Helper()
		if err == nil {
			t.Fatal("no error where one was provoked")
		}
		errs = append(errs, err)
	}
	tree := treetest.Fill(t, kvtest.NewMemStore())
	bad := kvshard.Node{31: 0xFF}
	add(tree.Checkpoint(30))
	add(tree.Checkpoint(5))
	add(tree.Rewind(31))
	add(tree.RetainCheckpoint(31))
	add(tree.ReleaseCheckpoint(31))
	add(tree.InsertFrontier(kvshard.Frontier{Size: 1}, 99))
	add(tree.InsertFrontier(kvshard.Frontier{Size: 2}, 99))
	add(tree.InsertFrontier(kvshard.Frontier{Size: 1<<32 + 1}, 99))
	add(tree.InsertFrontier(kvshard.Frontier{Leaf: kvshard.Node{1}}, 99))
	add(tree.Dump(nil))
	second := func(_ any, err error) { t.Helper(); add(err) }
	second(tree.Append(bad))
	second(tree.AppendBatch([]kvshard.Node{{1}, bad}))
	second(tree.Leaf(50))
	second(tree.Witness(1 << 40))
	second(tree.WitnessAt(30, 10))
	second(tree.SizeAt(0))
	second(tree.RootAt(11))
	second(tree.RemoveMark(1, 31))
	second(tree.RemoveMark(45, 20))
	second(tree.Nodes(33, 0, 1))
	second(tree.Nodes(0, 0, kvshard.MaxNodes+1))
	second(tree.Nodes(2, 11, 2))
	second(tree.FrontierAt(11))
	second(tree.FrontierAtSize(51))

	ephemeral := treetest.Open(t, kvtest.NewMemStore(), kvshard.WithRetention(kvshard.Ephemeral))
	treetest.Grow(t, ephemeral, 50)
	second(ephemeral.Leaf(3))
	second(ephemeral.Witness(3))
	second(ephemeral.Nodes(1, 0, 1))
	second(ephemeral.FrontierAtSize(4))

	full := treetest.Open(t, kvtest.NewMemStore())
	if err := full.InsertFrontier(kvshard.Frontier{Size: 1 << 32, Ommers: make([]kvshard.Node, 32)}, 1); err != nil {
		t.Fatal(err)
	}
	second(full.Append(kvshard.Node{1}))

	// Each record cut, of another version, and gone.
	whole := kvtest.NewMemStore()
	treetest.Grow(t, treetest.Open(t, whole), 300)
	if err := treetest.Open(t, whole).Checkpoint(1); err != nil {
		t.Fatal(err)
	}
	for _, record := range whole.Dump() {
		for _, value := range [][]byte{record.Value[:len(record.Value)/2], append([]byte{109}, record.Value[1:]...), nil} {
			damaged := whole.Clone()
			if damaged.Remove(record.Key); value != nil {
				damaged.Put(record.Key, value)
			}
			found := treetest.Open(t, damaged).Check()
			if found != nil {
				errs = append(errs, unjoined(found)...)
			}
			for _, c := range treetest.Calls {
				if err := c.Call(treetest.Open(t, damaged.Clone())); err != nil && !errors.Is(err, kvshard.ErrCheckpointNotFound) && err != found {
					errs = append(errs, unjoined(err)...)
				}
			}
		}
	}

	failing, _ := treetest.Faulty(t, kvtest.Fault{At: 1, Err: &treetest.DiskError{Sector: 7}})
	second(failing.Size())
	second(kvshard.Open(nil))
	second(kvshard.New(nil))
	second((*kvshard.Tree)(nil).Size())
	noStore, err := kvshard.New(kvshard.NewStoreProxy(nil))
	if err != nil {
		t.Fatal(err)
	}
	second(noStore.Size())
	for _, option := range []kvshard.Option{
		kvshard.WithMaxCheckpoints(0), kvshard.WithRetention(2), kvshard.WithObserver(nil), kvshard.WithThreads(-1), nil,
	} {
		second(kvshard.Open(kvtest.NewMemStore(), option))
	}

	for _, text := range []string{"", "0x" + strings.Repeat("0", 62), strings.Repeat("f", 64)} {
		second(kvshard.ParseNode(text))
	}
	second(kvshard.NodeFromBytes(nil))
	second(kvshard.NodeFromBytes(bad[:]))
	second(kvshard.EmptyRoot(33))
	second(kvshard.Combine(32, bad, bad))
	second(kvshard.Combine(0, bad, bad))
	second(kvshard.Witness{Position: 1 << 32}.Root(kvshard.Node{}))
	second(kvshard.Witness{}.Root(bad))
	add(kvshard.Witness{}.Verify(kvshard.Node{}, kvshard.Node{1}))
	var node kvshard.Node
	var witness kvshard.Witness
	var frontier kvshard.Frontier
	add(witness.UnmarshalBinary(nil))
	second(kvshard.Witness{Position: 1 << 32}.MarshalBinary())
	for _, f := range badFrontiers {
		second(f.f.Root())
		second(f.f.MarshalTreestate())
	}
	for _, data := range []string{"", "\x02", "\x00\x00\x00\x00", "\x00\x00\x20", "\x01" + string(bad[:]) + "\x00\x00"} {
		second(kvshard.ParseTreestate([]byte(data)))
	}
	for _, text := range []string{"null", "1", "{}", `"00"`, `{"Position":1,"Path":[null]}`, `{"Size":1,"Leaf":null}`, `{"Size":2,"Leaf":"` + emptyOrchardRoot + `"}`} {
		add(node.UnmarshalJSON([]byte(text)))
		add(witness.UnmarshalJSON([]byte(text)))
		add(frontier.UnmarshalJSON([]byte(text)))
	}
	return errs
}

// unjoined returns the errors that errors.Join has put together.
func unjoined(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if _, own := err.(*kvshard.Error); !own {
			return joined.Unwrap()
		}
	}
	return []error{err}
}

// TestMessagesSayAThingOnce: no message has the same two words in a row twice,
// nor the words of its Kind spread over its What.
func TestMessagesSayAThingOnce(t *testing.T) {
	words := regexp.MustCompile(`[a-zA-Z]{2,}`)
	// Not words: numbers and nodes, and the fields of a record in braces.
	number := regexp.MustCompile(`\b[0-9a-f]*[0-9][0-9a-f]*\b|\b[0-9a-f]{16,}\b|\{ [^}]* \}`)
	seen, kinds := map[string]bool{}, map[error]bool{}
	for _, err := range provoked(t) {
		message := err.Error()
		shape := number.ReplaceAllString(message, "#")
		if seen[shape] {
			continue
		}
		seen[shape] = true
		t.Log(message)
		if !strings.HasPrefix(message, "kvshard: ") {
			t.Errorf("%q does not begin with the package", message)
		}
		list := words.FindAllString(strings.ToLower(number.ReplaceAllString(message, " ")), -1)
		pairs := map[string]bool{}
		for i := 1; i < len(list); i++ {
			pair := list[i-1] + " " + list[i]
			if pairs[pair] {
				t.Errorf("%q says %q twice", message, pair)
			}
			pairs[pair] = true
		}
		var e *kvshard.Error
		if !errors.As(err, &e) {
			continue
		}
		kinds[e.Kind] = true
		if kind := e.Kind.Error(); strings.Contains(message, kind) && within(words.FindAllString(kind, -1), words.FindAllString(e.What, -1)) {
			t.Errorf("%q says %q in other words too", message, kind)
		}
	}
	if len(seen) < 60 || len(kinds) < 12 {
		t.Errorf("only %d messages of %d kinds", len(seen), len(kinds))
	}
}

// within tells whether all words, but for their endings, are among the others.
func within(words, others []string) bool {
	text := strings.ToLower(strings.Join(others, " "))
	for _, w := range words {
		if !strings.Contains(text, strings.ToLower(w)) {
			return false
		}
	}
	return true
}
