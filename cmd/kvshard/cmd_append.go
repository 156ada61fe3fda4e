package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
)

// appendBatch is how many leaves are written at once: some 2.5 MB.
const appendBatch = 1 << 16

func (a *app) appendCommand() *cobra.Command {
	var format, checkpoint string
	var start int64
	c := &cobra.Command{
		Use:   "append [FILE]",
		Short: "Append commitments from a file or standard input",
		Long: `Append commitments (leaves) from a file or standard input, in their order.

Formats: hex, 64 digits a line, least significant byte first, with empty lines
and lines that begin with # between; raw, 32 bytes each; json, an array of hex
strings, or blocks, one after the other, in an array, or in an object's
"blocks":

  {"height": 7, "commitments": ["..."], "size_after": 1, "root_after": "..."}

Each block is appended with a checkpoint of its height, both or neither, and
refused if it does not lead to the size and root that it tells, if it does.

Leaves go to disk in batches of 65536, each one whole or not at all. A job that
was interrupted goes on with --start, the position of the input's first leaf:
what the tree has already is compared and left out, so that the same command may
be given as often as one likes, and nothing is appended twice. Until then,
append without --start is refused, and tells which position it was. So it is after
a full disk, or if the result could not be printed.`,
		Example: `  $ kvshard append commitments.txt
  appended 8 leaves from position 0: size 8, root 6fbd...

  $ kvshard append --checkpoint 1687105 < block.hex
  $ kvshard append testdata/roots/testnet.json     # blocks, roots compared
  $ kvshard append --start 0 commitments.raw       # go on after an interruption`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&format, "format", "auto", formats)
	c.Flags().StringVar(&checkpoint, "checkpoint", "", "make a checkpoint with this `id` after the last leaf, together with it")
	c.Flags().Int64Var(&start, "start", -1, "`position` of the input's first leaf; by default the tree's size")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"auto", "hex", "json", "raw"}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		name := "-"
		if len(args) > 0 {
			name = args[0]
		}
		var last *uint32
		if checkpoint != "" {
			id, err := parseID(checkpoint)
			if err != nil {
				return err
			}
			last = &id
		}
		j := &appendJob{ctx: c.Context(), name: name, last: last}
		err = a.write(c.Context(), func(s *source) error {
			j.s = s
			if j.in, err = a.openInput(c.Context(), name, format); err != nil {
				return err
			}
			defer j.in.close()
			if err := j.begin(start); err != nil {
				return err
			}
			j.progress = a.newProgress("append", "leaves", j.in.total, 0)
			defer j.progress.end()
			return j.run()
		})
		if err == nil {
			err = a.emitAppended(j)
		}
		return j.end(err)
	}
	return c
}

// An appendJob appends one input.
type appendJob struct {
	ctx      context.Context
	s        *source
	in       *input
	name     string
	last     *uint32 // checkpoint after the last leaf
	progress *progress

	start    uint64 // position of the input's first leaf
	resumed  bool   // it was given
	begun    bool   // the input and the tree fit together
	marked   bool   // the mark is written
	newest   *kvshard.Checkpoint
	size     uint64 // of the tree on disk
	root     kvshard.Node
	read     uint64 // leaves taken from the input
	skipped  uint64
	appended uint64
	blocks   int
	pending  []kvshard.Node
}

func (j *appendJob) begin(start int64) error {
	tree, err := j.s.tree()
	if err != nil {
		return err
	}
	if j.size, err = tree.Size(); err != nil {
		return err
	}
	j.start = j.size
	if start >= 0 {
		j.start, j.resumed = uint64(start), true
		if j.newest, err = newestCheckpoint(tree); err != nil {
			return err
		}
	}
	if j.start > j.size {
		return coded(codeState, "the leaves between first", "the input begins at position %d, and the tree has only %d leaves", j.start, j.size)
	}
	mark, err := readMark(j.s.where)
	if err != nil {
		return err
	}
	if mark != nil && mark.Start < j.size && !j.resumed {
		return coded(codeState, fmt.Sprintf("%s, or --start %d for another input", appendCommand(j.s.where, mark.Start, mark.Input, nil), j.size),
			"append of %s from position %d on was not finished, and the tree has %d leaves of it", mark.Input, mark.Start, j.size-mark.Start)
	}
	j.begun = true
	return nil
}

