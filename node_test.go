package kvshard_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kvshard/kvshard"
)

// The modulus of the Pallas base field and its predecessor, little-endian.
const (
	modulusHex        = "01000000ed302d991bf94c09fc98462200000000000000000000000000000040"
	belowModulusHex   = "00000000ed302d991bf94c09fc98462200000000000000000000000000000040"
	emptyOrchardRoot  = "ae2935f1dfd8a24aed7c70df7de3a668eb7a49b1319880dde2bbd9031ae5d82f"
	absentOrchardLeaf = "0200000000000000000000000000000000000000000000000000000000000000"
)

func TestParseNodeReadsWhatStringWrites(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("00", 32), absentOrchardLeaf, emptyOrchardRoot, belowModulusHex,
	} {
		n, err := kvshard.ParseNode(text)
		if err != nil {
			t.Errorf("ParseNode(%s): %v", text, err)
		}
		if n.String() != text {
			t.Errorf("String() = %s, want %s", n, text)
		}
		upper, err := kvshard.ParseNode(strings.ToUpper(text))
		if err != nil || upper != n {
			t.Errorf("ParseNode of upper case: %s, %v", upper, err)
		}
	}
}

func TestParseNodeRejects(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"short":         emptyOrchardRoot[:62],
		"odd":           emptyOrchardRoot[:63],
		"long":          emptyOrchardRoot + "00",
		"prefix":        "0x" + emptyOrchardRoot[:62],
		"bad digit":     "g" + emptyOrchardRoot[1:],
		"space":         " " + emptyOrchardRoot[1:],
		"modulus":       modulusHex,
		"above modulus": "02" + modulusHex[2:],
		"above in top":  belowModulusHex[:62] + "41",
		"all ones":      strings.Repeat("ff", 32),
	} {
		t.Run(name, func(t *testing.T) {
			n, err := kvshard.ParseNode(text)
			if !errors.Is(err, kvshard.ErrInvalidNode) || n != (kvshard.Node{}) {
				t.Errorf("got %s, %v; want ErrInvalidNode", n, err)
			}
			kept := kvshard.Node{5}
			if err := kept.UnmarshalText([]byte(text)); !errors.Is(err, kvshard.ErrInvalidNode) {
				t.Errorf("UnmarshalText: %v; want ErrInvalidNode", err)
			}
			if kept != (kvshard.Node{5}) {
				t.Errorf("a failed UnmarshalText changed the node to %s", kept)
			}
		})
	}
}

func TestNodeIsTextInJSON(t *testing.T) {
	in := kvshard.Node{1, 2, 3}
	data, err := json.Marshal(map[string]kvshard.Node{"root": in})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"root":"` + in.String() + `"}`; string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
	var out map[string]kvshard.Node
	if err := json.Unmarshal(data, &out); err != nil || out["root"] != in {
		t.Errorf("got %v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"root":"`+modulusHex+`"}`), &out); !errors.Is(err, kvshard.ErrInvalidNode) {
		t.Errorf("got %v, want ErrInvalidNode", err)
	}
}

func TestEmptyRoot(t *testing.T) {
	leaf, err := kvshard.EmptyRoot(0)
	if err != nil || leaf.String() != absentOrchardLeaf {
		t.Errorf("level 0: %s, %v", leaf, err)
	}
	root, err := kvshard.EmptyRoot(kvshard.Depth)
	if err != nil || root.String() != emptyOrchardRoot {
		t.Errorf("level 32: %s, %v", root, err)
	}
	for _, level := range []int{-1, kvshard.Depth + 1, 1 << 40} {
		if _, err := kvshard.EmptyRoot(level); !errors.Is(err, kvshard.ErrInvalidArgument) {
			t.Errorf("level %d: %v, want ErrInvalidArgument", level, err)
		}
	}
}

func TestCombineLeadsToEmptyRoot(t *testing.T) {
	node, err := kvshard.EmptyRoot(0)
	if err != nil {
		t.Fatal(err)
	}
	for level := range kvshard.Depth {
		if node, err = kvshard.Combine(level, node, node); err != nil {
			t.Fatal(err)
		}
		want, err := kvshard.EmptyRoot(level + 1)
		if err != nil || node != want {
			t.Errorf("level %d: %s, want %s, %v", level+1, node, want, err)
		}
	}
}

func TestCombineBatchIsCombineOfEach(t *testing.T) {
	var pairs [][2]kvshard.Node
	for i := range byte(70) {
		pairs = append(pairs, [2]kvshard.Node{{i}, {i, 1}})
	}
	got, err := kvshard.CombineBatch(3, pairs)
	if err != nil || len(got) != len(pairs) {
		t.Fatalf("%d nodes, %v", len(got), err)
	}
	for i, pair := range pairs {
		want, err := kvshard.Combine(3, pair[0], pair[1])
		if err != nil || got[i] != want {
			t.Errorf("pair %d: %s, want %s, %v", i, got[i], want, err)
		}
	}
}

// rowsOf reads the rows of a file of zcash-test-vectors; two of description come first.
func rowsOf(t *testing.T, name string) []json.RawMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) < 3 {
		t.Fatalf("%s: %d rows, %v", name, len(rows), err)
	}
	return rows[2:]
}

