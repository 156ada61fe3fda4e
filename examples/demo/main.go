// Command demo runs a tree on a database on disk with the data of real
// Zcash blocks, and compares what comes out with what Zcash agreed on.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const help = `demo puts real Zcash blocks into note commitment trees on disk.

usage: demo [-dir DIR]

  1. The Orchard commitments of testnet and mainnet blocks, block by block, each
     root compared with the consensus root.
  2. A second tree goes on from the frontier of mainnet at 49.5 million leaves:
     1,000 commitments are appended and one is proven.
  3. The database is closed and opened again: root and witness are the same.

Exits with 1 if anything differs, with 2 if it is used wrongly.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main, with a status for the process.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), help+"\n")
		flags.PrintDefaults()
	}
	dir := flags.String("dir", "", "keep the database in `DIR`, which must be new or empty (default: a temporary one, removed at the end)")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "demo: unknown argument %q\n", flags.Arg(0))
		flags.Usage()
		return 2
	}

	in, err := load()
	if err == nil {
		err = within(*dir, func(dir string) error { return demo(stdout, dir, in) })
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return 1
	}
	return 0
}

// within runs f with the directory, which must be new or empty, or with a
// temporary one if it is "".
func within(dir string, f func(dir string) error) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "kvshard-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		return f(dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("the directory %s is not empty", dir)
	}
	return f(dir)
}
