package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newInitCommand(e *env) *cobra.Command {
	var maxCheckpoints uint32
	var retention, scheme string
	c := &cobra.Command{
		Use:   "init",
		Short: "Make an empty tree in a directory",
		Long: `Make an empty tree in the directory --dir, which must not hold one yet. The
directory may exist and have other files, such as the mount point of a volume.

The options are not part of the tree, but every writer must use the same ones. So
they are written to kvshard.json in that directory.

--scheme is the tree's hash and depth: orchard, of depth 32, or vote-poseidon, the
trees of the crate vote-commitment-tree, Poseidon over Pallas at depth 24. The other
commands find it in kvshard.json, or in the tree itself, and need no flag.`,
		Example: `  $ kvshard init --dir tree
  tree: an empty tree on goleveldb, 100 checkpoints kept, every leaf provable

  $ kvshard init --dir frontier-only --backend pebble --retention ephemeral --max-checkpoints 10
  $ kvshard init --dir round --scheme vote-poseidon`,
		Args: cobra.NoArgs,
	}
	c.Flags().Uint32Var(&maxCheckpoints, "max-checkpoints", kvshard.DefaultMaxCheckpoints, "how many checkpoints to keep, at least 1")
	c.Flags().StringVar(&retention, "retention", "marked", "marked: every leaf can be proven; ephemeral: old leaves cannot")
	_ = c.RegisterFlagCompletionFunc("retention", cobra.FixedCompletions([]string{"marked", "ephemeral"}, cobra.ShellCompDirectiveNoFileComp))
	c.Flags().StringVar(&scheme, "scheme", schemes.Orchard.Name, "hash and depth: "+strings.Join(schemes.Names(), " or "))
	_ = c.RegisterFlagCompletionFunc("scheme", cobra.FixedCompletions(schemes.Names(), cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if maxCheckpoints == 0 {
			return exit.Usagef("--max-checkpoints is at least 1, not 0")
		}
		if retention != "marked" && retention != "ephemeral" {
			return exit.Usagef("--retention %q: it is marked or ephemeral", retention)
		}
		chosen, err := schemes.ByName(scheme)
		if err != nil {
			return fmt.Errorf("--scheme: %w", err)
		}
		made := source.Config{Version: 1, Backend: e.backend, Prefix: strings.ToLower(e.place.Prefix), MaxCheckpoints: maxCheckpoints, Retention: retention, Scheme: chosen.Mention()}
		if err := source.Make(e.place.Dir, made); err != nil {
			return err
		}
		return e.emit(struct {
			Dir string `json:"dir"`
			source.Config
		}{e.place.Dir, made}, func(w io.Writer) {
			provable := "every leaf provable"
			if retention == "ephemeral" {
				provable = "no leaf provable"
			}
			kind := "an empty tree"
			if chosen != schemes.Orchard {
				kind = fmt.Sprintf("an empty tree of %s, depth %d,", chosen.Name, chosen.Depth)
			}
			fmt.Fprintf(w, "%s: %s on %s, %d checkpoints kept, %s\n", e.place.Dir, kind, made.Backend, maxCheckpoints, provable)
		})
	}
	return c
}