func TestEmptyRootsArePublished(t *testing.T) {
	var columns [1][]kvshard.Node
	if err := json.Unmarshal(rowsOf(t, "orchard_empty_roots.json")[0], &columns); err != nil {
		t.Fatal(err)
	}
	if len(columns[0]) != kvshard.Depth+1 {
		t.Fatalf("%d roots, want %d", len(columns[0]), kvshard.Depth+1)
	}
	for level, want := range columns[0] {
		if got, err := kvshard.EmptyRoot(level); err != nil || got != want {
			t.Errorf("level %d: %s, want %s, %v", level, got, want, err)
		}
	}
}

// TestCombineGivesPublishedTrees hashes each of the published trees of depth 4 in batches, row by
// row, and folds each published path by single hashes.
func TestCombineGivesPublishedTrees(t *testing.T) {
	rows := rowsOf(t, "orchard_merkle_tree.json")
	if len(rows) != 16 {
		t.Fatalf("%d trees, want 16", len(rows))
	}
	for i, text := range rows {
		var leaves [16]kvshard.Node
		var paths [16][4]kvshard.Node
		var root kvshard.Node
		if err := json.Unmarshal(text, &[]any{&leaves, &paths, &root}); err != nil {
			t.Fatal(err)
		}
		row := leaves[:]
		for level := range 4 {
			var pairs [][2]kvshard.Node
			for at := 0; at < len(row); at += 2 {
				pairs = append(pairs, [2]kvshard.Node{row[at], row[at+1]})
			}
			var err error
			if row, err = kvshard.CombineBatch(level, pairs); err != nil {
				t.Fatal(err)
			}
		}
		if row[0] != root {
			t.Errorf("tree %d: root %s in batches, want %s", i, row[0], root)
		}
		for position, node := range leaves {
			for level, sibling := range paths[position] {
				pair := [2]kvshard.Node{node, sibling}
				if position>>level&1 == 1 {
					pair[0], pair[1] = pair[1], pair[0]
				}
				var err error
				if node, err = kvshard.Combine(level, pair[0], pair[1]); err != nil {
					t.Fatal(err)
				}
			}
			if node != root {
				t.Errorf("tree %d: root %s from leaf %d, want %s", i, node, position, root)
			}
		}
	}
}

// TestCombineBatchIsNoLoop: a pair of a batch takes clearly less time than a Combine. The batch is below
// the size that is spread over the cores. Any of some tries will do, so a busy machine fails none.
func TestCombineBatchIsNoLoop(t *testing.T) {
	const count = 512
	pairs := make([][2]kvshard.Node, count)
	for i := range pairs {
		pairs[i] = [2]kvshard.Node{{byte(i), byte(i >> 8)}, {byte(i), byte(i >> 8), 1}}
	}
	var ratios []float64
	for range 20 {
		start := time.Now()
		if _, err := kvshard.CombineBatch(3, pairs); err != nil {
			t.Fatal(err)
		}
		batch := time.Since(start)
		start = time.Now()
		for _, pair := range pairs {
			if _, err := kvshard.Combine(3, pair[0], pair[1]); err != nil {
				t.Fatal(err)
			}
		}
		ratio := float64(batch) / float64(time.Since(start))
		if ratio < 0.8 {
			return
		}
		ratios = append(ratios, ratio)
	}
	t.Errorf("%d pairs in a batch take these parts of the time of as many calls: %.2f", count, ratios)
}

func TestCombineRejects(t *testing.T) {
	bad := kvshard.Node{31: 0xFF}
	for _, level := range []int{-1, kvshard.Depth} {
		if _, err := kvshard.Combine(level, kvshard.Node{}, kvshard.Node{}); !errors.Is(err, kvshard.ErrInvalidArgument) {
			t.Errorf("level %d: %v, want ErrInvalidArgument", level, err)
		}
		if _, err := kvshard.CombineBatch(level, nil); !errors.Is(err, kvshard.ErrInvalidArgument) {
			t.Errorf("no pairs at level %d: %v, want ErrInvalidArgument", level, err)
		}
	}
	if nodes, err := kvshard.CombineBatch(0, nil); nodes != nil || err != nil {
		t.Errorf("no pairs: %v, %v", nodes, err)
	}
	for side := range 2 {
		pairs := make([][2]kvshard.Node, 3)
		pairs[1][side] = bad
		_, err := kvshard.CombineBatch(0, pairs)
		var e *kvshard.Error
		if !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) || e.Index != uint64(2+side) {
			t.Errorf("side %d: %v, want ErrInvalidNode at index %d", side, err, 2+side)
		}
	}
}

func TestNodeFromBytes(t *testing.T) {
	for _, text := range []string{strings.Repeat("00", 32), absentOrchardLeaf, emptyOrchardRoot, belowModulusHex} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		n, err := kvshard.NodeFromBytes(b)
		if err != nil || n.String() != text {
			t.Errorf("NodeFromBytes(%s) = %s, %v", text, n, err)
		}
		b[0] ^= 1
		if n.String() != text {
			t.Errorf("the node of %s is not a copy", text)
		}
	}
	modulus, err := hex.DecodeString(modulusHex)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nil": nil, "short": make([]byte, 31), "long": make([]byte, 33),
		"modulus": modulus, "all ones": bytes.Repeat([]byte{0xFF}, 32),
	} {
		if n, err := kvshard.NodeFromBytes(b); !errors.Is(err, kvshard.ErrInvalidNode) || n != (kvshard.Node{}) {
			t.Errorf("%s: got %s, %v; want ErrInvalidNode", name, n, err)
		}
	}
}
