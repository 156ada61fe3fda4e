package main

import (
	"encoding/binary"
	"io"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/stream"
)

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
			return h, 0, exit.Errorf(exit.State, "run \"kvshard check\"", "%s has %d bytes; a stream takes at most %d", record.Name(r.Key), len(r.Value), most)
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
	const hint = "give --form records"
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
