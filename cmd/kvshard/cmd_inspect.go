package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"cosmossdk.io/core/store"
	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/kvtest"
)

func (a *app) checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check every record against the tree's invariants",
		Long: `Read every record once, hash the whole tree, and print each violated invariant.
Exit code 5 if there is one. A million leaves take some seconds. It writes nothing,
so that one that was interrupted begins anew.`,
		Example: `  $ kvshard check
  sound: 1000000 leaves, root 1f0c...

  $ kvshard check --db application.db --store notes --height 120 --output json`,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		s, err := a.toRead(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		found, err := a.check(c.Context(), s)
		if err != nil {
			return err
		}
		return a.emitCheck(s, found)
	}
	return c
}

type violationView struct {
	Invariant string `json:"invariant"`
	Key       string `json:"key,omitempty"`
	Record    string `json:"record,omitempty"`
	Detail    string `json:"detail"`
}

// check returns the violations; its progress is the shards that were read.
func (a *app) check(ctx context.Context, s *source) ([]violationView, error) {
	size := uint64(0)
	if tree, err := s.tree(); err != nil {
		return nil, err
	} else if n, err := tree.Size(); err == nil {
		size = n
	}
	p := a.newProgress("check", "leaves", int64(size), 0)
	defer p.end()
	watched := &watchedStore{KVStore: s.kv, shard: append(append([]byte{}, s.prefix...), 0x0F), read: func() { p.add(16) }}
	tree, err := kvshard.Open(watched, s.options...)
	if err != nil {
		return nil, err
	}
	err = tree.Check()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	found := []violationView{}
	for _, one := range split(err) {
		var v *kvshard.Violation
		if !errors.As(one, &v) {
			return nil, one
		}
		found = append(found, violationView{v.Invariant, hexText(v.Key), v.Record, v.Detail})
	}
	return found, nil
}

// split takes joined errors apart.
func split(err error) []error {
	var joined interface{ Unwrap() []error }
	if err == nil {
		return nil
	}
	var own *kvshard.Error
	if errors.As(err, &own) || !errors.As(err, &joined) {
		return []error{err}
	}
	return joined.Unwrap()
}

func (a *app) emitCheck(s *source, found []violationView) error {
	result := struct {
		Sound      bool            `json:"sound"`
		Size       *uint64         `json:"size,omitempty"`
		Root       *kvshard.Node   `json:"root,omitempty"`
		Violations []violationView `json:"violations"`
	}{Sound: len(found) == 0, Violations: found}
	if result.Sound {
		tree, err := s.tree()
		if err != nil {
			return err
		}
		state, err := readState(tree, "")
		if err != nil {
			return err
		}
		result.Size, result.Root = &state.Size, &state.Root
	}
	err := a.emit(result, func(w io.Writer) {
		if result.Sound {
			fmt.Fprintf(w, "sound: %d leaves, root %s\n", *result.Size, *result.Root)
			return
		}
		for _, v := range found {
			name := v.Record
			if name == "" {
				name = v.Key
			}
			fmt.Fprintf(w, "%s: %s: %s\n", v.Invariant, name, v.Detail)
		}
		fmt.Fprintf(w, "%d violations\n", len(found))
	})
	if err != nil || result.Sound {
		return err
	}
	return &silentError{codeNo}
}

// watchedStore tells of each shard that an iterator passes.
type watchedStore struct {
	store.KVStore
	shard []byte // the prefix of shards' keys
	read  func()
}

func (s *watchedStore) Iterator(start, end []byte) (store.Iterator, error) {
	it, err := s.KVStore.Iterator(start, end)
	if err != nil || len(start) < len(s.shard) || string(start[:len(s.shard)]) != string(s.shard) {
		return it, err
	}
	return &watchedIterator{it, s.read}, nil
}

type watchedIterator struct {
	store.Iterator
	read func()
}

func (it *watchedIterator) Next() {
	it.read()
	it.Iterator.Next()
}

