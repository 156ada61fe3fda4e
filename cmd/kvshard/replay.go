package main

import (
	"errors"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/internal/dbstore"
	"github.com/kvshard/kvshard/kvtest"
)

// A blockStat is what a block costs.
type blockStat struct {
	ID     uint32 `json:"checkpoint"`
	Leaves uint64 `json:"leaves"`
	Gas    uint64 `json:"gas"`
	Ops    uint64 `json:"kv_operations"`
	Reads  uint64 `json:"bytes_read"`
	Writes uint64 `json:"bytes_written"`
	Hashes uint64 `json:"hashes"`
}

// replayBlocks takes the tree back, in memory, and does its last blocks again
// on a store that charges gas. A block whose leaves were not kept ends it.
func replayBlocks(s *source.Source, now *kvshard.Tree, list []kvshard.Checkpoint, blocks int) ([]blockStat, error) {
	done := []blockStat{}
	kept := 0
	for _, c := range list {
		if !c.Retained {
			kept++
		}
	}
	blocks = min(blocks, len(list)-1)
	keep := s.Config.MaxCheckpoints
	if kept >= int(keep) {
		// Each of these blocks pruned a checkpoint, and read the next oldest: that one
		// must still be there.
		blocks = min(blocks, kept-2)
		keep -= uint32(max(blocks, 0))
	}
	if blocks < 1 {
		return done, nil
	}
	from := list[len(list)-1-blocks]
	leaves := make([][]kvshard.Node, blocks)
	for i := range leaves {
		first, last := list[len(list)-1-blocks+i].Size, list[len(list)-blocks+i].Size
		for position := first; position < last; position++ {
			leaf, err := now.Leaf(position)
			if errors.Is(err, kvshard.ErrPruned) {
				return done, nil
			}
			if err != nil {
				return nil, err
			}
			leaves[i] = append(leaves[i], leaf)
		}
	}
	overlay := dbstore.NewOverlay(s.KV)
	back, err := kvshard.Open(overlay, s.Options...)
	if err != nil {
		return nil, err
	}
	if err := back.Rewind(from.ID); err != nil {
		return nil, err
	}
	for i := range leaves {
		checkpoint := list[len(list)-blocks+i]
		block, err := replayBlock(s, overlay, keep, leaves[i], checkpoint.ID)
		if err != nil {
			return nil, err
		}
		done = append(done, block)
	}
	return done, nil
}

func replayBlock(s *source.Source, kv store.KVStore, keep uint32, leaves []kvshard.Node, id uint32) (blockStat, error) {
	trace := kvtest.NewTraceStore(kv)
	trace.Record(false)
	gas := kvtest.NewGasStore(trace, 0)
	block := blockStat{ID: id, Leaves: uint64(len(leaves))}
	observe := func(stats kvshard.Stats) { block.Hashes += stats.Hashes }
	options := append(s.Options[:len(s.Options):len(s.Options)], kvshard.WithMaxCheckpoints(keep), kvshard.WithObserver(observe))
	tree, err := kvshard.Open(gas, options...)
	if err != nil {
		return block, err
	}
	if len(leaves) > 0 {
		if _, err := tree.AppendBatch(leaves); err != nil {
			return block, err
		}
	}
	if err := tree.Checkpoint(id); err != nil {
		return block, err
	}
	if _, err := tree.Root(); err != nil {
		return block, err
	}
	counts := trace.Counts()
	block.Gas, block.Ops, block.Reads, block.Writes = gas.GasConsumed(), counts.Ops(), counts.BytesRead, counts.BytesWritten
	return block, nil
}
