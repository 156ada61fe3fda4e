package main

import (
	"errors"
	"io"
	"slices"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/stream"
)

// A leafImport appends the leaves of a stream and makes its checkpoints.
type leafImport struct {
	*importJob
	progress *progress
	there    uint64 // leaves that an earlier run appended
	reader   *source.LeafReader
	size     uint64              // leaves of the stream so far
	stops    []stream.Checkpoint // that are to come
}

// leaves appends the leaves and makes the checkpoints. It compares what an earlier
// run left, and skips it.
func (j *importJob) leaves() error {
	h := j.stream.Header
	// No checkpoint may be pruned before it is retained.
	j.s.Options = append(slices.Clip(j.s.Options), kvshard.WithMaxCheckpoints(uint32(len(h.Checkpoints))+1))
	tree, err := j.s.Tree()
	if err != nil {
		return err
	}
	l := &leafImport{importJob: j, progress: j.e.newProgress("import", "leaves", int64(h.Size), 0), reader: j.s.Leaves(tree), stops: h.Checkpoints}
	defer l.progress.end()
	if l.there, err = tree.Size(); err != nil {
		return err
	}
	for {
		next, err := j.stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := j.ctx.Err(); err != nil {
			return err
		}
		if next.Checkpoint != nil {
			err = l.checkpoint(*next.Checkpoint)
		} else {
			err = l.take(next.Leaves)
		}
		if err != nil {
			return err
		}
	}
	if len(l.stops) > 0 {
		return badStream(nil, "it lacks the checkpoint %d", l.stops[0].ID)
	}
	return nil
}

// take compares the leaves that are there, and appends the others.
func (l *leafImport) take(leaves []kvshard.Node) error {
	for i := range leaves {
		if l.size == l.there {
			return l.append(leaves[i:])
		}
		leaf, err := l.reader.Leaf(l.size)
		if err != nil {
			return err
		}
		if leaf != leaves[i] {
			return badStream(nil, "leaf %d is another one than when the import was begun", l.size)
		}
		l.size++
		l.progress.add(1)
	}
	return nil
}

func (l *leafImport) append(leaves []kvshard.Node) error {
	for some := range slices.Chunk(leaves, source.BatchLeaves) {
		err := l.s.Update(func(tree *kvshard.Tree) error {
			_, err := tree.AppendBatch(some)
			return err
		})
		if errors.Is(err, kvshard.ErrInvalidNode) {
			return badStream(err, "at leaf %d", l.size)
		}
		if err != nil {
			return err
		}
		l.size += uint64(len(some))
		l.there = l.size
		l.progress.add(int64(len(some)))
	}
	return nil
}

// checkpoint makes a checkpoint of the stream, which must be the next one of the
// header.
func (l *leafImport) checkpoint(id uint32) error {
	if len(l.stops) == 0 || l.stops[0].ID != id || l.stops[0].Size != l.size {
		return badStream(nil, "the checkpoint %d at %d leaves is not in its header", id, l.size)
	}
	c := l.stops[0]
	l.stops = l.stops[1:]
	return l.s.Update(func(tree *kvshard.Tree) error {
		if c.Retained {
			return retainCheckpoint(tree, c.ID)
		}
		_, err := tree.SizeAt(c.ID)
		if errors.Is(err, kvshard.ErrCheckpointNotFound) {
			err = tree.Checkpoint(c.ID)
		}
		return err
	})
}
