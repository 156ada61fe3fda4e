package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func (a *app) exportCommand() *cobra.Command {
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
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if form != "records" && form != "leaves" {
			return exit.Usagef("--form %q: it is records or leaves", form)
		}
		s, err := a.toRead(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		if len(args) == 0 || args[0] == "-" {
			if a.onTerminal() {
				return exit.Usagef("a stream is not for a terminal: give a FILE, or send it on")
			}
			_, _, err := a.export(s, form, a.out)
			return err
		}
		var header streamHeader
		var written uint64
		err = replaceFile(args[0], func(w io.Writer) (err error) {
			header, written, err = a.export(s, form, w)
			return err
		})
		if err != nil {
			return err
		}
		result := struct {
			streamHeader
			File    string `json:"file"`
			Written uint64 `json:"records"`
		}{header, args[0], written}
		return a.emit(result, func(w io.Writer) {
			if form == "leaves" {
				fmt.Fprintf(w, "exported %d leaves, %d checkpoints\n", header.Size, len(header.Checkpoints))
				return
			}
			fmt.Fprintf(w, "exported %d leaves, %d records\n", header.Size, written)
		})
	}
	return c
}

func (a *app) export(s *source, form string, w io.Writer) (h streamHeader, written uint64, err error) {
	tree, err := s.tree()
	if err != nil {
		return h, 0, err
	}
	h = streamHeader{Form: form, Checkpoints: []checkpointRecord{}, MaxCheckpoints: s.config.MaxCheckpoints, Retention: s.config.Retention}
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
		h.Checkpoints = append(h.Checkpoints, checkpointRecord{checkpointView(checkpoint), root})
	}
	if form == "leaves" {
		return h, 0, a.exportLeaves(s, tree, h, w)
	}
	// Counted first, so that an import knows how many there will be.
	if err := records(s.kv, s.prefix, func(record) error { h.Records++; return nil }); err != nil {
		return h, 0, err
	}
	out, err := newStreamWriter(w, h)
	if err != nil {
		return h, 0, err
	}
	var limits recordLimits
	p := a.newProgress("export", "records", int64(h.Records), 0)
	defer p.end()
	err = records(s.kv, s.prefix, func(r record) error {
		if most := limits.next(r.key); len(r.value) > most {
			return exit.Errorf(exit.State, "\"kvshard check\"", "%s has %d bytes, and in a stream at most %d", recordName(r.key), len(r.value), most)
		}
		limits.add(r)
		out.record(r)
		p.add(1)
		return nil
	})
	if err != nil {
		return h, 0, err
	}
	return h, h.Records, out.end()
}

// exportLeaves refuses a tree that an import could not make again from leaves
// and checkpoints.
func (a *app) exportLeaves(s *source, tree *kvshard.Tree, h streamHeader, w io.Writer) error {
	const hint = "--form records"
	if h.Retention != "marked" {
		return exit.Errorf(exit.State, hint, "the tree does not keep its leaves")
	}
	err := records(s.kv, s.prefix, func(r record) error {
		// A checkpoint's removed marks begin at byte 9 (FORMAT.md).
		if r.key[0] == 0x11 && len(r.value) >= 13 && binary.LittleEndian.Uint32(r.value[9:]) > 0 {
			return exit.Errorf(exit.State, hint, "%s has marks removed", recordName(r.key))
		}
		if r.key[0] == 0x14 && len(r.key) == 14 && r.key[1] == 0x02 { // it waits, and its leaf is marked until then
			return exit.Errorf(exit.State, hint, "the mark of leaf %d is removed as of checkpoint %d", binary.BigEndian.Uint64(r.key[6:]), binary.BigEndian.Uint32(r.key[2:]))
		}
		return nil
	})
	if err != nil {
		return err
	}
	out, err := newStreamWriter(w, h)
	if err != nil {
		return err
	}
	p := a.newProgress("export", "leaves", int64(h.Size), 0)
	defer p.end()
	stops := h.Checkpoints
	var batch []kvshard.Node
	flush := func() {
		if len(batch) > 0 {
			out.leaves(batch)
			batch = batch[:0]
		}
	}
	position := uint64(0)
	checkpoints := func() {
		for len(stops) > 0 && stops[0].Size == position {
			flush()
			out.checkpoint(stops[0].ID)
			stops = stops[1:]
		}
	}
	pruned := func() error {
		return exit.Errorf(exit.State, hint, "a leaf from position %d on is not kept or not marked", position)
	}
	err = records(s.kv, s.prefix, func(r record) error {
		if r.key[0] != 0x0F {
			return nil
		}
		leaves, whole, marked := shardLeaves(r.value)
		if !whole || !marked || len(r.key) != 9 || binary.BigEndian.Uint64(r.key[1:])*16 != position {
			return pruned()
		}
		for _, leaf := range leaves {
			checkpoints()
			batch = append(batch, leaf)
			position++
			if len(batch) == appendBatch {
				flush()
			}
		}
		p.add(int64(len(leaves)))
		return nil
	})
	if err != nil {
		return err
	}
	checkpoints()
	flush()
	if position != h.Size {
		return pruned()
	}
	return out.end()
}
