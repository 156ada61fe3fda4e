package main

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"cosmossdk.io/core/store"
	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/view"
)

func (a *app) viewCommand() *cobra.Command {
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
		s, err := a.toRead(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		page, size, err := a.viewPage(s, leaf.position)
		if err != nil {
			return err
		}
		if name == "-" {
			_, err := a.out.Write(page)
			return err
		}
		if err := replaceText(name, page); err != nil {
			return err
		}
		return a.emit(map[string]any{"file": name, "bytes": len(page), "size": size}, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %d leaves; open it in a browser\n", name, size)
		})
	}
	return c
}

// viewPage returns the page of a tree, and the tree's size.
func (a *app) viewPage(s *source, leaf *uint64) ([]byte, uint64, error) {
	tree, err := s.tree()
	if err != nil {
		return nil, 0, err
	}
	p := a.newProgress("view", "records", -1, 0)
	page, size, err := view.Page(view.Source{
		Where: s.where, Tree: tree, KV: s.kv, Prefix: s.prefix, Leaf: leaf,
		Tell: func() { p.add(1) },
	}, viewSchema())
	p.end()
	return page, size, err
}

// viewSchema tells the page which records a tree has.
func viewSchema() view.Schema {
	schema := view.Schema{
		Name:    recordName,
		Records: viewRecords,
		Leaves: func(shard []byte) []kvshard.Node {
			leaves, _, _ := shardLeaves(shard)
			return leaves
		},
	}
	for _, kind := range kinds {
		schema.Kinds = append(schema.Kinds, view.RecordKind{Name: kind.name, Key: []byte{kind.first}})
	}
	return schema
}

var errEnough = errors.New("no more records are wanted")

func viewRecords(kv store.KVStore, prefix []byte) iter.Seq2[view.Record, error] {
	return func(yield func(view.Record, error) bool) {
		err := records(kv, prefix, func(r record) error {
			if !yield(view.Record{Key: r.key, Value: r.value}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(view.Record{}, err)
		}
	}
}
