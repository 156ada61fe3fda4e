package main

import (
	"context"
	"errors"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// withTree opens a tree to read, and runs f on it.
func withTree(ctx context.Context, p source.Place, f func(*source.Source, *kvshard.Tree) error) (err error) {
	s, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer s.Close(&err)
	tree, err := s.Tree()
	if err != nil {
		return err
	}
	return schemes.Plain(f(s, tree))
}

// updateTree opens a tree to write. All that f does to it is written in one batch, or
// not at all.
func updateTree(ctx context.Context, p source.Place, f func(*source.Source, *kvshard.Tree) error) error {
	return p.Write(ctx, func(s *source.Source) error {
		return s.Update(func(tree *kvshard.Tree) error { return f(s, tree) })
	})
}

// retainCheckpoint makes the checkpoint, if it is not there, and retains it.
func retainCheckpoint(tree *kvshard.Tree, id uint32) error {
	_, err := tree.SizeAt(id)
	if errors.Is(err, kvshard.ErrCheckpointNotFound) {
		err = tree.Checkpoint(id)
	}
	if err != nil {
		return err
	}
	return tree.RetainCheckpoint(id)
}