func (a *app) dumpCommand() *cobra.Command {
	var values bool
	c := &cobra.Command{
		Use:   "dump",
		Short: "Print a picture of the tree in text, or its records in JSON",
		Long: `Print the tree as text: root, checkpoints, cap, quads, tip and shards, with the
bytes that each takes. With --output json, print the records instead, a line
each: key, name and length, and with --values the value.`,
		Example: `  $ kvshard dump
  tree of depth 32: 8 leaves, root 6fbd...
  ...

  $ kvshard dump --output json --values
  {"key":"0f0000000000000000","record":"shard(0)","bytes":307,"value":"0102..."}`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&values, "values", false, "print values, too, in JSON")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		s, err := a.toRead(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		if values && a.output != "json" {
			return usage("--values goes with --output json")
		}
		if a.output == "json" {
			return a.dumpRecords(s, values)
		}
		tree, err := s.tree()
		if err != nil {
			return err
		}
		return tree.Dump(a.out)
	}
	return c
}

func (a *app) dumpRecords(s *source, values bool) error {
	lines := newLines(a.out)
	err := records(s.kv, s.prefix, func(r record) error {
		line := struct {
			Key    string  `json:"key"`
			Record string  `json:"record,omitempty"`
			Bytes  int     `json:"bytes"`
			Value  *string `json:"value,omitempty"`
		}{Key: hexText(append(append([]byte{}, s.prefix...), r.key...)), Record: recordName(r.key), Bytes: len(r.value)}
		if values {
			text := hexText(r.value)
			line.Value = &text
		}
		return lines.encode(line)
	})
	if err != nil {
		return err
	}
	return lines.flush()
}

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

func (a *app) statCommand() *cobra.Command {
	var blocks int
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
	c.Flags().IntVar(&blocks, "blocks", 3, "how many of the last blocks to do again")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if blocks < 0 {
			return usage("--blocks %d", blocks)
		}
		s, err := a.toRead(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		return a.stat(s, blocks)
	}
	return c
}

func (a *app) stat(s *source, blocks int) error {
	tree, err := s.tree()
	if err != nil {
		return err
	}
	now, err := readState(tree, "")
	if err != nil {
		return err
	}
	result := struct {
		state
		Checkpoints int         `json:"checkpoints"`
		Retained    int         `json:"retained"`
		Oldest      *uint32     `json:"oldest,omitempty"`
		Newest      *uint32     `json:"newest,omitempty"`
		Kinds       []kindStat  `json:"kinds"`
		Total       kindStat    `json:"total"`
		Blocks      []blockStat `json:"blocks"`
	}{state: now, Total: kindStat{Kind: "total"}, Blocks: []blockStat{}}

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

	byFirst := map[byte]*kindStat{}
	for _, kind := range kinds {
		result.Kinds = append(result.Kinds, kindStat{Kind: kind.name})
	}
	for i, kind := range kinds {
		byFirst[kind.first] = &result.Kinds[i]
	}
	p := a.newProgress("stat", "records", -1, 0)
	err = records(s.kv, s.prefix, func(r record) error {
		for _, k := range []*kindStat{byFirst[r.key[0]], &result.Total} {
			k.Records++
			k.KeyBytes += uint64(len(s.prefix) + len(r.key))
			k.ValueBytes += uint64(len(r.value))
		}
		p.add(1)
		return nil
	})
	p.end()
	if err != nil {
		return err
	}
	if result.Blocks, err = replayBlocks(s, list, blocks); err != nil {
		return err
	}

	return a.emit(result, func(w io.Writer) {
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

// replayBlocks takes the tree back, in memory, and does its last blocks again
// on a store that charges gas. A block whose leaves were not kept ends it.
func replayBlocks(s *source, list []kvshard.Checkpoint, blocks int) ([]blockStat, error) {
	done := []blockStat{}
	kept := 0
	for _, c := range list {
		if !c.Retained {
			kept++
		}
	}
	blocks = min(blocks, len(list)-1)
	keep := s.config.MaxCheckpoints
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
	now, err := s.tree()
	if err != nil {
		return nil, err
	}
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
	overlay := disk.NewOverlay(s.kv)
	back, err := kvshard.Open(overlay, s.options...)
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

func replayBlock(s *source, kv store.KVStore, keep uint32, leaves []kvshard.Node, id uint32) (blockStat, error) {
	trace := kvtest.NewTraceStore(kv)
	trace.Record(false)
	gas := kvtest.NewGasStore(trace, 0)
	block := blockStat{ID: id, Leaves: uint64(len(leaves))}
	observe := func(stats kvshard.Stats) { block.Hashes += stats.Hashes }
	options := append(s.options[:len(s.options):len(s.options)], kvshard.WithMaxCheckpoints(keep), kvshard.WithObserver(observe))
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
