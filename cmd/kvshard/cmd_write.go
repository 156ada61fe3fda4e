package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
)

func (a *app) initCommand() *cobra.Command {
	var maxCheckpoints uint32
	var retention string
	c := &cobra.Command{
		Use:   "init",
		Short: "Make an empty tree in a directory",
		Long: `Make an empty tree in the directory --dir, which must not hold one yet.

The options are written to kvshard.json there, since they are no part of the
tree and must be the same whenever it is written.`,
		Example: `  $ kvshard init --dir tree
  tree: an empty tree on goleveldb, 100 checkpoints kept, every leaf provable

  $ kvshard init --dir frontier-only --backend pebble --retention ephemeral --max-checkpoints 10`,
		Args: cobra.NoArgs,
	}
	c.Flags().Uint32Var(&maxCheckpoints, "max-checkpoints", kvshard.DefaultMaxCheckpoints, "how many checkpoints are kept; at least 1")
	c.Flags().StringVar(&retention, "retention", "marked", "of leaves: marked, provable for ever, or ephemeral, never")
	_ = c.RegisterFlagCompletionFunc("retention", cobra.FixedCompletions([]string{"marked", "ephemeral"}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, _ []string) error {
		made := config{Version: 1, Backend: a.backend, Prefix: strings.ToLower(a.prefix), MaxCheckpoints: maxCheckpoints, Retention: retention}
		if err := makeTree(a.dir, made); err != nil {
			return err
		}
		return a.emit(struct {
			Dir string `json:"dir"`
			config
		}{a.dir, made}, func(w io.Writer) {
			provable := "every leaf provable"
			if retention == "ephemeral" {
				provable = "no leaf provable"
			}
			fmt.Fprintf(w, "%s: an empty tree on %s, %d checkpoints kept, %s\n", a.dir, made.Backend, maxCheckpoints, provable)
		})
	}
	return c
}

// makeTree makes a directory with an empty tree.
func makeTree(dir string, c config) error {
	if err := c.check(); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, configName)); err == nil {
		return coded(codeState, "another --dir, or remove this one", "there is a tree in %s already", dir)
	}
	database := filepath.Join(dir, databaseName)
	if _, err := os.Lstat(database); err == nil {
		return coded(codeState, "another --dir, or remove it", "there is a database in %s already", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	db, err := disk.Open(database, c.Backend)
	if err != nil {
		return cannotOpen(database, err)
	}
	if err := db.Close(); err != nil {
		return err
	}
	return writeConfig(dir, c)
}

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
was interrupted tells how to go on: with --start, the position of the input's
first leaf, what the tree has already is compared and left out. So the same
command may be given as often as one likes, and nothing is appended twice.`,
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
		name := ""
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
		s, err := a.toWrite(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		in, err := a.openInput(c.Context(), name, format)
		if err != nil {
			return err
		}
		defer in.close()
		j := &appendJob{ctx: c.Context(), s: s, in: in, last: last}
		if err := j.begin(start); err != nil {
			return err
		}
		j.progress = a.newProgress("append", "leaves", in.total, 0)
		err = j.run()
		j.progress.end()
		if err != nil {
			return j.explain(name, err)
		}
		return a.emitAppended(s, j)
	}
	return c
}

// An appendJob appends one input.
type appendJob struct {
	ctx      context.Context
	s        *source
	in       *input
	last     *uint32 // checkpoint after the last leaf
	progress *progress

	start    uint64 // position of the input's first leaf
	resumed  bool   // it was given
	newest   *kvshard.Checkpoint
	size     uint64 // of the tree on disk
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
	return nil
}

func (j *appendJob) run() error {
	tree, err := j.s.tree()
	if err != nil {
		return err
	}
	for {
		next, err := j.in.next()
		switch {
		case errors.Is(err, io.EOF):
			return j.finish(tree)
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
			if err := j.skip(tree, position, next.leaf); err != nil {
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
func (j *appendJob) skip(tree *kvshard.Tree, position uint64, leaf kvshard.Node) error {
	there, err := tree.Leaf(position)
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
func (j *appendJob) explain(name string, err error) error {
	code, hint := classify(err)
	if name == "" {
		name = "-"
	}
	again := fmt.Sprintf("kvshard append --dir %s --start %d %s", j.s.where, j.start, name)
	if j.last != nil {
		again += fmt.Sprintf(" --checkpoint %d", *j.last)
	}
	if code == codeInterrupted {
		return coded(code, again, "interrupted: %d leaves are on disk, %d of them from this input", j.size, j.skipped+j.appended)
	}
	if j.appended > 0 {
		return coded(code, hint+"; then "+again, "%w; %d leaves before it are on disk, and the size is %d", err, j.appended, j.size)
	}
	return err
}

func (a *app) emitAppended(s *source, j *appendJob) error {
	tree, err := s.tree()
	if err != nil {
		return err
	}
	root, err := tree.Root()
	if err != nil {
		return err
	}
	result := struct {
		First    uint64       `json:"first"`
		Appended uint64       `json:"appended"`
		Skipped  uint64       `json:"skipped"`
		Blocks   int          `json:"blocks"`
		Size     uint64       `json:"size"`
		Root     kvshard.Node `json:"root"`
	}{j.start + j.skipped, j.appended, j.skipped, j.blocks, j.size, root}
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

func parseID(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, usage("a checkpoint id is a number from 0 to 4294967295, not %q", text)
	}
	return uint32(id), nil
}

func parsePosition(text string) (uint64, error) {
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, usage("a position is a number from 0, not %q", text)
	}
	return position, nil
}

// A checkpointView is a checkpoint as it is printed.
type checkpointView struct {
	ID       uint32 `json:"id"`
	Size     uint64 `json:"size"`
	Retained bool   `json:"retained"`
}

func (a *app) checkpointCommand() *cobra.Command {
	var retain, release bool
	c := &cobra.Command{
		Use:   "checkpoint [ID]",
		Short: "Make a checkpoint, exempt one from pruning, or list them",
		Long: `Without an id, list the checkpoints, oldest first.

With an id, remember the tree as it is now under it; ids strictly increase.
With --retain a checkpoint (there already, or new if its id is above the
newest) is exempt from pruning, and with --release no longer.`,
		Example: `  $ kvshard checkpoint 1687105
  checkpoint 1687105 at size 8

  $ kvshard checkpoint --retain 1687105
  $ kvshard checkpoint
  1687105   size 8   retained`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().BoolVar(&retain, "retain", false, "exempt it from pruning")
	c.Flags().BoolVar(&release, "release", false, "take --retain back")
	c.MarkFlagsMutuallyExclusive("retain", "release")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if len(args) == 0 {
			if retain || release {
				return usage("--retain and --release need the id of a checkpoint")
			}
			return a.listCheckpoints(c.Context())
		}
		id, err := parseID(args[0])
		if err != nil {
			return err
		}
		s, err := a.toWrite(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		view := checkpointView{ID: id, Retained: retain}
		err = s.update(func(tree *kvshard.Tree) error {
			if release {
				return tree.ReleaseCheckpoint(id)
			}
			if retain {
				if _, err := tree.SizeAt(id); !errors.Is(err, kvshard.ErrCheckpointNotFound) {
					return err
				}
			}
			return tree.Checkpoint(id)
		})
		if err == nil && retain {
			err = s.update(func(tree *kvshard.Tree) error { return tree.RetainCheckpoint(id) })
		}
		if err != nil {
			return err
		}
		tree, err := s.tree()
		if err != nil {
			return err
		}
		if view.Size, err = tree.SizeAt(id); err != nil {
			return err
		}
		return a.emit(view, func(w io.Writer) {
			retained := ""
			if retain {
				retained = ", retained"
			}
			fmt.Fprintf(w, "checkpoint %d at size %d%s\n", id, view.Size, retained)
		})
	}
	return c
}

func (a *app) listCheckpoints(ctx context.Context) (err error) {
	s, err := a.toRead(ctx)
	if err != nil {
		return err
	}
	defer s.close(&err)
	tree, err := s.tree()
	if err != nil {
		return err
	}
	list := []checkpointView{}
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return err
		}
		list = append(list, checkpointView(checkpoint))
	}
	return a.emit(list, func(w io.Writer) {
		for _, checkpoint := range list {
			retained := ""
			if checkpoint.Retained {
				retained = "   retained"
			}
			fmt.Fprintf(w, "%d   size %d%s\n", checkpoint.ID, checkpoint.Size, retained)
		}
	})
}
