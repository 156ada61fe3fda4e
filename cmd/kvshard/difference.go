package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// A differingRecord is a record that differs between the trees.
type differingRecord struct {
	Record string `json:"record"`
	Key    string `json:"key"` // without the prefix
	A      *int   `json:"a_bytes"`
	B      *int   `json:"b_bytes"` // null: absent
}

// A difference is how two trees differ, as JSON has it.
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

// A sideView is one of the trees.
type sideView struct {
	Where string        `json:"where"`
	Size  *uint64       `json:"size,omitempty"`
	Root  *kvshard.Node `json:"root,omitempty"`
	Error string        `json:"error,omitempty"`

	Scheme  string `json:"scheme,omitempty"`    // of a tree that is not Orchard's
	Lacking string `json:"not_shown,omitempty"` // and why
}

// diff compares two trees, and lists the first records that differ, at most limit.
func diff(ctx context.Context, e *env, left, right *source.Source, limit uint) (*difference, error) {
	d := &difference{Records: []differingRecord{}}
	trees := [2]*kvshard.Tree{}
	for i, side := range []*sideView{&d.A, &d.B} {
		s := []*source.Source{left, right}[i]
		side.Where, side.Scheme, side.Lacking = s.Where, s.Scheme.Mention(), s.Scheme.Lacking("root, and none at checkpoints")
		tree, err := s.Tree()
		if err != nil {
			return nil, err
		}
		trees[i] = tree
		now, err := s.State(tree)
		if err != nil { // a broken store can still be compared
			side.Error = err.Error()
			continue
		}
		if side.Size = &now.Size; side.Lacking == "" {
			side.Root = &now.Root
		}
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
		first := *d.Shard * kvshard.LeavesPerShard
		d.Leaves = &[2]uint64{first, first + kvshard.LeavesPerShard - 1}
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

// diffCheckpoints finds where the roots part. A tree that cannot tell is left out.
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
		name := kvshard.ParseRecordKey(key)
		r := differingRecord{Record: name.String(), Key: hex.EncodeToString(key)}
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
		if name.Kind == kvshard.KindShard && d.Shard == nil {
			d.Shard = &name.Index
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
	kvshard.Record
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
		for r, err := range s.Records() {
			if send(streamed{Record: r, err: err}) != nil || err != nil {
				return
			}
		}
		_ = send(streamed{end: true})
	}()
	return out
}
