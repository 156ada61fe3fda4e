package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

type kindStat struct {
	Kind       string `json:"kind"`
	Records    uint64 `json:"records"`
	KeyBytes   uint64 `json:"key_bytes"`
	ValueBytes uint64 `json:"value_bytes"`
}

func newStatCommand(e *env) *cobra.Command {
	var blocks uint
	c := &cobra.Command{
		Use:   "stat",
		Short: "Print sizes, keys and bytes by kind, and the gas of the last blocks",
		Long: `Print the size, root, scheme and checkpoints, and for each kind of record how many there
are and how many bytes they take.

For the last checkpoints, print what their blocks cost in the SDK's default KV gas.
For that the tree is taken back, in memory only, and each block is done again: one
append of its leaves, the checkpoint, the root. If the tree keeps as many
checkpoints as it may, two of them must remain when it is taken back.

Of a tree whose scheme this command does not know, root and blocks are left out.`,
		Example: `  $ kvshard stat
  scheme orchard, depth 32
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
	now, err := s.State(tree)
	if err != nil {
		return err
	}
	result := struct {
		source.State
		Scheme      string      `json:"scheme"`
		Depth       int         `json:"depth,omitempty"`
		Lacking     string      `json:"not_shown,omitempty"`
		Checkpoints int         `json:"checkpoints"`
		Retained    int         `json:"retained"`
		Oldest      *uint32     `json:"oldest,omitempty"`
		Newest      *uint32     `json:"newest,omitempty"`
		Kinds       []kindStat  `json:"kinds"`
		Total       kindStat    `json:"total"`
		Blocks      []blockStat `json:"blocks"`
	}{State: now, Scheme: s.Scheme.Label(), Lacking: s.Scheme.Lacking("root, depth and gas of the last blocks"), Blocks: []blockStat{}}

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
	if result.Lacking == "" {
		result.Depth = s.Scheme.Depth
		if result.Blocks, err = replayBlocks(s, tree, list, int(min(blocks, uint(len(list))))); err != nil {
			return err
		}
	}

	return e.emit(result, func(w io.Writer) {
		if result.Lacking == "" {
			fmt.Fprintf(w, "scheme %s, depth %d\nleaves %d, root %s", result.Scheme, result.Depth, result.Size, result.Root)
		} else {
			fmt.Fprintf(w, "scheme %s\n%s\nleaves %d", result.Scheme, result.Lacking, result.Size)
		}
		fmt.Fprintf(w, ", checkpoints %d", len(list))
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

// countRecords counts the records of each kind, and all of them. Keys that are not a
// tree's, if there are any, are a kind of their own.
func countRecords(e *env, s *source.Source) (counted []kindStat, total kindStat, err error) {
	byKind := map[kvshard.RecordKind]*kindStat{}
	p := e.newProgress("stat", "records", -1, 0)
	defer p.end()
	for r, err := range s.Records() {
		if err != nil {
			return nil, total, err
		}
		kind := r.Name().Kind
		if byKind[kind] == nil {
			byKind[kind] = &kindStat{}
		}
		for _, k := range []*kindStat{byKind[kind], &total} {
			k.Records++
			k.KeyBytes += uint64(len(s.Prefix) + len(r.Key))
			k.ValueBytes += uint64(len(r.Value))
		}
		p.add(1)
	}
	named := func(name string, k kindStat) kindStat {
		k.Kind = name
		return k
	}
	for _, kind := range kvshard.RecordKinds() {
		k := byKind[kind]
		if k == nil {
			k = &kindStat{}
		}
		counted = append(counted, named(kind.String(), *k))
	}
	if k := byKind[0]; k != nil {
		counted = append(counted, named("unknown", *k))
	}
	return counted, named("total", total), nil
}
