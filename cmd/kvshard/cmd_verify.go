package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
)

func newVerifyCommand(e *env) *cobra.Command {
	var rootText, leafText, scheme string
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify a witness, without any store",
		Long: `Verify a witness in JSON or in the binary form, from a file or standard input.
No store is needed.

The JSON is what "kvshard witness" writes: all its fields, and no others. It says the
scheme of a tree that is not Orchard's. Of the binary form the length tells it: 1028
bytes are of Orchard's tree, 772 of vote-poseidon's. --scheme refuses any other. Root and
leaf come from the flags, or else from the JSON. A root that comes with its proof
proves little: compare it with one that you trust.`,
		Example: `  $ kvshard verify proof.json --root 6fbd...
  leaf 5 is in the tree with root 6fbd...

  $ kvshard verify proof.bin --leaf 03ea... --root 6fbd...
  $ kvshard verify path.bin --scheme vote-poseidon --leaf 03ea... --root 6fbd...`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&rootText, "root", "", "the root that the witness must lead to")
	c.Flags().StringVar(&leafText, "leaf", "", "the leaf that the witness must prove")
	c.Flags().StringVar(&scheme, "scheme", "", "the scheme that the witness must be of: "+strings.Join(schemes.Names(), " or "))
	_ = c.RegisterFlagCompletionFunc("scheme", cobra.FixedCompletions(schemes.Names(), cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, args []string) error {
		path := "-"
		if len(args) > 0 {
			path = args[0]
		}
		if _, err := schemes.ByName(scheme); err != nil {
			return fmt.Errorf("--scheme: %w", err)
		}
		p, of, err := input.ReadProof(e.in, path)
		if err != nil {
			return err
		}
		if scheme != "" && scheme != of.Name {
			return exit.Errorf(exit.Input, "leave --scheme out, or give a witness of such a tree", "the witness is of scheme %s, not of %s", of.Name, scheme)
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
		err = of.Verify(p.Position, p.Path, *p.Root, *p.Leaf)
		if err != nil && !errors.Is(err, kvshard.ErrInvalidWitness) {
			return err
		}
		answer := struct {
			Valid    bool          `json:"valid"`
			Position uint64        `json:"position"`
			Scheme   string        `json:"scheme,omitempty"`
			Leaf     *kvshard.Node `json:"leaf"`
			Root     *kvshard.Node `json:"root"`
			OwnRoot  bool          `json:"root_from_proof"`
		}{err == nil, p.Position, of.Mention(), p.Leaf, p.Root, ownRoot}
		emitted := e.emit(answer, func(w io.Writer) {
			if err != nil {
				fmt.Fprintf(w, "NOT valid: leaf %d does not lead to root %s\n", p.Position, p.Root)
				return
			}
			fmt.Fprintf(w, "leaf %d is in the tree with root %s\n", p.Position, p.Root)
			if ownRoot {
				fmt.Fprintln(w, "the root is the proof's own: compare it with one that you trust, or give --root")
			}
		})
		if emitted != nil || err == nil {
			return emitted
		}
		return exit.Silent(exit.No)
	}
	return c
}
