package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newWitnessCommand(e *env) *cobra.Command {
	var at idFlag
	var file string
	var raw bool
	c := &cobra.Command{
		Use:   "witness POSITION",
		Short: "Prove the leaf at a position",
		Long: `Prove the leaf at a position against the root of all leaves, or of a checkpoint.

The JSON form has the position, the leaf, the root and the path: a sibling a level
from the leaf's up, 32 in Orchard's tree; that of another tree also has its scheme.
The binary form (--binary) is what orchard::tree::MerklePath is made from: the
position in 4 bytes, little-endian, then 32 times 32 bytes; 24 times in a tree of
vote-poseidon, as the vote chain has it. It has neither leaf nor root.
"kvshard verify" reads both forms.`,
		Example: `  $ kvshard witness 5 --output json > proof.json
  $ kvshard verify proof.json --root 6fbd...

  $ kvshard witness 5 --at 1687105 --binary --file proof.bin`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().Var(&at, "at", "`id` of a checkpoint")
	_ = c.RegisterFlagCompletionFunc("at", e.completeCheckpoints)
	c.Flags().BoolVar(&raw, "binary", false, "write the binary form")
	c.Flags().StringVar(&file, "file", "", "write to this `file`")
	c.RunE = func(c *cobra.Command, args []string) error {
		position, err := parsePosition(args[0])
		if err != nil {
			return err
		}
		return withTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
			p, err := prove(s.Scheme, tree, position, at.id)
			if err != nil {
				return err
			}
			emit := func(w io.Writer) error {
				if raw {
					return writeBinary(w, p)
				}
				return emitProof(e, w, p)
			}
			if file == "" {
				return emit(e.out)
			}
			return disk.ReplaceFile(file, emit)
		})
	}
	return c
}

func writeBinary(w io.Writer, p *input.Proof) error {
	if err := notForTerminal(w); err != nil {
		return err
	}
	_, err := w.Write(p.Binary())
	return err
}

func emitProof(e *env, w io.Writer, p *input.Proof) error {
	return e.emitTo(w, p, func(w io.Writer) {
		fmt.Fprintf(w, "leaf %d: %s\nroot %s, size %d\n", p.Position, p.Leaf, p.Root, p.Size)
		for level, node := range p.Path {
			side := "right"
			if p.Position>>level&1 == 1 {
				side = "left"
			}
			fmt.Fprintf(w, "level %2d, %-5s %s\n", level, side, node)
		}
	})
}

// prove makes a proof, and verifies it before anyone sees it.
func prove(scheme *schemes.Scheme, tree *kvshard.Tree, position uint64, at *uint32) (*input.Proof, error) {
	state, err := source.ReadState(tree, at)
	if err != nil {
		return nil, err
	}
	var witness kvshard.Witness
	if state.Checkpoint == nil {
		witness, err = tree.Witness(position)
	} else {
		witness, err = tree.WitnessAt(position, *state.Checkpoint)
	}
	if at != nil && errors.Is(err, kvshard.ErrPositionNotFound) {
		return nil, exit.Errorf(exit.NotFound, fmt.Sprintf("give a position below %d, the size at the checkpoint, or leave --at out", state.Size), "%w", err)
	}
	if err != nil {
		return nil, err
	}
	leaf, err := tree.Leaf(position)
	if err != nil {
		return nil, err
	}
	path := witness.Path[:scheme.Depth]
	if err := scheme.Verify(position, path, state.Root, leaf); err != nil {
		return nil, exit.Errorf(exit.Store, "run \"kvshard check\"", "the witness that the store gives does not verify: %w", err)
	}
	return &input.Proof{
		Position: position, Scheme: scheme.Mention(), Leaf: &leaf, Root: &state.Root,
		Size: state.Size, Checkpoint: state.Checkpoint, Path: path,
	}, nil
}
