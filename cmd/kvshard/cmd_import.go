package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/stream"
)

func newImportCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Make a tree from a stream, and verify it",
		Long: `Make a tree from a stream of "kvshard export", from a file or standard input. The tree
is made in the directory --dir, which must not hold one yet. An empty directory, a
mount point or the working directory will do. --backend and --prefix are the new
tree's.

Everything is verified: the stream's SHA-256; size, root and the root at each
checkpoint against the header; and for a stream of records each record and every
hash, as "kvshard check" does. An import that fails verification leaves nothing behind.

The tree is made in a directory of its own within --dir, and moves to its place when it
is verified. If an import was interrupted, its stream cut or its disk full, give the
same command again: it goes on.`,
		Example: `  $ kvshard import --dir copy tree.kvx
  imported 1000000 leaves, root 1f0c...

  $ ssh backup cat notes.kvx | kvshard import --dir copy --backend pebble`,
		Args: cobra.MaximumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		name := "-"
		if len(args) > 0 {
			name = args[0]
		}
		return importStream(c.Context(), e, name)
	}
	return c
}

func importStream(ctx context.Context, e *env, name string) (err error) {
	var in io.Reader
	if name == "-" {
		in = input.Interruptible(ctx, e.in)
	} else {
		file, err := os.Open(name)
		if err != nil {
			return exit.Errorf(exit.Input, "give a file that \"kvshard export\" wrote", "%w", err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	from, err := stream.NewReader(in)
	if err != nil {
		return err
	}
	h := from.Header
	conf := source.Config{Version: 1, Backend: e.backend, Prefix: strings.ToLower(e.place.Prefix), MaxCheckpoints: h.MaxCheckpoints, Retention: h.Retention}
	if err := conf.Check(); err != nil {
		return err
	}
	if err := importInto(ctx, e, from, conf); err != nil {
		return err
	}
	return e.emit(source.State{Root: h.Root, Size: h.Size}, func(w io.Writer) {
		fmt.Fprintf(w, "imported %d leaves, root %s\n", h.Size, h.Root)
	})
}
