package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/kvtest"
)

// The gas of the last blocks is what they cost when they were made, also when
// each of them had to prune.
func TestStatGas(t *testing.T) {
	t.Parallel()
	for keep, want := range map[uint32]int{2: 0, 3: 1, 5: 2, 50: 2} {
		dir := t.TempDir()
		ok(t, dir, "", "init", "--max-checkpoints", fmt.Sprint(keep))
		db, err := disk.Open(filepath.Join(dir, "tree/tree.db"), disk.GoLevelDB)
		if err != nil {
			t.Fatal(err)
		}
		nodes := clitest.Leaves(200)
		var blocks []blockStat
		for id := range uint32(20) {
			trace := kvtest.NewTraceStore(db)
			gas := kvtest.NewGasStore(trace, 0)
			block := blockStat{ID: id, Leaves: 10}
			tree, err := kvshard.Open(gas, kvshard.WithMaxCheckpoints(keep), kvshard.WithObserver(func(s kvshard.Stats) { block.Hashes += s.Hashes }))
			if err != nil {
				t.Fatal(err)
			}
			_, err = tree.AppendBatch(nodes[10*id : 10*id+10])
			if err = errors.Join(err, tree.Checkpoint(id)); err != nil {
				t.Fatal(err)
			}
			if _, err := tree.Root(); err != nil {
				t.Fatal(err)
			}
			block.Gas, block.Ops = gas.GasConsumed(), trace.Counts().Ops()
			block.Reads, block.Writes = trace.Counts().BytesRead, trace.Counts().BytesWritten
			blocks = append(blocks, block)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		got := okJSON[struct{ Blocks []blockStat }](t, dir, "", "stat", "--blocks", "2")
		if blocks = blocks[20-want:]; fmt.Sprint(got.Blocks) != fmt.Sprint(blocks) {
			t.Errorf("%d kept: %v, and they cost %v", keep, got.Blocks, blocks)
		}
	}
}
