//go:build shieldbundle_dev && kvshard_dev

package bundle_test

import (
	"errors"
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
)

// TestBothPanic: make test-panic-chain links libraries that panic both, kvshard at a
// checkpoint with this id. Each catches its own panics, at the same time.
func TestBothPanic(t *testing.T) {
	const panics = 0xDEADBEEF
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 10 {
				if _, err := bundle.Parse([]byte("panic")); !errors.Is(err, bundle.ErrInternal) {
					t.Errorf("bundle: %v, want ErrInternal", err)
				}
			}
		})
		group.Go(func() {
			tree, err := kvshard.Open(dbm.NewMemDB())
			if err != nil {
				t.Error(err)
				return
			}
			for range 10 {
				if err := tree.Checkpoint(panics); !errors.Is(err, kvshard.ErrInternal) {
					t.Errorf("kvshard: %v, want ErrInternal", err)
				}
			}
		})
	}
	group.Wait()
}
