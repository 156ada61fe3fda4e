package bundle_test

import (
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
)

// TestTwoLibraries appends the commitments of bundles to a tree, while others are
// verified: libkvshard and libshieldbundle in one program, at the same time.
func TestTwoLibraries(t *testing.T) {
	f := fixtures(t)["shield"]
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			parsed, err := bundle.Parse(f.raw)
			if err != nil {
				t.Error(err)
				return
			}
			tree, err := kvshard.Open(dbm.NewMemDB())
			if err != nil {
				t.Error(err)
				return
			}
			// A bundle that only shields has the root of the empty tree.
			if root, err := tree.Root(); err != nil || root != kvshard.Node(parsed.Anchor) {
				t.Errorf("root %s, %v, anchor %x", root, err, parsed.Anchor)
			}
			for range 20 {
				for _, a := range parsed.Actions {
					if _, err := tree.Append(kvshard.Node(a.Commitment)); err != nil {
						t.Error(err)
					}
				}
			}
			if err := bundle.Verify(f.raw, f.bound); err != nil {
				t.Error(err)
			}
			if size, err := tree.Size(); size != 40 || err != nil {
				t.Errorf("size %d, %v", size, err)
			}
		})
	}
	group.Wait()
}
