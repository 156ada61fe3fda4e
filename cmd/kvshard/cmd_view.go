package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/view"
)

func newViewCommand(e *env) *cobra.Command {
	var leaf positionFlag
	c := &cobra.Command{
		Use:   "view [FILE]",
		Short: "Write a page that shows the tree, and how calls work on it",
		Long: `Write one HTML file, tree.html unless FILE names another. It shows the tree in any
browser and loads nothing: the levels from the root down, the shards as blocks from
left to right, which record stores a node or whether it is hashed when asked, the
frontier, the checkpoints, and with --leaf a witness. The page zooms from millions of
leaves down to one shard, and saves what is in view as an SVG. Its replay goes through
the calls of a small chain of Orchard's, with each operation that they make on the
store. Of a tree whose scheme this command does not know, the page has no root, no
frontier and no witness, and says so.`,
		Example: `  $ kvshard view --leaf 77777 tree.html
  tree.html: 1000000 leaves; open it in a browser

  $ kvshard view --db application.db --store notes --height 120`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().Var(&leaf, "leaf", "`position` of a leaf whose witness to show")
	c.RunE = func(c *cobra.Command, args []string) error {
		name := "tree.html"
		if len(args) > 0 {
			name = args[0]
		}
		return withTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
			page, size, err := viewPage(e, s, tree, leaf.position)
			if err != nil {
				return err
			}
			if name == "-" {
				_, err := e.out.Write(page)
				return err
			}
			if err := disk.ReplaceText(name, page); err != nil {
				return err
			}
			result := struct {
				File    string `json:"file"`
				Bytes   int    `json:"bytes"`
				Size    uint64 `json:"size"`
				Lacking string `json:"not_shown,omitempty"`
			}{name, len(page), size, s.Scheme.Lacking(view.Lacks)}
			return e.emit(result, func(w io.Writer) {
				fmt.Fprintf(w, "%s: %d leaves; open it in a browser\n", name, size)
				printLacking(w, result.Lacking)
			})
		})
	}
	return c
}

// viewPage returns the page of a tree, and the tree's size.
func viewPage(e *env, s *source.Source, tree *kvshard.Tree, leaf *uint64) ([]byte, uint64, error) {
	p := e.newProgress("view", "records", -1, 0)
	defer p.end()
	return view.Page(view.Source{
		Where: s.Where, Scheme: s.Scheme, Tree: tree, KV: s.KV, Prefix: s.Prefix, Leaf: leaf,
		Tell: func() { p.add(1) },
	})
}
