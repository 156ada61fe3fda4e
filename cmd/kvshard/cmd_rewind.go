package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newRewindCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "rewind ID",
		Short: "Take the tree back to a checkpoint",
		Long: `Take the tree back to a checkpoint, which stays. Later leaves and checkpoints are
dropped, and leave no trace in the store.`,
		Example: `  $ kvshard rewind 1842462
  size 4, 4 leaves dropped, root 33b7...`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: e.completeOne,
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		id, err := parseID(args[0])
		if err != nil {
			return err
		}
		var result struct {
			source.State
			Dropped uint64 `json:"dropped"`
		}
		err = updateTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
			before, err := tree.Size()
			if err != nil {
				return err
			}
			if err := tree.Rewind(id); err != nil {
				return err
			}
			result.State, err = source.ReadState(tree, nil)
			result.Dropped = before - result.Size
			if err != nil {
				return err
			}
			// Reported before it is done: a tree with less than was reported counts as
			// damaged.
			return s.WriteReport(source.Report{Size: result.Size, Root: result.Root, Newest: &id})
		})
		if err != nil {
			return err
		}
		return e.emit(result, func(w io.Writer) {
			fmt.Fprintf(w, "size %d, %d leaves dropped, root %s\n", result.Size, result.Dropped, result.Root)
		})
	}
	return c
}
