package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// An appendJob appends one input.
type appendJob struct {
	ctx      context.Context
	s        *source.Source
	in       *input.Input
	mark     appendMark
	last     *uint32 // checkpoint after the last leaf
	progress *progress

	start    uint64 // position of the input's first leaf
	resumed  bool   // it was given
	begun    bool   // the input and the tree fit together
	marked   bool   // the mark is written
	root     kvshard.Node
	read     uint64 // leaves taken from the input
	appended uint64
	blocks   int
	pending  []kvshard.Node
	there    // what an earlier run did
}

func (j *appendJob) begin(start *uint64) error {
	tree, err := j.s.Tree()
	if err != nil {
		return err
	}
	if j.size, err = tree.Size(); err != nil {
		return err
	}
	if j.before, err = keptBy(tree, j.s.Config.MaxCheckpoints); err != nil {
		return err
	}
	j.start = j.size
	if start != nil {
		j.start, j.resumed = *start, true
	}
	if j.start > j.size {
		return exit.Errorf(exit.State, "append the leaves between first", "the input begins at position %d, and the tree has only %d leaves", j.start, j.size)
	}
	j.mark.Start = j.start
	mark, err := readMark(j.s.Where)
	if err != nil {
		return err
	}
	if mark != nil && mark.Start < j.size && !j.resumed {
		return exit.Errorf(exit.State, fmt.Sprintf("go on with %s, or give --start %d for another input", appendCommand(j.s.Where, *mark, nil), j.size),
			"an append of %s from position %d on was not finished; the tree has %d leaves of it", mark.Input, mark.Start, j.size-mark.Start)
	}
	j.begun = true
	return nil
}

// done takes the mark away, or says how to go on. It comes last: a user who was not
// told that everything is there gives the command again.
func (j *appendJob) done(err error) error {
	if err != nil {
		return j.explain(err)
	}
	err = os.Remove(filepath.Join(j.s.Where, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (j *appendJob) run() error {
	tree, err := j.s.Tree()
	if err != nil {
		return err
	}
	leaves := j.s.Leaves(tree)
	for {
		next, err := j.in.Next()
		switch {
		case errors.Is(err, io.EOF):
			if err := j.finish(tree); err != nil {
				return err
			}
			j.root, err = tree.Root()
			return err
		case err != nil:
			return err
		case next.Block != nil:
			if err := j.endBlock(next.Block); err != nil {
				return err
			}
			continue
		}
		position := j.end()
		j.read++
		if position < j.size && len(j.pending) == 0 {
			if err := j.skip(leaves, position, next.Leaf); err != nil {
				return err
			}
			j.progress.add(1)
			if err := j.ctx.Err(); err != nil {
				return err
			}
			continue
		}
		j.pending = append(j.pending, next.Leaf)
		if len(j.pending) == source.BatchLeaves {
			if err := j.flush(nil); err != nil {
				return err
			}
		}
	}
}

// end is the position behind the leaves that were taken from the input.
func (j *appendJob) end() uint64 { return j.start + j.read }

// endBlock appends a block's leaves with its checkpoint, unless the tree has both
// already.
func (j *appendJob) endBlock(b *input.Block) error {
	size := j.size + uint64(len(j.pending))
	if b.Size != nil && *b.Size != j.end() {
		hint := "give all blocks of the input in their order"
		if !j.resumed && j.start > 0 {
			hint = "give --start, the position of the input's first leaf, to go on with an input that was begun"
		}
		return exit.Errorf(exit.Input, hint, "block %d: its size_after is %d, but the tree then has %d leaves", b.Height, *b.Size, j.end())
	}
	if j.last != nil && b.Height >= *j.last {
		return exit.Errorf(exit.Input, "give --checkpoint an id above all heights", "block %d is not below --checkpoint %d", b.Height, *j.last)
	}
	if newest := j.before.newest(); j.resumed && len(j.pending) == 0 && newest != nil && b.Height <= newest.ID && j.end() <= newest.Size {
		return j.passBlock(b.Height, j.end())
	}
	if size != j.end() {
		return exit.Errorf(exit.State, "go back with \"kvshard rewind\" to the checkpoint before",
			"block %d ends at size %d, and the tree has %d leaves and no checkpoint there", b.Height, j.end(), size)
	}
	j.blocks++
	return j.flush(b)
}

// flush writes the pending leaves and the checkpoint: all of it, or nothing.
func (j *appendJob) flush(b *input.Block) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if err := j.proven(); err != nil {
		return err
	}
	if j.last != nil && *j.last == math.MaxUint32 {
		return exit.Errorf(exit.State, "give a lower id", "no checkpoint could follow %d; nothing was appended", *j.last)
	}
	if newest := j.before.newest(); j.last != nil && newest != nil && *j.last <= newest.ID {
		return exit.Errorf(exit.State, "give an id above the newest that \"kvshard checkpoint\" lists", "checkpoint %d is not above the newest, %d; nothing was appended", *j.last, newest.ID)
	}
	if !j.marked {
		if err := writeMark(j.s.Where, j.mark); err != nil {
			return err
		}
		j.marked = true
	}
	err := j.s.Update(func(tree *kvshard.Tree) error {
		if len(j.pending) > 0 {
			if _, err := tree.AppendBatch(j.pending); err != nil {
				return err
			}
		}
		if b == nil {
			return nil
		}
		if err := tree.Checkpoint(b.Height); err != nil {
			return err
		}
		if b.Root == nil {
			return nil
		}
		root, err := tree.Root()
		if err == nil && root != *b.Root {
			return input.Bad("block %d: the root after it is said to be %s, and comes to %s; it was not appended", b.Height, b.Root, root)
		}
		return err
	})
	if err != nil {
		return err
	}
	n := uint64(len(j.pending))
	j.size += n
	j.appended += n
	j.pending = j.pending[:0]
	j.progress.add(int64(n))
	return nil
}

// finish writes the rest, with the checkpoint if one was asked for.
func (j *appendJob) finish(tree *kvshard.Tree) error {
	if err := j.proven(); err != nil {
		return err
	}
	if j.last == nil {
		if len(j.pending) == 0 {
			return nil
		}
		return j.flush(nil)
	}
	if j.resumed && len(j.pending) == 0 {
		now, err := keptBy(tree, j.s.Config.MaxCheckpoints)
		if err != nil {
			return err
		}
		if done, err := j.passCheckpoint(now, *j.last, j.end()); done || err != nil {
			return err
		}
	}
	return j.flush(&input.Block{Height: *j.last})
}

// explain says what is on disk and how to go on.
func (j *appendJob) explain(err error) error {
	if !j.begun {
		return err
	}
	code, hint := exit.Classify(err)
	again := appendCommand(j.s.Where, j.mark, j.last)
	if errors.Is(err, disk.ErrFull) {
		hint = exit.FreeSpace
	}
	if code == exit.Interrupted {
		return exit.Errorf(code, "go on with "+again, "interrupted: %d leaves are on disk, %d of them from this input", j.size, j.skipped+j.appended)
	}
	if j.marked && (code == exit.Store || code == exit.Other) {
		if hint != "" {
			hint += ", then "
		}
		return exit.Errorf(code, hint+"go on with "+again, "%w; at least %d leaves of this input are on disk, and nothing is appended twice", err, j.skipped+j.appended)
	}
	if j.appended > 0 && hint != "" {
		return exit.Errorf(code, hint+", then go on with "+again, "%w; the %d leaves before it are on disk, and the size is %d", err, j.appended, j.size)
	}
	return err
}
