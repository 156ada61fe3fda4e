package hashtree_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

// beyond is no value of the field.
var beyond = hashtree.Node{31: 0xFF}

// schemes are the built-in one and the same by a Hasher.
func schemes(t *testing.T) map[string]*hashtree.Scheme {
	t.Helper()
	built := hashtree.VotePoseidon()
	empty, err := built.EmptyRoot(0)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := hashtree.NewScheme(built.Name(), built.Depth(), empty, goHash{built})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*hashtree.Scheme{"built in": built, "a Hasher": ours}
}

func wantRefused(t *testing.T, name string, err error, index uint64) {
	t.Helper()
	var e *kvshard.Error
	if !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) || e.Index != index {
		t.Errorf("%s: %v, want ErrInvalidNode with Index %d", name, err, index)
	}
}

// TestIndexOfRefusedNodes: 0 is the leaf, and i+1 a node of the path or an ommer,
// whoever hashes.
func TestIndexOfRefusedNodes(t *testing.T) {
	for name, s := range schemes(t) {
		path := func() hashtree.Witness { return hashtree.Witness{Path: make([]hashtree.Node, s.Depth())} }
		_, err := s.WitnessRoot(path(), beyond)
		wantRefused(t, name+": leaf of a witness", err, 0)
		wantRefused(t, name+": VerifyWitness", s.VerifyWitness(path(), hashtree.Node{}, beyond), 0)
		for _, level := range []int{0, 5, s.Depth() - 1} {
			w := path()
			w.Path[level] = beyond
			_, err := s.WitnessRoot(w, hashtree.Node{})
			wantRefused(t, fmt.Sprintf("%s: Path[%d]", name, level), err, uint64(level)+1)
		}
		_, err = s.FrontierRoot(hashtree.Frontier{Size: 8, Leaf: beyond, Ommers: make([]hashtree.Node, 3)})
		wantRefused(t, name+": leaf of a frontier", err, 0)
		for i := range 3 {
			f := hashtree.Frontier{Size: 8, Ommers: make([]hashtree.Node, 3)}
			f.Ommers[i] = beyond
			_, err := s.FrontierRoot(f)
			wantRefused(t, fmt.Sprintf("%s: Ommers[%d]", name, i), err, uint64(i)+1)
		}
	}
}

// TestRefusedNodeIsACall: a call that ends because of the caller's node is a call
// like any other. The observer sees it, and nothing is written.
func TestRefusedNodeIsACall(t *testing.T) {
	for name, s := range schemes(t) {
		var seen []string
		kv := kvtest.Strict(t)
		tree, err := hashtree.Open(kv, s, kvshard.WithObserver(func(s kvshard.Stats) { seen = append(seen, s.Op) }))
		if err != nil {
			t.Fatal(err)
		}
		seen = nil
		_, err = tree.Append(beyond)
		wantRefused(t, name+": Append", err, 0)
		_, err = tree.AppendBatch([]hashtree.Node{{1}, beyond})
		wantRefused(t, name+": AppendBatch", err, 1)
		err = tree.InsertFrontier(hashtree.Frontier{Size: 2, Ommers: []hashtree.Node{beyond}}, 1)
		wantRefused(t, name+": InsertFrontier", err, 1)
		_, err = tree.Adopt(beyond)
		wantRefused(t, name+": Adopt", err, 0)
		if fmt.Sprint(seen) != "[Append AppendBatch InsertFrontier Adopt]" {
			t.Errorf("%s: the observer saw %v", name, seen)
		}
		if kv.Len() != 0 {
			t.Errorf("%s: %d records were written", name, kv.Len())
		}
	}
}

// TestSchemeOfNoTree: a Tree that nothing opened has no scheme.
func TestSchemeOfNoTree(t *testing.T) {
	if got := (*hashtree.Tree)(nil).Scheme(); got != nil {
		t.Error(got)
	}
	if got := new(hashtree.Tree).Scheme(); got != nil {
		t.Error(got)
	}
}
