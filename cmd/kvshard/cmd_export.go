package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/stream"
)

// An exportView is what was exported, as JSON has it: the stream's header, whose roots are
// left out if they are not known.
type exportView struct {
	stream.Header
	Root        kvshard.Node         `json:"root,omitzero"`
	Checkpoints []exportedCheckpoint `json:"checkpoints"`
	File        string               `json:"file"`
	Lacking     string               `json:"not_shown,omitempty"`
}

type exportedCheckpoint struct {
	source.Checkpoint
	Root kvshard.Node `json:"root,omitzero"`
}

func newExportCommand(e *env) *cobra.Command {
	form := stream.FormRecords
	c := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write the whole tree as one stream",
		Long: `Write the whole tree as one stream, to a file or standard output. The stream has a
header with size, root and checkpoints, then the records as they are stored. With
--form leaves it has only the leaves and checkpoints, which is a sixth smaller and
faster to import. It ends with a SHA-256.

The header names the scheme of a tree that is not Orchard's. Of a tree whose scheme
this command does not know, the roots in it are zero: import such a stream with a
program that has its hash.

--form leaves needs every leaf to be marked. FILE is replaced once the new one is
complete. --salvage reads the tree as it was before its database was damaged.`,
		Example: `  $ kvshard export tree.kvx
  exported 1000000 leaves, 72917 records

  $ kvshard export --db application.db --store notes --height 120 | ssh backup 'cat > notes.kvx'`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&form, "form", form, "records or leaves")
	_ = c.RegisterFlagCompletionFunc("form", cobra.FixedCompletions([]string{stream.FormRecords, stream.FormLeaves}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, args []string) error {
		if form != stream.FormRecords && form != stream.FormLeaves {
			return exit.Usagef("--form %q: it is records or leaves", form)
		}
		return withTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
			if len(args) == 0 || args[0] == "-" {
				if isTerminal(e.out) {
					return exit.Usagef("a stream is not for a terminal: give a FILE, or redirect the output")
				}
				_, err := export(e, s, tree, form, e.out)
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
	err := disk.ReplaceFile(file, func(w io.Writer) (err error) {
		header, err = export(e, s, tree, form, w)
		return err
	})
	if err != nil {
		return err
	}
	result := exportView{Header: header, Root: header.Root, Checkpoints: []exportedCheckpoint{}, File: file, Lacking: s.Scheme.Lacking("roots in its header")}
	for _, c := range header.Checkpoints {
		result.Checkpoints = append(result.Checkpoints, exportedCheckpoint{source.Checkpoint{ID: c.ID, Size: c.Size, Retained: c.Retained}, c.Root})
	}
	return e.emit(result, func(w io.Writer) {
		if form == stream.FormLeaves {
			fmt.Fprintf(w, "exported %d leaves, %d checkpoints\n", header.Size, len(header.Checkpoints))
		} else {
			fmt.Fprintf(w, "exported %d leaves, %d records\n", header.Size, header.Records)
		}
		printLacking(w, result.Lacking)
	})
}
