package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/stream"
)

func newExportCommand(e *env) *cobra.Command {
	form := "records"
	c := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write the whole tree as one stream",
		Long: `Write the whole tree as one stream, to a file or standard output: a header with
size, root and checkpoints, then the records as they are stored, or, with --form
leaves, the leaves and checkpoints alone, which is a sixth smaller and faster to
import. It ends with a SHA-256.

--form leaves needs every leaf marked. A FILE is replaced when the new one is complete.
With --salvage the tree is read as it was before its database was damaged.`,
		Example: `  $ kvshard export tree.kvx
  exported 1000000 leaves, 72917 records

  $ kvshard export --db application.db --store notes --height 120 | ssh backup 'cat > notes.kvx'`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&form, "form", form, "records or leaves")
	_ = c.RegisterFlagCompletionFunc("form", cobra.FixedCompletions([]string{"records", "leaves"}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, args []string) error {
		if form != "records" && form != "leaves" {
			return exit.Usagef("--form %q: it is records or leaves", form)
		}
		return withTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
			if len(args) == 0 || args[0] == "-" {
				if isTerminal(e.out) {
					return exit.Usagef("a stream is not for a terminal: give a FILE, or send it on")
				}
				_, _, err := export(e, s, tree, form, e.out)
				return err
			}
			return exportTo(e, s, tree, form, args[0])
		})
	}
	return c
}

// exportTo replaces a file when the stream is whole.
func exportTo(e *env, s *source.Source, tree *kvshard.Tree, form, file string) error {
	var header stream.Header
	var written uint64
	err := disk.ReplaceFile(file, func(w io.Writer) (err error) {
		header, written, err = export(e, s, tree, form, w)
		return err
	})
	if err != nil {
		return err
	}
	result := struct {
		stream.Header
		File    string `json:"file"`
		Written uint64 `json:"records"`
	}{header, file, written}
	return e.emit(result, func(w io.Writer) {
		if form == "leaves" {
			fmt.Fprintf(w, "exported %d leaves, %d checkpoints\n", header.Size, len(header.Checkpoints))
			return
		}
		fmt.Fprintf(w, "exported %d leaves, %d records\n", header.Size, written)
	})
}

// export writes the stream, and returns its header and how many records it has.
func export(e *env, s *source.Source, tree *kvshard.Tree, form string, w io.Writer) (h stream.Header, written uint64, err error) {
	h = stream.Header{Form: form, Checkpoints: []stream.Checkpoint{}, MaxCheckpoints: s.Config.MaxCheckpoints, Retention: s.Config.Retention}
	if h.Size, err = tree.Size(); err != nil {
		return h, 0, err
	}
	if h.Root, err = tree.Root(); err != nil {
		return h, 0, err
	}
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return h, 0, err
		}
		root, err := tree.RootAt(checkpoint.ID)
		if err != nil {
			return h, 0, err
		}
		h.Checkpoints = append(h.Checkpoints, stream.Checkpoint{Checkpoint: source.Checkpoint(checkpoint), Root: root})
	}
	if form == "leaves" {
		return h, 0, exportLeaves(e, s, tree, h, w)
	}
	// Counted first, so that an import knows how many there will be.
	for _, err := range record.All(s.KV, s.Prefix) {
		if err != nil {
			return h, 0, err
		}
		h.Records++
	}
	out, err := stream.NewWriter(w, h)
	if err != nil {
		return h, 0, err
	}
	var limits stream.Limits
	p := e.newProgress("export", "records", int64(h.Records), 0)
	defer p.end()
	for r, err := range record.All(s.KV, s.Prefix) {
		if err != nil {
			return h, 0, err
		}
		if most := limits.Next(r.Key); len(r.Value) > most {
			return h, 0, exit.Errorf(exit.State, "\"kvshard check\"", "%s has %d bytes, and in a stream at most %d", record.Name(r.Key), len(r.Value), most)
		}
		limits.Add(r)
		out.Record(r)
		p.add(1)
	}
	return h, h.Records, out.End()
}

// exportLeaves refuses a tree that an import could not make again from leaves
// and checkpoints.
func exportLeaves(e *env, s *source.Source, tree *kvshard.Tree, h stream.Header, w io.Writer) error {
	const hint = "--form records"
	if h.Retention != "marked" {
		return exit.Errorf(exit.State, hint, "the tree does not keep its leaves")
	}
	for r, err := range record.All(s.KV, s.Prefix) {
		if err != nil {
			return err
		}
		// A checkpoint's removed marks begin at byte 9 (FORMAT.md).
		if r.Key[0] == record.Checkpoint && len(r.Value) >= 13 && binary.LittleEndian.Uint32(r.Value[9:]) > 0 {
			return exit.Errorf(exit.State, hint, "%s has marks removed", record.Name(r.Key))
		}
		if r.Key[0] == record.Summary && len(r.Key) == 14 && r.Key[1] == 0x02 { // it waits, and its leaf is marked until then
			return exit.Errorf(exit.State, hint, "the mark of leaf %d is removed as of checkpoint %d", binary.BigEndian.Uint64(r.Key[6:]), binary.BigEndian.Uint32(r.Key[2:]))
		}
	}
	out, err := stream.NewWriter(w, h)
	if err != nil {
		return err
	}
	p := e.newProgress("export", "leaves", int64(h.Size), 0)
	defer p.end()
	stops := h.Checkpoints
	var batch []kvshard.Node
	flush := func() {
		if len(batch) > 0 {
			out.Leaves(batch)
			batch = batch[:0]
		}
	}
	position := uint64(0)
	checkpoints := func() {
		for len(stops) > 0 && stops[0].Size == position {
			flush()
			out.Checkpoint(stops[0].ID)
			stops = stops[1:]
		}
	}
	pruned := func() error {
		return exit.Errorf(exit.State, hint, "a leaf from position %d on is not kept or not marked", position)
	}
	for r, err := range record.All(s.KV, s.Prefix) {
		if err != nil {
			return err
		}
		if r.Key[0] != record.Shard {
			continue
		}
		leaves, whole, marked := record.ShardLeaves(r.Value)
		if !whole || !marked || len(r.Key) != 9 || binary.BigEndian.Uint64(r.Key[1:])*16 != position {
			return pruned()
		}
		for _, leaf := range leaves {
			checkpoints()
			batch = append(batch, leaf)
			position++
			if len(batch) == source.BatchLeaves {
				flush()
			}
		}
		p.add(int64(len(leaves)))
	}
	checkpoints()
	flush()
	if position != h.Size {
		return pruned()
	}
	return out.End()
}
