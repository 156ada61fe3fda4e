package tests

import (
	"fmt"
	"testing"
	"time"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/internal/votedata"
	"github.com/kvshard/kvshard/kvtest"
)

// voteCosts has what a block (AppendBatch of 10 leaves, Checkpoint, Root) and a
// witness cost on a tree like the vote chain's, by its leaves when the first block
// begins. The tree is under a round's prefix of 33 bytes and has 1,000 checkpoints,
// as many as are kept. docs/votetree.md has the means, beside those of the crate.
var voteCosts = map[uint64]string{
	1_000: `block: 49084 gas, 14.6 operations, 38.3 hashes; the dearest 82420 gas
witness: 16302 gas, 9.0 operations, 45.0 hashes; the dearest 16302 gas`,
	10_000: `block: 49331 gas, 14.6 operations, 38.3 hashes; the dearest 82182 gas
witness: 15430 gas, 8.8 operations, 38.5 hashes; the dearest 15702 gas`,
	100_000: `block: 49441 gas, 14.6 operations, 38.2 hashes; the dearest 92374 gas
witness: 18495 gas, 10.6 operations, 43.5 hashes; the dearest 19058 gas`,
}

// TestVoteCosts compares the costs with the exact numbers.
func TestVoteCosts(t *testing.T) {
	for size, want := range voteCosts {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if testing.Short() && size > 10_000 {
				t.Skip("a large tree, not with -short")
			}
			if got := measureVote(t, size); got != want {
				t.Errorf("the costs are\n%s\nand were\n%s", got, want)
			}
		})
	}
}

func measureVote(t *testing.T, size uint64) string {
	t.Helper()
	gas := kvtest.NewGasStore(kvtest.Strict(t), 0)
	trace := kvtest.NewTraceStore(gas)
	trace.Record(false)
	hashes := uint64(0)
	tree, err := hashtree.Open(trace, hashtree.VotePoseidon(), kvshard.WithPrefix(make([]byte, 33)),
		kvshard.WithMaxCheckpoints(votedata.MaxCheckpoints),
		kvshard.WithObserver(func(s kvshard.Stats) { hashes += s.Hashes }))
	if err != nil {
		t.Fatal(err)
	}
	leaves := func(first uint64, n int) []hashtree.Node {
		nodes := make([]hashtree.Node, n)
		for i, leaf := range treetest.LeavesAt(first, n) {
			nodes[i] = hashtree.Node(leaf)
		}
		return nodes
	}
	if _, err := tree.AppendBatch(leaves(0, int(size))); err != nil {
		t.Fatal(err)
	}
	id := uint32(0)
	for range votedata.MaxCheckpoints {
		id++
		if err := tree.Checkpoint(id); err != nil {
			t.Fatal(err)
		}
	}
	var took time.Duration // of all calls since it was set to 0
	of := func(call func() error) cost {
		now := func() cost { return cost{gas.GasConsumed(), trace.Counts().Ops(), hashes} }
		before, began := now(), time.Now()
		if err := call(); err != nil {
			t.Fatal(err)
		}
		took += time.Since(began)
		return now().sub(before)
	}
	var blocks, witnesses sum
	for i := range uint64(costBlocks) {
		batch := leaves(size+10*i, 10)
		blocks.add(of(func() error {
			if _, err := tree.AppendBatch(batch); err != nil {
				return err
			}
			id++
			if err := tree.Checkpoint(id); err != nil {
				return err
			}
			_, err := tree.Root()
			return err
		}))
	}
	t.Logf("a block takes %.2f ms", took.Seconds()*1000/costBlocks)
	took = 0
	for i := range uint64(costWitnesses) {
		witnesses.add(of(func() error {
			_, err := tree.WitnessAt(i*7919%size, id)
			return err
		}))
	}
	t.Logf("a witness takes %.2f ms", took.Seconds()*1000/costWitnesses)
	row := func(name string, s sum) string {
		m := s.mean()
		return fmt.Sprintf("%s: %.0f gas, %.1f operations, %.1f hashes; the dearest %d gas", name, m.Gas, m.Ops, m.Hashes, s.Max.Gas)
	}
	return row("block", blocks) + "\n" + row("witness", witnesses)
}
