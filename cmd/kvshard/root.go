package main

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

const long = `kvshard makes, fills, inspects and measures note commitment trees: Zcash Orchard's, of depth 32.

A tree lies in a directory (--dir) with its options and its database, made by "kvshard init".
Every command that only reads can also look into a database that it did not make (--db), such as
a node's application.db (--db, --store, --height). It changes none of its files and makes none.

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

// An app is one run of the command.
type app struct {
	in       io.Reader
	out, err io.Writer

	dir, db, backend, storeName, prefix string
	height                              int64
	salvage                             bool
	output, progress                    string
	given                               map[string]bool // the flags on the command line
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	a := &app{in: in, out: out, err: errs}
	root := a.command()
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

func (a *app) command() *cobra.Command {
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
			if err := a.checkFlags(); err != nil {
				return err
			}
			return a.checkSource(c, args)
		},
	}
	root.RunE = printHelp
	root.SetHelpCommand(helpCommand())
	flags := root.PersistentFlags()
	flags.StringVarP(&a.dir, "dir", "d", "tree", "`directory` of the tree")
	flags.StringVar(&a.db, "db", "", "read the tree in this `database` instead, a directory that ends in .db")
	flags.StringVar(&a.backend, "backend", "goleveldb", "of a new tree: goleveldb or pebble; that of --db is found by its files")
	flags.StringVar(&a.storeName, "store", "", "`name` of the module's store in --db, a node's application.db")
	flags.StringVar(&a.prefix, "prefix", "", "in front of the tree's keys, in `hex`; of a new tree, or in --db")
	flags.Int64Var(&a.height, "height", 0, "`height` of the node's state in --db; 0 is the newest")
	flags.BoolVar(&a.salvage, "salvage", false, "read a damaged database nevertheless: what is left of it")
	flags.StringVarP(&a.output, "output", "o", "text", "text or json")
	flags.StringVar(&a.progress, "progress", "auto", "of long jobs: auto, bar, plain or off")
	complete := func(name string, values ...string) {
		_ = root.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	complete("backend", "goleveldb", "pebble")
	complete("output", "text", "json")
	complete("progress", "auto", "bar", "plain", "off")

	root.AddCommand(
		a.initCommand(), a.appendCommand(), a.checkpointCommand(), a.rootCommand(),
		a.witnessCommand(), a.verifyCommand(), a.checkCommand(), a.dumpCommand(), a.statCommand(),
		a.rewindCommand(), a.frontierCommand(), a.exportCommand(), a.importCommand(), a.diffCommand(), a.viewCommand(), a.benchCommand(),
	)
	for _, c := range root.Commands() {
		run := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := run(c, args); err != nil {
				return exit.Ran(err)
			}
			return nil
		}
	}
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.RunE = printHelp // one that runs refuses a shell that it does not know
	}
	return root
}

func printHelp(c *cobra.Command, _ []string) error { return c.Help() }

// place is where the flags say that the tree is.
func (a *app) place() source.Place {
	p := source.Place{Dir: a.dir, DB: a.db, Store: a.storeName, Prefix: a.prefix, Height: a.height, Salvage: a.salvage}
	if a.given["backend"] {
		p.Engine = a.backend
	}
	return p
}

// emit writes the result: the value in JSON, or what text writes.
func (a *app) emit(value any, text func(w io.Writer)) error {
	if a.output == "json" {
		encoder := json.NewEncoder(a.out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	}
	w := &keepError{w: a.out}
	text(w)
	return w.err
}

// onTerminal tells whether results go to a terminal.
func (a *app) onTerminal() bool {
	file, ok := a.out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// keepError remembers that a write failed.
type keepError struct {
	w   io.Writer
	err error
}

func (k *keepError) Write(p []byte) (int, error) {
	n, err := k.w.Write(p)
	if k.err == nil {
		k.err = err
	}
	return n, err
}
