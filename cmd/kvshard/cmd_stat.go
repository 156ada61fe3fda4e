package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"cosmossdk.io/core/store"
	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/kvtest"
)

type kindStat struct {
	Kind       string `json:"kind"`
	Records    uint64 `json:"records"`
	KeyBytes   uint64 `json:"key_bytes"`
	ValueBytes uint64 `json:"value_bytes"`
}

type blockStat struct {
	ID     uint32 `json:"checkpoint"`
	Leaves uint64 `json:"leaves"`
	Gas    uint64 `json:"gas"`
	Ops    uint64 `json:"kv_operations"`
	Reads  uint64 `json:"bytes_read"`
	Writes uint64 `json:"bytes_written"`
	Hashes uint64 `json:"hashes"`
}

func newStatCommand(e *env) *cobra.Command {
	var blocks uint
	c := &cobra.Command{
		Use:   "stat",
		Short: "Print sizes, keys and bytes by kind, and the gas of the last blocks",
		Long: `Print the size, root and checkpoints, and for each kind of record how many there
are and what they take.

For the last checkpoints it prints what their blocks would cost in the SDK's
default KV gas: it takes the tree back, in memory, and does each block again:
one append of its leaves, the checkpoint, the root. If the tree has all the
checkpoints that it keeps, two of them must be left when it is taken back.`,
		Example: `  $ kvshard stat
  leaves 1000000, root 1f0c..., checkpoints 100 (1 to 100, 0 retained)
  kind    records   key bytes   value bytes
  shard     62500      562500      35937500
  ...
  block   leaves      gas   kv operations   bytes read   bytes written   hashes
  100         10    48213              11         1310            1204       43`,
		Args: cobra.NoArgs,
	}
	c.Flags().UintVar(&blocks, "blocks", 3, "how many of the last blocks to do again")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return withTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
			return stat(e, s, tree, blocks)
		})
	}
	return c
}

func stat(e *env, s *source.Source, tree *kvshard.Tree, blocks uint) error {
	now, err := source.ReadState(tree, nil)
	if err != nil {
		return err
	}
	result := struct {
		source.State
		Checkpoints int         `json:"checkpoints"`
		Retained    int         `json:"retained"`
		Oldest      *uint32     `json:"oldest,omitempty"`
		Newest      *uint32     `json:"newest,omitempty"`
		Kinds       []kindStat  `json:"kinds"`
		Total       kindStat    `json:"total"`
		Blocks      []blockStat `json:"blocks"`
	}{State: now}

	var list []kvshard.Checkpoint
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return err
		}
		list = append(list, checkpoint)
		if checkpoint.Retained {
			result.Retained++
		}
	}
	result.Checkpoints = len(list)
	if len(list) > 0 {
		result.Oldest, result.Newest = &list[0].ID, &list[len(list)-1].ID
	}

	if result.Kinds, result.Total, err = countRecords(e, s); err != nil {
		return err
	}
	if result.Blocks, err = replayBlocks(s, tree, list, int(min(blocks, uint(len(list))))); err != nil {
		return err
	}

	return e.emit(result, func(w io.Writer) {
		fmt.Fprintf(w, "leaves %d, root %s, checkpoints %d", result.Size, result.Root, len(list))
		if len(list) > 0 {
			fmt.Fprintf(w, " (%d to %d, %d retained)", *result.Oldest, *result.Newest, result.Retained)
		}
		fmt.Fprintln(w)
		t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "kind\trecords\tkey bytes\tvalue bytes\t")
		for _, k := range append(result.Kinds, result.Total) {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t\n", k.Kind, k.Records, k.KeyBytes, k.ValueBytes)
		}
		_ = t.Flush()
		if len(result.Blocks) == 0 {
			return
		}
		fmt.Fprintln(w)
		fmt.Fprintln(t, "block\tleaves\tgas\tkv operations\tbytes read\tbytes written\thashes\t")
		for _, b := range result.Blocks {
			fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", b.ID, b.Leaves, b.Gas, b.Ops, b.Reads, b.Writes, b.Hashes)
		}
		_ = t.Flush()
	})
}

// countRecords counts the records of each kind, and of all.
func countRecords(e *env, s *source.Source) (counted []kindStat, total kindStat, err error) {
	total.Kind = "total"
	byFirst := map[byte]int{}
	for i, kind := range record.Kinds {
		counted = append(counted, kindStat{Kind: kind.Name})
		byFirst[kind.First] = i
	}
	p := e.newProgress("stat", "records", -1, 0)
	defer p.end()
	for r, err := range record.All(s.KV, s.Prefix) {
		if err != nil {
			return nil, total, err
		}
		for _, k := range []*kindStat{&counted[byFirst[r.Key[0]]], &total} {
			k.Records++
			k.KeyBytes += uint64(len(s.Prefix) + len(r.Key))
			k.ValueBytes += uint64(len(r.Value))
		}
		p.add(1)
	}
	return counted, total, nil
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
		// Each of these blocks pruned a checkpoint, and reads on to the next
		// oldest: that one must still be there.
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
	overlay := disk.NewOverlay(s.KV)
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
