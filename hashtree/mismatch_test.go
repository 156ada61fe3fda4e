package hashtree_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// TestSchemeMismatch: a tree that is opened with another scheme than it was made
// with answers every call with ErrSchemeMismatch, and is not changed.
func TestSchemeMismatch(t *testing.T) {
	schemes := []struct {
		name    string
		options []kvshard.Option
	}{
		{"Orchard", nil},
		{"the vote chain's", []kvshard.Option{hashtree.VotePoseidon().Option()}},
		{"a hash of Go's", []kvshard.Option{newScheme(t, "sha", 32, sha{1}).Option()}},
		{"another depth", []kvshard.Option{newScheme(t, "sha", 24, sha{1}).Option()}},
		{"another hash", []kvshard.Option{newScheme(t, "sha", 32, sha{2}).Option()}},
		{"another name", []kvshard.Option{newScheme(t, "sha2", 32, sha{1}).Option()}},
	}
	for _, made := range schemes {
		for _, size := range []int{1, 5, 128, 200} {
			kv := kvtest.NewMemStore()
			tree := treetest.Open(t, kv, made.options...)
			if _, err := treetest.Block(tree, 0, size, 10); err != nil {
				t.Fatal(err)
			}
			before := kv.Clone()
			for _, opened := range schemes {
				tree := treetest.Open(t, kv, opened.options...)
				if opened.name == made.name {
					treetest.CheckTree(t, tree)
					continue
				}
				name := fmt.Sprintf("%s, opened as %s, %d leaves", made.name, opened.name, size)
				insert := tree.InsertFrontier(kvshard.Frontier{Size: 1}, 99)
				refused(t, name+", InsertFrontier", insert)
				for _, c := range treetest.Calls {
					refused(t, name+", "+c.Name, c.Call(tree))
				}
				if !kv.Equal(before) {
					t.Fatalf("%s: the store has changed:\n%s", name, before.Diff(kv))
				}
			}
		}
	}
}

func refused(t *testing.T, name string, err error) {
	t.Helper()
	var e *kvshard.Error
	if !errors.Is(err, kvshard.ErrSchemeMismatch) || !errors.As(err, &e) || string(e.Key) != string(kvshard.RecordName{Kind: kvshard.KindTip}.Key()) || !strings.Contains(err.Error(), "open the tree with the scheme that it was made with") {
		t.Errorf("%s: %v, want ErrSchemeMismatch with the tip's key", name, err)
	}
}
