package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newAppendCommand(e *env) *cobra.Command {
	var format string
	var checkpoint idFlag
	var start positionFlag
	c := &cobra.Command{
		Use:   "append [FILE]",
		Short: "Append commitments from a file or standard input",
		Long: `Append commitments (leaves) from a file or standard input, in their order.

Formats:
  hex   64 digits a line, least significant byte first; empty lines and lines
        that begin with # are left out
  raw   32 bytes each
  json  hex strings or blocks; in one array, or one after the other, or as
        "blocks" of one object:

  {"height": 7, "commitments": ["..."], "size_after": 1, "root_after": "..."}

A block needs "commitments" only, and may have no other fields. A block with a
height gets a checkpoint of that height: both are appended, or neither. It is
refused if it does not lead to its size_after and root_after.

Without --format, the ending of the file's name tells the format (.hex .txt
.json .jsonl .raw .bin), or else the first bytes do. Input that can be text is
never taken for raw commitments: give --format raw in a script.

A file is read to its end before the first leaf is written. If it is malformed
anywhere, nothing changes. A pipe is read 65536 leaves ahead.

Leaves go to disk in batches of 65536. Each batch is written whole or not at
all. To go on after an interruption, a full disk, or a result that could not be
printed, give --start, the position of the input's first leaf. Leaves that the
tree already has are compared and left out, so the same command can be given
again and appends nothing twice. A checkpoint that has since been pruned counts
as made. Until then append without --start is refused, and names the position.`,
		Example: `  $ kvshard append commitments.txt
  appended 8 leaves from position 0: size 8, root 6fbd...

  $ kvshard append --checkpoint 1687105 < block.hex
  $ kvshard append testdata/roots/testnet.json     # blocks, roots compared
  $ kvshard append --start 0 commitments.raw       # go on after an interruption`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&format, "format", "auto", formats)
	c.Flags().Var(&checkpoint, "checkpoint", "make a checkpoint with this `id` together with the last leaf")
	c.Flags().Var(&start, "start", "`position` of the input's first leaf; the default is the tree's size")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(input.Formats, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		name := "-"
		if len(args) > 0 {
			name = args[0]
		}
		if !slices.Contains(input.Formats, format) {
			return exit.Usagef("--format %q: it is %s", format, formats)
		}
		j := &appendJob{ctx: c.Context(), mark: appendMark{Input: name}, last: checkpoint.id}
		if format != "auto" {
			j.mark.Format = format
		}
		err = e.place.Write(c.Context(), func(s *source.Source) error {
			j.s = s
			if j.in, err = input.Open(c.Context(), e.in, name, format); err != nil {
				return err
			}
			defer j.in.Close()
			if err := j.begin(start.position); err != nil {
				return err
			}
			j.progress = e.newProgress("append", "leaves", j.in.Total, 0)
			defer j.progress.end()
			return j.run()
		})
		if err == nil {
			err = emitAppended(e, j)
		}
		return j.done(err)
	}
	return c
}

// formats is [input.Formats] for people.
const formats = "auto, hex, json or raw"

func emitAppended(e *env, j *appendJob) error {
	result := struct {
		First       uint64       `json:"first"`
		Appended    uint64       `json:"appended"`
		Skipped     uint64       `json:"skipped"`
		NotCompared uint64       `json:"not_compared,omitempty"`
		Blocks      int          `json:"blocks"`
		Pruned      int          `json:"pruned,omitempty"`
		Size        uint64       `json:"size"`
		Root        kvshard.Node `json:"root"`
	}{j.start + j.skipped, j.appended, j.skipped, j.notCompared, j.blocks, j.pruned, j.size, j.root}
	return e.emit(result, func(w io.Writer) {
		fmt.Fprintf(w, "appended %d leaves from position %d: size %d, root %s\n", result.Appended, result.First, result.Size, result.Root)
		if j.skipped > 0 {
			fmt.Fprintf(w, "%d leaves were there already\n", j.skipped)
		}
		if j.notCompared > 0 {
			fmt.Fprintf(w, "%d of these the tree did not keep, and they could not be compared\n", j.notCompared)
		}
		if j.pruned > 0 {
			fmt.Fprintf(w, "%d checkpoints are older than those that the tree keeps: they were pruned\n", j.pruned)
		}
		if j.blocks > 0 {
			fmt.Fprintf(w, "%d blocks, a checkpoint each\n", j.blocks)
		}
	})
}
