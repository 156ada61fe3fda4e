package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func (a *app) rootCommand() *cobra.Command {
	var at idFlag
	c := &cobra.Command{
		Use:   "root",
		Short: "Print root and size, now or at a checkpoint",
		Long:  `Print the root, Orchard's anchor, and the size: of all leaves, or as of a checkpoint.`,
		Example: `  $ kvshard root
  6fbd...  size 8

  $ kvshard root --at 1687105 --output json
  $ kvshard root --db ~/.node/data/application.db --store notes --height 120`,
		Args: cobra.NoArgs,
	}
	c.Flags().Var(&at, "at", "`id` of a checkpoint")
	_ = c.RegisterFlagCompletionFunc("at", a.completeCheckpoints)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		s, err := a.place().Open(c.Context())
		if err != nil {
			return err
		}
		defer s.Close(&err)
		tree, err := s.Tree()
		if err != nil {
			return err
		}
		state, err := source.ReadState(tree, at.id)
		if err != nil {
			return err
		}
		return a.emit(state, func(w io.Writer) {
			fmt.Fprintf(w, "%s  size %d\n", state.Root, state.Size)
		})
	}
	return c
}

func (a *app) witnessCommand() *cobra.Command {
	var at idFlag
	var file string
	var raw bool
	c := &cobra.Command{
		Use:   "witness POSITION",
		Short: "Prove the leaf at a position",
		Long: `Prove the leaf at a position against the root of all leaves, or of a checkpoint.

The JSON form has position, leaf, root and the path, its 32 siblings from the
leaf's up. The binary form (--binary) is what orchard::tree::MerklePath is made
from: the position, 4 bytes little-endian, then 32 times 32 bytes; it has
neither leaf nor root. "kvshard verify" reads both.`,
		Example: `  $ kvshard witness 5 --output json > proof.json
  $ kvshard verify proof.json --root 6fbd...

  $ kvshard witness 5 --at 1687105 --binary --file proof.bin`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().Var(&at, "at", "`id` of a checkpoint")
	_ = c.RegisterFlagCompletionFunc("at", a.completeCheckpoints)
	c.Flags().BoolVar(&raw, "binary", false, "write the binary form")
	c.Flags().StringVar(&file, "file", "", "write to this `file`")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		position, err := parsePosition(args[0])
		if err != nil {
			return err
		}
		s, err := a.place().Open(c.Context())
		if err != nil {
			return err
		}
		defer s.Close(&err)
		tree, err := s.Tree()
		if err != nil {
			return err
		}
		p, witness, err := prove(tree, position, at.id)
		if err != nil {
			return err
		}
		if file == "" {
			return a.emitWitness(p, witness, raw)
		}
		return disk.ReplaceFile(file, func(w io.Writer) error {
			a.out = w
			return a.emitWitness(p, witness, raw)
		})
	}
	return c
}

func (a *app) emitWitness(p *input.Proof, witness kvshard.Witness, raw bool) error {
	if raw {
		if a.onTerminal() {
			return exit.Usagef("the binary form is not for a terminal: give --file, or send it on")
		}
		_, err := a.out.Write(input.EncodeWitness(witness))
		return err
	}
	return a.emit(p, func(w io.Writer) {
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
func prove(tree *kvshard.Tree, position uint64, at *uint32) (*input.Proof, kvshard.Witness, error) {
	state, err := source.ReadState(tree, at)
	if err != nil {
		return nil, kvshard.Witness{}, err
	}
	var witness kvshard.Witness
	if state.Checkpoint == nil {
		witness, err = tree.Witness(position)
	} else {
		witness, err = tree.WitnessAt(position, *state.Checkpoint)
	}
	if err != nil {
		return nil, witness, err
	}
	leaf, err := tree.Leaf(position)
	if err != nil {
		return nil, witness, err
	}
	if err := witness.Verify(state.Root, leaf); err != nil {
		return nil, witness, exit.Errorf(exit.Store, "\"kvshard check\"", "the store's own witness does not verify: %w", err)
	}
	return &input.Proof{
		Position: position, Leaf: &leaf, Root: &state.Root,
		Size: state.Size, Checkpoint: state.Checkpoint, Path: witness.Path,
	}, witness, nil
}

func (a *app) verifyCommand() *cobra.Command {
	var rootText, leafText string
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify a witness, without any store",
		Long: `Verify a witness in JSON or in the binary form, from a file or standard input.
No store is needed.

The JSON is that of "kvshard witness", whole, with no other field. Root and leaf
are those of the flags, or else of the JSON. A root that comes with its proof
proves little: compare it with one that you trust.`,
		Example: `  $ kvshard verify proof.json --root 6fbd...
  leaf 5 is in the tree with root 6fbd...

  $ kvshard verify proof.bin --leaf 03ea... --root 6fbd...`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&rootText, "root", "", "the root that it must lead to")
	c.Flags().StringVar(&leafText, "leaf", "", "the leaf that it must prove")
	c.RunE = func(c *cobra.Command, args []string) error {
		path := "-"
		if len(args) > 0 {
			path = args[0]
		}
		p, err := input.ReadProof(a.in, path)
		if err != nil {
			return err
		}
		ownRoot := rootText == ""
		for _, given := range []struct {
			name, text string
			node       **kvshard.Node
		}{{"root", rootText, &p.Root}, {"leaf", leafText, &p.Leaf}} {
			if given.text != "" {
				node, err := parseNode("--"+given.name, given.text)
				if err != nil {
					return err
				}
				*given.node = &node
			}
			if *given.node == nil {
				return exit.Usagef("the witness does not tell its %s: give --%s", given.name, given.name)
			}
		}
		witness := kvshard.Witness{Position: p.Position, Path: p.Path}
		err = witness.Verify(*p.Root, *p.Leaf)
		if err != nil && !errors.Is(err, kvshard.ErrInvalidWitness) {
			return err
		}
		answer := struct {
			Valid    bool          `json:"valid"`
			Position uint64        `json:"position"`
			Leaf     *kvshard.Node `json:"leaf"`
			Root     *kvshard.Node `json:"root"`
			OwnRoot  bool          `json:"root_from_proof"`
		}{err == nil, p.Position, p.Leaf, p.Root, ownRoot}
		e := a.emit(answer, func(w io.Writer) {
			if err != nil {
				fmt.Fprintf(w, "NOT valid: leaf %d does not lead to root %s\n", p.Position, p.Root)
				return
			}
			fmt.Fprintf(w, "leaf %d is in the tree with root %s\n", p.Position, p.Root)
			if ownRoot {
				fmt.Fprintln(w, "the root is the proof's own: compare it with one that you trust, or give --root")
			}
		})
		if e != nil || err == nil {
			return e
		}
		return exit.Silent(exit.No)
	}
	return c
}

func hexText(raw []byte) string { return hex.EncodeToString(raw) }
