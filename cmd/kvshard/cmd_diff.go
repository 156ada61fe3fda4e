package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newDiffCommand(e *env) *cobra.Command {
	var limit uint
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Find where two trees differ, such as those of two validators",
		Long: `Compare two trees record by record. Print the first records that differ, the first
differing shard with its leaves, the first differing leaf, and the checkpoints
between which the trees parted. The exit code is 5 if they differ.

A and B are directories of trees, or databases, whose names end in .db. The files
of a database show its engine. Trees of any scheme can be compared; of one that this
command does not know the roots are left out. --store, --height and --prefix are for databases.`,
		Example: `  $ kvshard diff node1/data/application.db node2/data/application.db --store notes --height 120
  A: 1000 leaves, root 1f0c...
  B: 1000 leaves, root 77aa...
  same up to checkpoint 118, different from checkpoint 119
  first differing shard 61: leaves 976 to 991; first differing leaf 977
  3 records differ, 0 only in A, 0 only in B
    shard(61)   546 bytes   546 bytes`,
		Args: cobra.ExactArgs(2),
	}
	c.Flags().UintVar(&limit, "limit", 20, "how many differing records to print")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		var sides [2]*source.Source
		for i, path := range args {
			if sides[i], err = e.place.OpenPath(c.Context(), path); err != nil {
				return err
			}
			defer sides[i].Close(&err)
		}
		d, err := diff(c.Context(), e, sides[0], sides[1], limit)
		if err != nil {
			return err
		}
		if err := e.emit(d, d.text); err != nil || d.Equal {
			return err
		}
		return exit.Silent(exit.No)
	}
	return c
}

func (d *difference) text(w io.Writer) {
	for _, side := range []struct {
		name string
		sideView
	}{{"A", d.A}, {"B", d.B}} {
		if side.Error != "" {
			fmt.Fprintf(w, "%s: %s: %s\n", side.name, side.Where, side.Error)
			continue
		}
		fmt.Fprintf(w, "%s: %s: %d leaves", side.name, side.Where, *side.Size)
		if side.Root != nil {
			fmt.Fprintf(w, ", root %s", *side.Root)
		}
		if side.Scheme != "" {
			fmt.Fprintf(w, ", scheme %s", side.Scheme)
		}
		fmt.Fprintln(w)
		printLacking(w, side.Lacking)
	}
	if d.Equal {
		fmt.Fprintln(w, "no record differs")
		return
	}
	switch {
	case d.SameAt != nil && d.DiffersAt != nil:
		fmt.Fprintf(w, "same up to checkpoint %d, different from checkpoint %d\n", *d.SameAt, *d.DiffersAt)
	case d.SameAt != nil:
		fmt.Fprintf(w, "same up to checkpoint %d\n", *d.SameAt)
	case d.DiffersAt != nil:
		fmt.Fprintf(w, "different from checkpoint %d, the oldest of both\n", *d.DiffersAt)
	}
	if d.Shard != nil {
		fmt.Fprintf(w, "first differing shard %d: leaves %d to %d", *d.Shard, d.Leaves[0], d.Leaves[1])
		if d.Leaf != nil {
			fmt.Fprintf(w, "; first differing leaf %d", *d.Leaf)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d records differ, %d only in A, %d only in B\n", d.Differing, d.OnlyA, d.OnlyB)
	bytes := func(n *int) string {
		if n == nil {
			return "absent"
		}
		return fmt.Sprintf("%d bytes", *n)
	}
	for _, r := range d.Records {
		name := r.Record
		if name == "" {
			name = r.Key
		}
		fmt.Fprintf(w, "  %s   %s   %s\n", name, bytes(r.A), bytes(r.B))
	}
	if more := d.Differing + d.OnlyA + d.OnlyB - uint64(len(d.Records)); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}
