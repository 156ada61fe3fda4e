package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/view"
)

func newViewCommand(a *env) *cobra.Command {
	var leaf positionFlag
	c := &cobra.Command{
		Use:   "view [FILE]",
		Short: "Write a page that shows the tree, and how calls work on it",
		Long: `Write one HTML file (tree.html unless another is named) that shows the tree in any
browser and loads nothing: levels from the root down, shards as blocks from left to
right, what is stored and in which record, what is hashed when asked, the frontier,
the checkpoints, and with --leaf a witness. It zooms from millions of leaves down to
one shard, and saves what is in view as an SVG. Its replay goes through the calls of
a small chain, with each operation that they make on the store.`,
		Example: `  $ kvshard view --leaf 77777 tree.html
  tree.html: 1000000 leaves; open it in a browser

  $ kvshard view --db application.db --store notes --height 120`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().Var(&leaf, "leaf", "`position` of a leaf whose witness to show")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		name := "tree.html"
		if len(args) > 0 {
			name = args[0]
		}
		s, err := a.place.Open(c.Context())
		if err != nil {
			return err
		}
		defer s.Close(&err)
		page, size, err := a.viewPage(s, leaf.position)
		if err != nil {
			return err
		}
		if name == "-" {
			_, err := a.out.Write(page)
			return err
		}
		if err := disk.ReplaceText(name, page); err != nil {
			return err
		}
		return a.emit(map[string]any{"file": name, "bytes": len(page), "size": size}, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %d leaves; open it in a browser\n", name, size)
		})
	}
	return c
}

// viewPage returns the page of a tree, and the tree's size.
func (a *env) viewPage(s *source.Source, leaf *uint64) ([]byte, uint64, error) {
	tree, err := s.Tree()
	if err != nil {
		return nil, 0, err
	}
	p := a.newProgress("view", "records", -1, 0)
	page, size, err := view.Page(view.Source{
		Where: s.Where, Tree: tree, KV: s.KV, Prefix: s.Prefix, Leaf: leaf,
		Tell: func() { p.add(1) },
	})
	p.end()
	return page, size, err
}