// end takes the mark away, or says how to go on. It comes last: whoever was not
// told that all is there will give the command again.
func (j *appendJob) end(err error) error {
	if err != nil {
		return j.explain(err)
	}
	err = os.Remove(filepath.Join(j.s.where, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (j *appendJob) run() error {
	tree, err := j.s.tree()
	if err != nil {
		return err
	}
	there := &leafReader{s: j.s, tree: tree}
	for {
		next, err := j.in.next()
		switch {
		case errors.Is(err, io.EOF):
			if err := j.finish(tree); err != nil {
				return err
			}
			j.root, err = tree.Root()
			return err
		case err != nil:
			return err
		case next.block != nil:
			if err := j.endBlock(tree, next.block); err != nil {
				return err
			}
			continue
		}
		position := j.start + j.read
		j.read++
		if position < j.size && len(j.pending) == 0 {
			if err := j.skip(there, position, next.leaf); err != nil {
				return err
			}
			continue
		}
		j.pending = append(j.pending, next.leaf)
		if len(j.pending) == appendBatch {
			if err := j.flush(nil); err != nil {
				return err
			}
		}
	}
}

// skip makes sure that the leaf is the one that the tree has there.
func (j *appendJob) skip(tree *leafReader, position uint64, leaf kvshard.Node) error {
	there, err := tree.leaf(position)
	switch {
	case errors.Is(err, kvshard.ErrPruned): // cannot be compared
	case err != nil:
		return err
	case there != leaf:
		return coded(codeState, "the --start that the input was begun with, or another tree",
			"position %d has the leaf %s, and the input %s", position, there, leaf)
	}
	j.skipped++
	j.progress.add(1)
	return j.ctx.Err()
}

// endBlock appends a block's leaves with its checkpoint, unless the tree has
// both.
func (j *appendJob) endBlock(tree *kvshard.Tree, b *blockEnd) error {
	size := j.size + uint64(len(j.pending))
	end := j.start + j.read
	if b.size != nil && *b.size != end {
		hint := "the input's blocks, each after the one before"
		if !j.resumed && j.start > 0 {
			hint = "--start, the position of the input's first leaf, to go on with one that was begun"
		}
		return coded(codeInput, hint, "block %d: the size after it is said to be %d, and comes to %d", b.height, *b.size, end)
	}
	if j.resumed && len(j.pending) == 0 && j.newest != nil && b.height <= j.newest.ID && end <= j.newest.Size {
		at, err := tree.SizeAt(b.height)
		if err == nil && at != end {
			return coded(codeState, "the --start that the input was begun with, or another tree",
				"checkpoint %d has %d leaves, and the input's %d", b.height, at, end)
		}
		if err != nil && !errors.Is(err, kvshard.ErrCheckpointNotFound) { // pruned
			return err
		}
		return nil
	}
	if size != end {
		return coded(codeState, "\"kvshard rewind\" to the checkpoint before",
			"block %d ends at size %d, and the tree has %d leaves and no checkpoint there", b.height, end, size)
	}
	j.blocks++
	return j.flush(b)
}

func newestCheckpoint(tree *kvshard.Tree) (newest *kvshard.Checkpoint, err error) {
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return nil, err
		}
		newest = &checkpoint
	}
	return newest, nil
}

// flush writes what is pending, and the checkpoint, all of it or nothing.
func (j *appendJob) flush(b *blockEnd) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if !j.marked {
		if err := writeMark(j.s.where, appendMark{j.start, j.name}); err != nil {
			return err
		}
		j.marked = true
	}
	err := j.s.update(func(tree *kvshard.Tree) error {
		if len(j.pending) > 0 {
			if _, err := tree.AppendBatch(j.pending); err != nil {
				return err
			}
		}
		if b == nil {
			return nil
		}
		if err := tree.Checkpoint(b.height); err != nil {
			return err
		}
		if b.root == nil {
			return nil
		}
		root, err := tree.Root()
		if err == nil && root != *b.root {
			return badInput("block %d: the root after it is said to be %s, and comes to %s; it was not appended", b.height, b.root, root)
		}
		return err
	})
	var failed *kvshard.Error
	if errors.As(err, &failed) && failed.Kind == kvshard.ErrInvalidNode {
		at := j.read - uint64(len(j.pending)) + failed.Index
		return badInput("commitment %d of the input: %w", at, err)
	}
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
	if j.last == nil {
		if len(j.pending) == 0 {
			return nil
		}
		return j.flush(nil)
	}
	if len(j.pending) == 0 && j.skipped > 0 {
		size, err := tree.SizeAt(*j.last)
		if err == nil && size == j.start+j.read {
			return nil // from an earlier run
		}
	}
	return j.flush(&blockEnd{height: *j.last})
}

// explain says what is on disk and how to go on.
func (j *appendJob) explain(err error) error {
	if !j.begun {
		return err
	}
	code, hint := classify(&ranError{err})
	again := appendCommand(j.s.where, j.start, j.name, j.last)
	if errors.Is(err, disk.ErrFull) {
		hint = freeSpace
	}
	if code == codeInterrupted {
		return coded(code, again, "interrupted: %d leaves are on disk, %d of them from this input", j.size, j.skipped+j.appended)
	}
	if j.marked && (code == codeStore || code == codeOther) {
		if hint != "" {
			again = hint + ", then " + again
		}
		return coded(code, again, "%w; %d leaves of this input are on disk for sure, and nothing is appended twice", err, j.skipped+j.appended)
	}
	if j.appended > 0 && hint != "" {
		return coded(code, hint+"; then "+again, "%w; %d leaves before it are on disk, and the size is %d", err, j.appended, j.size)
	}
	return err
}

func (a *app) emitAppended(j *appendJob) error {
	result := struct {
		First    uint64       `json:"first"`
		Appended uint64       `json:"appended"`
		Skipped  uint64       `json:"skipped"`
		Blocks   int          `json:"blocks"`
		Size     uint64       `json:"size"`
		Root     kvshard.Node `json:"root"`
	}{j.start + j.skipped, j.appended, j.skipped, j.blocks, j.size, j.root}
	return a.emit(result, func(w io.Writer) {
		fmt.Fprintf(w, "appended %d leaves from position %d: size %d, root %s\n", result.Appended, result.First, result.Size, result.Root)
		if j.skipped > 0 {
			fmt.Fprintf(w, "%d leaves were there already\n", j.skipped)
		}
		if j.blocks > 0 {
			fmt.Fprintf(w, "%d blocks, a checkpoint each\n", j.blocks)
		}
	})
}
