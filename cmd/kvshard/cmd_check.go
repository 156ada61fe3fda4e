package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newCheckCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check every record against the tree's invariants",
		Long: `Read every record once, hash the whole tree, and print each violated invariant. The
exit code is 5 if there is one. A million leaves take some seconds. Check writes
nothing, so an interrupted check begins again from the start.

Two violations are about the files below the tree. "journal-whole": a journal of the
database has a place that cannot be read, with intact records behind it, which are
lost. "reported-there": the tree in --dir has fewer leaves or checkpoints than the last
command that wrote reported. Damage at the very end of a journal looks like a write
that a crash cut off. Only "reported-there" shows it, and so nothing does for --db.`,
		Example: `  $ kvshard check
  sound: 1000000 leaves, root 1f0c...

  $ kvshard check --db application.db --store notes --height 120 --output json`,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		place := e.place
		place.Salvage = true // to tell what is lost and what is left
		return withTree(c.Context(), place, func(s *source.Source, tree *kvshard.Tree) error {
			if err := s.Scheme.Unknown(); err != nil {
				return err // every check compares with what the hash gives
			}
			lost, err := lostBelow(s)
			if err != nil {
				return err
			}
			found, err := violations(c.Context(), e, s)
			if err != nil {
				return err
			}
			return emitCheck(e, tree, append(lost, found...))
		})
	}
	return c
}

func emitCheck(e *env, tree *kvshard.Tree, found []violationView) error {
	result := struct {
		Sound      bool            `json:"sound"`
		Size       *uint64         `json:"size,omitempty"`
		Root       *kvshard.Node   `json:"root,omitempty"`
		Violations []violationView `json:"violations"`
	}{Sound: len(found) == 0, Violations: found}
	if result.Sound {
		state, err := source.ReadState(tree, nil)
		if err != nil {
			return err
		}
		result.Size, result.Root = &state.Size, &state.Root
	}
	err := e.emit(result, func(w io.Writer) {
		if result.Sound {
			fmt.Fprintf(w, "sound: %d leaves, root %s\n", *result.Size, *result.Root)
			return
		}
		for _, v := range found {
			name := v.Record
			if name == "" {
				name = v.Key
			}
			fmt.Fprintf(w, "%s: %s: %s\n", v.Invariant, name, v.Detail)
		}
		fmt.Fprintf(w, "%d violations\n", len(found))
	})
	if err != nil || result.Sound {
		return err
	}
	return exit.Silent(exit.No)
}

// lostBelow returns what is wrong with the files below the tree: damage that the
// database ignores, and leaves or checkpoints that a command reported but that are
// not there.
func lostBelow(s *source.Source) (found []violationView, err error) {
	if s.Damage != nil {
		found = append(found, violationView{Invariant: "journal-whole", Record: s.DBPath, Detail: s.Damage.Error()})
	}
	what, err := s.Lost()
	if what != "" {
		found = append(found, violationView{Invariant: "reported-there", Record: source.ReportName, Detail: what})
	}
	return found, err
}
