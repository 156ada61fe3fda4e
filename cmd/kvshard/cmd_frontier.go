package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newFrontierCommand(e *env) *cobra.Command {
	var from, root string
	var id, at idFlag
	var size sizeFlag
	var encode bool
	c := &cobra.Command{
		Use:   "frontier",
		Short: "Print the frontier, or start an empty tree from a Zcash node's",
		Long: `Print the frontier: the newest leaf and its ommers, from the lowest level up.
Appending needs nothing else, and a wallet starts its own tree from it. Print it as
it is now, as of a checkpoint (--at), or when the tree had so many leaves (--size),
with or without a checkpoint there. With --treestate, print it as Zcash nodes encode
it. Their form is for Orchard's tree alone, in both directions.

With --import-treestate, start the empty tree --dir from a frontier, and make a
checkpoint of it. Give the frontier in hex: the field orchard.commitments.finalState
of z_gettreestate, or orchardTree of lightwalletd. Or give @FILE or - (standard
input) that holds the hex, the whole answer in JSON, or what this command prints
in JSON. The answer must be whole. Its height, or the checkpoint of --at, is the
checkpoint's id, unless --checkpoint gives another. The tree must come to the
answer's root, and to --root.

Leaves before the frontier cannot be proven; later ones can.`,
		Example: `  $ kvshard frontier --treestate
  01cd26...

  $ kvshard frontier --at 1687105 --output json
  $ kvshard frontier --size 65536 --treestate

  $ zcash-cli z_gettreestate 2402500 > state.json
  $ kvshard init --dir from-zcash
  $ kvshard frontier --dir from-zcash --import-treestate @state.json
  started at 48707008 leaves, checkpoint 2402500, root 8b3c...`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&from, "import-treestate", "", "`HEX`, @FILE or -")
	c.Flags().Var(&id, "checkpoint", "`id` of the checkpoint that --import-treestate makes")
	c.Flags().StringVar(&root, "root", "", "the root that the tree must have after --import-treestate")
	c.Flags().BoolVar(&encode, "treestate", false, "print the legacy CommitmentTree in hex")
	c.Flags().Var(&at, "at", "`id` of a checkpoint")
	_ = c.RegisterFlagCompletionFunc("at", e.completeCheckpoints)
	c.Flags().Var(&size, "size", "the frontier that the tree had at this `size`")
	for _, other := range []string{"treestate", "at", "size"} {
		c.MarkFlagsMutuallyExclusive("import-treestate", other)
	}
	c.MarkFlagsMutuallyExclusive("at", "size")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if from == "" {
			if id.id != nil || root != "" {
				return exit.Usagef("--checkpoint and --root go with --import-treestate")
			}
			return withTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
				if encode && s.Scheme != schemes.Orchard {
					return noTreestate(s.Scheme, "leave --treestate out: the frontier is also printed as text and in JSON")
				}
				f, err := frontierOf(tree, at.id, size.size)
				if err != nil {
					return err
				}
				return printFrontier(e, s.Scheme, f, at.id, encode)
			})
		}
		t, err := input.ReadTreestate(e.in, from)
		if err != nil {
			return err
		}
		if id.id != nil {
			t.Height = id.id
		}
		if root != "" {
			node, err := parseNode("--root", root)
			if err != nil {
				return err
			}
			t.Roots = append(t.Roots, node)
		}
		if t.Height == nil {
			return exit.Usagef("--import-treestate needs the id of the new checkpoint: give --checkpoint, such as the height of the block")
		}
		return startFrom(c.Context(), e, t)
	}
	return c
}

// frontierOf returns the tree's frontier, or that at a checkpoint or a size.
func frontierOf(tree *kvshard.Tree, at *uint32, size *uint64) (kvshard.Frontier, error) {
	switch {
	case at != nil:
		return tree.FrontierAt(*at)
	case size != nil:
		f, err := tree.FrontierAtSize(*size)
		switch {
		case errors.Is(err, kvshard.ErrPositionNotFound):
			now, e := tree.Size()
			if e != nil {
				return f, e
			}
			return f, exit.Errorf(exit.NotFound, fmt.Sprintf("give a size up to %d", now), "%w", err)
		case errors.Is(err, kvshard.ErrPruned):
			return f, exit.Errorf(exit.NotFound, "give a checkpoint with --at, or ask a tree that was made with --retention marked and has all leaves from the first", "%w", err)
		}
		return f, err
	}
	return tree.Frontier()
}

// noTreestate refuses a tree that Zcash's form is not for.
func noTreestate(scheme *schemes.Scheme, hint string) error {
	return exit.Errorf(exit.State, hint, "a tree state is of Orchard's tree, and this tree is of scheme %s", scheme.Label())
}

func printFrontier(e *env, scheme *schemes.Scheme, f kvshard.Frontier, at *uint32, encode bool) error {
	root, err := scheme.FrontierRoot(f)
	if err != nil {
		return err
	}
	view := input.FrontierView{Scheme: scheme.Mention(), Size: f.Size, Ommers: append([]kvshard.Node{}, f.Ommers...), Root: root, Checkpoint: at}
	if scheme == schemes.Orchard {
		raw, err := f.MarshalTreestate()
		if err != nil {
			return err
		}
		view.Treestate = hex.EncodeToString(raw)
	}
	if f.Size > 0 {
		view.Leaf = &f.Leaf
	}
	return e.emit(view, func(w io.Writer) {
		if encode {
			fmt.Fprintln(w, view.Treestate)
			return
		}
		fmt.Fprintf(w, "size %d, root %s\n", f.Size, root)
		if f.Size > 0 {
			fmt.Fprintf(w, "leaf  %s\n", f.Leaf)
		}
		for _, ommer := range f.Ommers {
			fmt.Fprintf(w, "ommer %s\n", ommer)
		}
	})
}

func startFrom(ctx context.Context, e *env, t input.StartingPoint) (err error) {
	var now source.State
	err = updateTree(ctx, e.place, func(s *source.Source, tree *kvshard.Tree) error {
		if s.Scheme != schemes.Orchard {
			return noTreestate(s.Scheme, "give a tree of Orchard's scheme, or append the leaves")
		}
		if err := tree.InsertFrontier(t.Frontier, *t.Height); err != nil {
			return err
		}
		if now, err = source.ReadState(tree, nil); err != nil {
			return err
		}
		for _, root := range t.Roots {
			if now.Root != root {
				return exit.Errorf(exit.Input, "give the frontier and the root of the same block", "the frontier has the root %s, not %s; nothing was imported", now.Root, root)
			}
		}
		if len(t.Either) > 0 && !slices.Contains(t.Either, now.Root) {
			return exit.Errorf(exit.Input, "give the answer as the node gave it", "the frontier has the root %s, but the node says %s; nothing was imported", now.Root, t.Either[0])
		}
		return nil
	})
	if err != nil {
		return err
	}
	now.Checkpoint = t.Height
	return e.emit(now, func(w io.Writer) {
		fmt.Fprintf(w, "started at %d leaves, checkpoint %d, root %s\n", now.Size, *t.Height, now.Root)
	})
}
