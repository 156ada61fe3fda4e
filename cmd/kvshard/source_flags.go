package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// What a command does with the flags that say where a tree is.
type sourceUse int

const (
	usesTree  sourceUse = iota // that in --dir, or that in --db
	usesNew                    // it makes one in --dir
	usesPaths                  // its arguments
	usesNone
)

var sourceUses = map[string]sourceUse{
	"append": usesTree, "check": usesTree, "checkpoint": usesTree, "dump": usesTree, "export": usesTree,
	"frontier": usesTree, "nodes": usesTree, "rewind": usesTree, "root": usesTree, "stat": usesTree, "view": usesTree, "witness": usesTree,
	"init": usesNew, "import": usesNew,
	"diff":   usesPaths,
	"verify": usesNone, "bench": usesNone,
}

// The flags that say where a tree is; those of a database come last.
var sourceFlags = []string{"dir", "db", "salvage", "backend", "prefix", "store", "height"}

// checkSource refuses flags that have no effect beside the others.
func checkSource(e *env, c *cobra.Command, args []string) error {
	given := map[string]bool{}
	c.Flags().Visit(func(f *pflag.Flag) { given[f.Name] = true })
	use, known := sourceUses[c.Name()]
	if !known { // cobra's own
		return nil
	}
	refuse := func(why string, names ...string) error {
		for _, name := range names {
			if given[name] {
				return exit.Usagef("--%s has no effect: %s", name, why)
			}
		}
		return nil
	}
	switch use {
	case usesNone:
		return refuse("kvshard "+c.Name()+" opens no tree", sourceFlags...)
	case usesNew:
		if given["db"] {
			return exit.Usagef("--db is for reading only: kvshard %s makes a tree in --dir", c.Name())
		}
		return refuse("kvshard "+c.Name()+" makes a tree in --dir", "salvage", "store", "height")
	case usesPaths:
		if err := refuse("kvshard "+c.Name()+" takes the trees as arguments", "dir", "db"); err != nil {
			return err
		}
		if !slices.ContainsFunc(args, source.IsDatabase) {
			return refuse("it is for a database, whose name ends in .db", sourceFlags[3:]...)
		}
	case usesTree:
		if given["db"] && given["dir"] {
			return exit.Usagef("--dir and --db name two trees: give one of them")
		}
		if !given["db"] {
			return refuse("it goes with --db; "+source.ConfigName+" says it of the tree in --dir", sourceFlags[3:]...)
		}
	}
	if given["backend"] {
		e.place.Engine = e.backend
	}
	if given["height"] && !given["store"] {
		return exit.Usagef("--height needs --store, the name of the module's store")
	}
	return nil
}
