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
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/stream"
)

func newImportCommand(e *env) *cobra.Command {
	var scheme string
	c := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Make a tree from a stream, and verify it",
		Long: `Make a tree from a stream of "kvshard export", from a file or standard input. The tree
is made in the directory --dir, which must not hold one yet. An empty directory, a
mount point or the working directory will do. --backend and --prefix are the new
tree's. Its scheme is the stream's; --scheme refuses a stream of another one.

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
	c.Flags().StringVar(&scheme, "scheme", "", "the scheme that the stream's tree must be of: "+strings.Join(schemes.Names(), " or "))
	_ = c.RegisterFlagCompletionFunc("scheme", cobra.FixedCompletions(schemes.Names(), cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, args []string) error {
		name := "-"
		if len(args) > 0 {
			name = args[0]
		}
		if _, err := schemes.ByName(scheme); err != nil {
			return fmt.Errorf("--scheme: %w", err)
		}
		return importStream(c.Context(), e, name, scheme)
	}
	return c
}

func importStream(ctx context.Context, e *env, name, scheme string) (err error) {
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
	of, err := streamScheme(h, scheme)
	if err != nil {
		return err
	}
	conf := source.Config{Version: 1, Backend: e.backend, Prefix: strings.ToLower(e.place.Prefix), MaxCheckpoints: h.MaxCheckpoints, Retention: h.Retention, Scheme: of.Mention()}
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

// streamScheme returns the scheme of a stream's tree, and refuses one whose hash is
// missing, or another one than was asked for, unless that is "".
func streamScheme(h stream.Header, asked string) (*schemes.Scheme, error) {
	of := schemes.Orchard
	if h.Scheme != "" {
		var err error
		if of, err = schemes.ParseFingerprint(h.Scheme); err != nil {
			return nil, exit.Errorf(exit.Input, "", "the scheme of the stream: %w", err)
		}
	}
	if err := of.Unknown(); err != nil {
		return nil, exit.Errorf(exit.Input, "import it with a program that has its hash, such as the chain's own", "the stream cannot be verified: %w", err)
	}
	if asked != "" && asked != of.Name {
		return nil, exit.Errorf(exit.Input, "leave --scheme out, or give a stream of such a tree", "the stream has a tree of scheme %s, not of %s", of.Name, asked)
	}
	return of, nil
}
