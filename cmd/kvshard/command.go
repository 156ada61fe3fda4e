package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

const long = `kvshard makes, fills, inspects and measures note commitment trees: Zcash Orchard's, of depth 32, and
those of other schemes ("kvshard init --scheme").

"kvshard init" makes a tree in a directory (--dir), which holds the tree's options and its database.
A command that only reads can also read a database of another program (--db), such as a node's
application.db (--db, --store, --height). It changes none of that database's files and makes none.

Exit codes:
  0    done; the answer is yes
  1    something else failed, such as writing the output
  2    the command line is wrong
  3    the input is wrong: a commitment, witness, frontier or stream
  4    there is no such leaf or checkpoint, or it was pruned
  5    the answer is no: a witness does not verify, a check found violations, two stores differ
  6    the tree's state refuses: checkpoint order, not empty, full, exists already
  7    the store cannot be opened or read, or is corrupt
  130  interrupted; what was done is on disk, and the message tells how to go on`

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newCommand(&env{in: in, out: out, err: errs})
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	// Cobra's own errors are about the command line; those of a command say
	// their own code.
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	return exit.Report(errs, command.CommandPath(), outputOf(command, args) == "json", err)
}

// newCommand is the whole command with all that it can do.
func newCommand(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:           "kvshard",
		Short:         "Make, fill, inspect and measure note commitment trees",
		Long:          long,
		Version:       kvshard.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, args []string) error {
			if err := notEmpty(c, args); err != nil {
				return err
			}
			if err := checkFlags(e); err != nil {
				return err
			}
			return checkSource(e, c, args)
		},
	}
	root.RunE = printHelp
	root.SetHelpCommand(newHelpCommand())
	addFlags(root, e)
	for _, newOne := range []func(*env) *cobra.Command{
		newInitCommand, newAppendCommand, newCheckpointCommand, newRootCommand,
		newWitnessCommand, newNodesCommand, newVerifyCommand, newCheckCommand, newDumpCommand, newStatCommand,
		newRewindCommand, newFrontierCommand, newExportCommand, newImportCommand, newDiffCommand,
		newViewCommand, newBenchCommand,
	} {
		c := newOne(e)
		run := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := run(c, args); err != nil {
				return exit.Ran(err)
			}
			return nil
		}
		root.AddCommand(c)
	}
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.RunE = printHelp // one that runs refuses a shell that it does not know
	}
	return root
}

// addFlags adds the flags that all commands have.
func addFlags(root *cobra.Command, e *env) {
	flags := root.PersistentFlags()
	flags.StringVarP(&e.place.Dir, "dir", "d", "tree", "`directory` of the tree")
	flags.StringVar(&e.place.DB, "db", "", "read the tree from this `database` instead, a directory whose name ends in .db")
	flags.StringVar(&e.backend, "backend", "goleveldb", "engine of a new tree: goleveldb or pebble; for --db the files show it")
	flags.StringVar(&e.place.Store, "store", "", "`name` of the module's store, if --db is a node's application.db")
	flags.StringVar(&e.place.Prefix, "prefix", "", "bytes in front of the tree's keys, in `hex`; of a new tree, or in --db")
	flags.Int64Var(&e.place.Height, "height", 0, "`height` of the node's state in --db; 0 is the newest")
	flags.BoolVar(&e.place.Salvage, "salvage", false, "read what is left of a damaged database")
	flags.StringVarP(&e.output, "output", "o", "text", "form of the result: text or json")
	flags.StringVar(&e.showing, "progress", "auto", "progress of long jobs: auto, bar, plain or off")
	complete := func(name string, values ...string) {
		_ = root.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	complete("backend", "goleveldb", "pebble")
	complete("output", "text", "json")
	complete("progress", "auto", "bar", "plain", "off")
}

func printHelp(c *cobra.Command, _ []string) error { return c.Help() }
