package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newDiffCommand(e *env) *cobra.Command {
	var limit uint
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Find where two trees differ: two validators that disagree",
		Long: `Compare two trees record by record and print the first that differ, the first
differing shard with its range of leaves, the first differing leaf, and the
checkpoints between which the trees parted. Exit code 5 if they differ.

A and B are directories of trees or databases (their names end in .db), whose engine
their files show; --store, --height and --prefix are for the databases.`,
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

type differingRecord struct {
	Record string `json:"record"`
	Key    string `json:"key"` // without the prefix
	A      *int   `json:"a_bytes"`
	B      *int   `json:"b_bytes"` // null: absent
}

type difference struct {
	Equal     bool              `json:"equal"`
	A         sideView          `json:"a"`
	B         sideView          `json:"b"`
	SameAt    *uint32           `json:"same_at_checkpoint,omitempty"`
	DiffersAt *uint32           `json:"differs_at_checkpoint,omitempty"`
	Shard     *uint64           `json:"first_shard,omitempty"`
	Leaves    *[2]uint64        `json:"first_shard_leaves,omitempty"` // first and last
	Leaf      *uint64           `json:"first_leaf,omitempty"`
	Differing uint64            `json:"differing"`
	OnlyA     uint64            `json:"only_a"`
	OnlyB     uint64            `json:"only_b"`
	Records   []differingRecord `json:"records"`
}

type sideView struct {
	Where string        `json:"where"`
	Size  *uint64       `json:"size,omitempty"`
	Root  *kvshard.Node `json:"root,omitempty"`
	Error string        `json:"error,omitempty"`
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
		fmt.Fprintf(w, "%s: %s: %d leaves, root %s\n", side.name, side.Where, *side.Size, *side.Root)
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

func diff(ctx context.Context, e *env, left, right *source.Source, limit uint) (*difference, error) {
	d := &difference{Records: []differingRecord{}}
	trees := [2]*kvshard.Tree{}
	for i, side := range []*sideView{&d.A, &d.B} {
		s := []*source.Source{left, right}[i]
		side.Where = s.Where
		tree, err := s.Tree()
		if err != nil {
			return nil, err
		}
		trees[i] = tree
		now, err := source.ReadState(tree, nil)
		if err != nil { // a broken store can still be compared
			side.Error = err.Error()
			continue
		}
		side.Size, side.Root = &now.Size, &now.Root
	}
	if err := diffRecords(ctx, e, left, right, d, limit); err != nil {
		return nil, err
	}
	d.Equal = d.Differing+d.OnlyA+d.OnlyB == 0
	if d.Equal {
		return d, nil
	}
	d.diffCheckpoints(trees)
	if d.Shard != nil {
		d.Leaves = &[2]uint64{*d.Shard * 16, *d.Shard*16 + 15}
		for position := d.Leaves[0]; position <= d.Leaves[1]; position++ {
			x, errX := trees[0].Leaf(position)
			y, errY := trees[1].Leaf(position)
			if x != y || (errX == nil) != (errY == nil) {
				d.Leaf = &position
				break
			}
		}
	}
	return d, nil
}

// diffCheckpoints finds where the roots part. A tree that cannot tell is left.
func (d *difference) diffCheckpoints(trees [2]*kvshard.Tree) {
	for checkpoint, err := range trees[0].Checkpoints() {
		if err != nil {
			return
		}
		x, err := trees[0].RootAt(checkpoint.ID)
		if err != nil {
			return
		}
		y, err := trees[1].RootAt(checkpoint.ID)
		if errors.Is(err, kvshard.ErrCheckpointNotFound) {
			continue
		}
		if err != nil {
			return
		}
		if x != y {
			d.DiffersAt = &checkpoint.ID
			return
		}
		d.SameAt = &checkpoint.ID
	}
}

// diffRecords walks both stores once, side by side.
func diffRecords(ctx context.Context, e *env, left, right *source.Source, d *difference, limit uint) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	x, y := readAhead(ctx, left), readAhead(ctx, right)
	p := e.newProgress("diff", "records", -1, 0)
	defer p.end()
	note := func(key, one, other []byte) {
		r := differingRecord{Record: record.Name(key), Key: hex.EncodeToString(key)}
		switch {
		case other == nil:
			d.OnlyA++
		case one == nil:
			d.OnlyB++
		default:
			d.Differing++
		}
		for _, side := range []struct {
			value []byte
			n     **int
		}{{one, &r.A}, {other, &r.B}} {
			if side.value != nil {
				n := len(side.value)
				*side.n = &n
			}
		}
		if uint(len(d.Records)) < limit {
			d.Records = append(d.Records, r)
		}
		if key[0] == 0x0F && len(key) == 9 && d.Shard == nil {
			index := binary.BigEndian.Uint64(key[1:])
			d.Shard = &index
		}
	}
	one, two := <-x, <-y
	for {
		if one.err != nil {
			return one.err
		}
		if two.err != nil {
			return two.err
		}
		order := 0
		switch {
		case one.end && two.end:
			return nil
		case one.end:
			order = 1
		case two.end:
			order = -1
		default:
			order = bytes.Compare(one.Key, two.Key)
		}
		switch {
		case order < 0:
			note(one.Key, one.Value, nil)
		case order > 0:
			note(two.Key, nil, two.Value)
		case !bytes.Equal(one.Value, two.Value):
			note(one.Key, one.Value, two.Value)
		}
		if order <= 0 {
			one = <-x
		}
		if order >= 0 {
			two = <-y
		}
		p.add(1)
	}
}

type streamed struct {
	record.Record
	err error
	end bool
}

// readAhead reads a store's records ahead, until the context is cancelled.
func readAhead(ctx context.Context, s *source.Source) <-chan streamed {
	out := make(chan streamed, 256)
	go func() {
		defer close(out)
		send := func(v streamed) error {
			select {
			case out <- v:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		for r, err := range record.All(s.KV, s.Prefix) {
			if send(streamed{Record: r, err: err}) != nil || err != nil {
				return
			}
		}
		_ = send(streamed{end: true})
	}()
	return out
}
