package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newCheckpointCommand(e *env) *cobra.Command {
	var retain, release bool
	c := &cobra.Command{
		Use:   "checkpoint [ID]",
		Short: "Make a checkpoint, exempt one from pruning, or list them",
		Long: `Without an id, list the checkpoints, oldest first.

With an id, remember the tree as it is now under that id. Ids strictly increase.
--retain exempts a checkpoint from pruning: one that is there, or a new one if
the id is above the newest. --release takes that back.`,
		Example: `  $ kvshard checkpoint 1687105
  checkpoint 1687105 at size 8

  $ kvshard checkpoint --retain 1687105
  $ kvshard checkpoint
  1687105   size 8   retained`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().BoolVar(&retain, "retain", false, "exempt the checkpoint from pruning")
	c.Flags().BoolVar(&release, "release", false, "take --retain back")
	c.MarkFlagsMutuallyExclusive("retain", "release")
	c.ValidArgsFunction = e.completeOne
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if len(args) == 0 {
			if retain || release {
				return exit.Usagef("--retain and --release need the id of a checkpoint")
			}
			return withTree(c.Context(), e.place, func(_ *source.Source, tree *kvshard.Tree) error { return listCheckpoints(e, tree) })
		}
		id, err := parseID(args[0])
		if err != nil {
			return err
		}
		view := source.Checkpoint{ID: id, Retained: retain}
		err = updateTree(c.Context(), e.place, func(_ *source.Source, tree *kvshard.Tree) (err error) {
			switch {
			case release:
				// Released, it may be pruned at once.
				if view.Size, err = tree.SizeAt(id); err != nil {
					return err
				}
				return tree.ReleaseCheckpoint(id)
			case retain:
				err = retainCheckpoint(tree, id)
			default:
				err = tree.Checkpoint(id)
			}
			if err != nil {
				return err
			}
			view.Size, err = tree.SizeAt(id)
			return err
		})
		if err != nil {
			return err
		}
		return e.emit(view, func(w io.Writer) {
			retained := ""
			if retain {
				retained = ", retained"
			}
			fmt.Fprintf(w, "checkpoint %d at size %d%s\n", id, view.Size, retained)
		})
	}
	return c
}

func listCheckpoints(e *env, tree *kvshard.Tree) error {
	list := []source.Checkpoint{}
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return err
		}
		list = append(list, source.Checkpoint(checkpoint))
	}
	return e.emit(list, func(w io.Writer) {
		for _, checkpoint := range list {
			retained := ""
			if checkpoint.Retained {
				retained = "   retained"
			}
			fmt.Fprintf(w, "%d   size %d%s\n", checkpoint.ID, checkpoint.Size, retained)
		}
	})
}
