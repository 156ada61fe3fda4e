package schemes

import (
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

// TestCosts: a block of 10 leaves on a tree of 100,000 stays within what kvshard
// promises for Orchard's, and the hasher is called once for all pairs of a level.
func TestCosts(t *testing.T) {
	const size, perBlock, blocks = 100_000, 10, 128
	scheme, err := KeccakTree(32)
	if err != nil {
		t.Fatal(err)
	}
	gas := kvtest.NewGasStore(kvtest.Strict(t), 0)
	trace := kvtest.NewTraceStore(gas)
	trace.Record(false)
	var hashes, calls uint64
	tree, err := hashtree.Open(trace, scheme, kvshard.WithObserver(func(s kvshard.Stats) {
		hashes += s.Hashes
		calls += s.HasherCalls
	}))
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	leaves := hashed{leaf: sameBytes}.leaves(dataOf(size + perBlock*blocks))
	must(tree.AppendBatch(leaves[:size]))
	id := uint32(0)
	checkpoint := func() {
		id++
		must(nil, tree.Checkpoint(id))
	}
	for range 100 {
		checkpoint()
	}
	trace.Reset()
	trace.Record(false)
	gas.Reset()
	hashes, calls = 0, 0
	for at := size; at < len(leaves); at += perBlock {
		must(tree.AppendBatch(leaves[at : at+perBlock]))
		checkpoint()
		must(tree.Root())
	}
	perBlockOf := func(n uint64) float64 { return float64(n) / blocks }
	t.Logf("a block: %.0f gas, %.1f operations, %.1f hashes in %.1f calls of the hasher",
		perBlockOf(gas.GasConsumed()), perBlockOf(trace.Counts().Ops()), perBlockOf(hashes), perBlockOf(calls))
	if perBlockOf(gas.GasConsumed()) > 60_000 || perBlockOf(trace.Counts().Ops()) > 24 || perBlockOf(hashes) > 60 {
		t.Error("a block costs more than promised")
	}
	if calls > hashes || perBlockOf(calls) > 2*32+8 {
		t.Errorf("%d calls of the hasher for %d hashes", calls, hashes)
	}
	gas.Reset()
	for i := range uint64(blocks) {
		must(tree.WitnessAt(i*7919%size, id))
	}
	if perBlockOf(gas.GasConsumed()) > 30_000 {
		t.Errorf("a witness costs %.0f gas", perBlockOf(gas.GasConsumed()))
	}
}
