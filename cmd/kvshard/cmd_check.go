package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"cosmossdk.io/core/store"
	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
)

func (a *app) checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check every record against the tree's invariants",
		Long: `Read every record once, hash the whole tree, and print each violated invariant.
Exit code 5 if there is one. A million leaves take some seconds. It writes nothing,
so that one that was interrupted begins anew.`,
		Example: `  $ kvshard check
  sound: 1000000 leaves, root 1f0c...

  $ kvshard check --db application.db --store notes --height 120 --output json`,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		s, err := a.toRead(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		found, err := a.check(c.Context(), s)
		if err != nil {
			return err
		}
		return a.emitCheck(s, found)
	}
	return c
}

type violationView struct {
	Invariant string `json:"invariant"`
	Key       string `json:"key,omitempty"`
	Record    string `json:"record,omitempty"`
	Detail    string `json:"detail"`
}

// check returns the violations; its progress is the shards that were read.
func (a *app) check(ctx context.Context, s *source) ([]violationView, error) {
	size := uint64(0)
	if tree, err := s.tree(); err != nil {
		return nil, err
	} else if n, err := tree.Size(); err == nil {
		size = n
	}
	p := a.newProgress("check", "leaves", int64(size), 0)
	defer p.end()
	watched := &watchedStore{KVStore: s.kv, shard: append(append([]byte{}, s.prefix...), 0x0F), read: func() { p.add(16) }}
	tree, err := kvshard.Open(watched, s.options...)
	if err != nil {
		return nil, err
	}
	err = tree.Check()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	found := []violationView{}
	for _, one := range split(err) {
		var v *kvshard.Violation
		if !errors.As(one, &v) {
			return nil, one
		}
		found = append(found, violationView{v.Invariant, hexText(v.Key), v.Record, v.Detail})
	}
	return found, nil
}

// split takes joined errors apart.
func split(err error) []error {
	var joined interface{ Unwrap() []error }
	if err == nil {
		return nil
	}
	var own *kvshard.Error
	if errors.As(err, &own) || !errors.As(err, &joined) {
		return []error{err}
	}
	return joined.Unwrap()
}

func (a *app) emitCheck(s *source, found []violationView) error {
	result := struct {
		Sound      bool            `json:"sound"`
		Size       *uint64         `json:"size,omitempty"`
		Root       *kvshard.Node   `json:"root,omitempty"`
		Violations []violationView `json:"violations"`
	}{Sound: len(found) == 0, Violations: found}
	if result.Sound {
		tree, err := s.tree()
		if err != nil {
			return err
		}
		state, err := readState(tree, nil)
		if err != nil {
			return err
		}
		result.Size, result.Root = &state.Size, &state.Root
	}
	err := a.emit(result, func(w io.Writer) {
		if result.Sound {
			fmt.Fprintf(w, "sound: %d leaves, root %s\n", *result.Size, *result.Root)
			return
		}
		for _, v := range found {
			name := v.Record
			if name == "" {
				name = v.Key
			}
			fmt.Fprintf(w, "%s: %s: %s\n", v.Invariant, name, v.Detail)
		}
		fmt.Fprintf(w, "%d violations\n", len(found))
	})
	if err != nil || result.Sound {
		return err
	}
	return &silentError{codeNo}
}

// watchedStore tells of each shard that an iterator passes.
type watchedStore struct {
	store.KVStore
	shard []byte // the prefix of shards' keys
	read  func()
}

func (s *watchedStore) Iterator(start, end []byte) (store.Iterator, error) {
	it, err := s.KVStore.Iterator(start, end)
	if err != nil || len(start) < len(s.shard) || string(start[:len(s.shard)]) != string(s.shard) {
		return it, err
	}
	return &watchedIterator{it, s.read}, nil
}

type watchedIterator struct {
	store.Iterator
	read func()
}

func (it *watchedIterator) Next() {
	it.read()
	it.Iterator.Next()
}
