package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newRootCommand(e *env) *cobra.Command {
	var at idFlag
	c := &cobra.Command{
		Use:   "root",
		Short: "Print root and size, now or at a checkpoint",
		Long:  `Print the root, which is Orchard's anchor, and the size; of all leaves, or as of a checkpoint.`,
		Example: `  $ kvshard root
  6fbd...  size 8

  $ kvshard root --at 1687105 --output json
  $ kvshard root --db ~/.node/data/application.db --store notes --height 120`,
		Args: cobra.NoArgs,
	}
	c.Flags().Var(&at, "at", "`id` of a checkpoint")
	_ = c.RegisterFlagCompletionFunc("at", e.completeCheckpoints)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return withTree(c.Context(), e.place, func(_ *source.Source, tree *kvshard.Tree) error {
			state, err := source.ReadState(tree, at.id)
			if err != nil {
				return err
			}
			return e.emit(state, func(w io.Writer) {
				fmt.Fprintf(w, "%s  size %d\n", state.Root, state.Size)
			})
		})
	}
	return c
}
