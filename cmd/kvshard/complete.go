package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// completeCheckpoints has the ids in the store for the shell, the newest first.
func (e *env) completeCheckpoints(c *cobra.Command, args []string, _ string) (ids []string, _ cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	err := withTree(c.Context(), e.place, func(_ *source.Source, tree *kvshard.Tree) error {
		for checkpoint, err := range tree.Checkpoints() {
			if err != nil {
				return err
			}
			ids = append(ids, fmt.Sprintf("%d\tsize %d", checkpoint.ID, checkpoint.Size))
		}
		return nil
	})
	if err != nil {
		return nil, directive
	}
	slices.Reverse(ids)
	return ids, directive
}

// completeOne does it for a single argument.
func (e *env) completeOne(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return e.completeCheckpoints(c, args, begun)
}
