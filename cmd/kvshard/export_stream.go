package main

import (
	"io"
	"iter"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/stream"
)

// export writes the stream, and returns its header.
func export(e *env, s *source.Source, tree *kvshard.Tree, form string, w io.Writer) (h stream.Header, err error) {
	if h, err = describe(s.Scheme, tree); err != nil {
		return h, err
	}
	h.Form, h.MaxCheckpoints, h.Retention = form, s.Config.MaxCheckpoints, s.Config.Retention
	if form == stream.FormLeaves {
		return h, exportLeaves(e, s, h, w)
	}
	// The records are counted first: the header tells an import how many come.
	if h.Records, err = stream.Count(s.Records()); err != nil {
		return h, err
	}
	out, err := stream.NewWriter(w, h)
	if err != nil {
		return h, err
	}
	p := e.newProgress("export", "records", int64(h.Records), 0)
	defer p.end()
	if err := out.Records(shown(s.Records(), p)); err != nil {
		return h, err
	}
	return h, out.End()
}

// describe returns a header with size, root and checkpoints. Of a scheme that is not
// known the roots stay zero.
func describe(scheme *schemes.Scheme, tree *kvshard.Tree) (h stream.Header, err error) {
	if scheme.Unknown() == nil {
		h, err = stream.Describe(tree)
		h.Scheme = scheme.Fingerprint()
		return h, err
	}
	h.Scheme = scheme.Fingerprint()
	if h.Size, err = tree.Size(); err != nil {
		return h, err
	}
	for c, err := range tree.Checkpoints() {
		if err != nil {
			return h, err
		}
		h.Checkpoints = append(h.Checkpoints, stream.Checkpoint{ID: c.ID, Size: c.Size, Retained: c.Retained})
	}
	return h, nil
}

// shown yields the records. Each is a step of the progress once it is done.
func shown(records iter.Seq2[kvshard.Record, error], p *progress) iter.Seq2[kvshard.Record, error] {
	return func(yield func(kvshard.Record, error) bool) {
		for r, err := range records {
			if !yield(r, err) {
				return
			}
			p.add(1)
		}
	}
}

// A leafExport writes a stream of leaves and checkpoints.
type leafExport struct {
	out      *stream.Writer
	position uint64              // of the next leaf
	stops    []stream.Checkpoint // that are to come
	batch    []kvshard.Node
}

// exportLeaves refuses a tree that an import could not make again from its leaves
// and checkpoints.
func exportLeaves(e *env, s *source.Source, h stream.Header, w io.Writer) error {
	if err := refuseLeaves(s, h); err != nil {
		return err
	}
	out, err := stream.NewWriter(w, h)
	if err != nil {
		return err
	}
	p := e.newProgress("export", "leaves", int64(h.Size), 0)
	defer p.end()
	x := &leafExport{out: out, stops: h.Checkpoints}
	for r, err := range s.RecordsOf(kvshard.KindShard) {
		if err != nil {
			return err
		}
		shard, err := r.Shard()
		if err != nil {
			return err
		}
		if err := x.shard(shard); err != nil {
			return err
		}
		p.add(int64(len(shard.Leaves)))
	}
	x.checkpoints()
	x.flush()
	if x.position != h.Size {
		return x.notKept()
	}
	return out.End()
}

// asRecords is the hint for a tree that its leaves alone do not make.
const asRecords = "--form records"

// refuseLeaves refuses a tree without marks, whether they were never set or removed.
func refuseLeaves(s *source.Source, h stream.Header) error {
	if h.Retention != "marked" {
		return exit.Errorf(exit.State, asRecords, "the tree does not keep its leaves")
	}
	for r, err := range s.RecordsOf(kvshard.KindCheckpoint) {
		if err != nil {
			return err
		}
		c, err := r.Checkpoint()
		if err != nil {
			return err
		}
		if len(c.RemovedMarks) > 0 {
			return exit.Errorf(exit.State, asRecords, "%s has marks removed", r.Name())
		}
	}
	for r, err := range s.RecordsOf(kvshard.KindRemoved) { // it waits, and its leaf is marked until then
		if err != nil {
			return err
		}
		name := r.Name()
		return exit.Errorf(exit.State, asRecords, "the mark of leaf %d is removed as of checkpoint %d", name.Position, name.Checkpoint)
	}
	return nil
}

// shard writes the leaves of a shard. They must begin where the ones before ended.
func (x *leafExport) shard(shard kvshard.ShardRecord) error {
	if !shard.Whole {
		return x.notKept()
	}
	for _, leaf := range shard.Leaves {
		if !leaf.Marked || leaf.Position != x.position {
			return x.notKept()
		}
		x.checkpoints()
		x.batch = append(x.batch, leaf.Node)
		x.position++
		if len(x.batch) == source.BatchLeaves {
			x.flush()
		}
	}
	return nil
}

// checkpoints writes the checkpoints at this place.
func (x *leafExport) checkpoints() {
	for len(x.stops) > 0 && x.stops[0].Size == x.position {
		x.flush()
		x.out.Checkpoint(x.stops[0].ID)
		x.stops = x.stops[1:]
	}
}

func (x *leafExport) flush() {
	if len(x.batch) > 0 {
		x.out.Leaves(x.batch)
		x.batch = x.batch[:0]
	}
}

func (x *leafExport) notKept() error {
	return exit.Errorf(exit.State, asRecords, "a leaf from position %d on is not kept or not marked", x.position)
}
