package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"cosmossdk.io/core/store"
	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func (a *app) checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check every record against the tree's invariants",
		Long: `Read every record once, hash the whole tree, and print each violated invariant.
Exit code 5 if there is one. A million leaves take some seconds. It writes nothing,
so that one that was interrupted begins anew.

Two violations are about the files below the tree. "journal-whole": a journal of the
database has a place that cannot be read and intact records behind it, which are lost.
"reported-there": the tree in --dir has fewer leaves or checkpoints than the last
command that wrote reported. Damage at the very end of a journal looks like a write
that a crash tore: only the second can show it, so for --db nothing does.`,
		Example: `  $ kvshard check
  sound: 1000000 leaves, root 1f0c...

  $ kvshard check --db application.db --store notes --height 120 --output json`,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		a.salvage = true // to tell what is lost and what is left
		s, err := a.place().Open(c.Context())
		if err != nil {
			return err
		}
		defer s.Close(&err)
		lost, err := a.lost(s)
		if err != nil {
			return err
		}
		found, err := a.check(c.Context(), s)
		if err != nil {
			return err
		}
		return a.emitCheck(s, append(lost, found...))
	}
	return c
}

type violationView struct {
	Invariant string `json:"invariant"`
	Key       string `json:"key,omitempty"`
	Record    string `json:"record,omitempty"`
	Detail    string `json:"detail"`
}

// lost returns what is wrong with the files below the tree: damage that the
// database passes over, and what a command reported and is not there.
func (a *app) lost(s *source.Source) (found []violationView, err error) {
	if s.Damage != nil {
		found = append(found, violationView{Invariant: "journal-whole", Record: s.DBPath, Detail: s.Damage.Error()})
	}
	what, err := s.Lost()
	if what != "" {
		found = append(found, violationView{Invariant: "reported-there", Record: source.ReportName, Detail: what})
	}
	return found, err
}

// check returns the violations; its progress is the shards that were read.
func (a *app) check(ctx context.Context, s *source.Source) ([]violationView, error) {
	size := uint64(0)
	if tree, err := s.Tree(); err != nil {
		return nil, err
	} else if n, err := tree.Size(); err == nil {
		size = n
	}
	p := a.newProgress("check", "leaves", int64(size), 0)
	defer p.end()
	watched := &watchedStore{KVStore: s.KV, shard: append(append([]byte{}, s.Prefix...), record.Shard), read: func() { p.add(16) }}
	tree, err := kvshard.Open(watched, s.Options...)
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

func (a *app) emitCheck(s *source.Source, found []violationView) error {
	result := struct {
		Sound      bool            `json:"sound"`
		Size       *uint64         `json:"size,omitempty"`
		Root       *kvshard.Node   `json:"root,omitempty"`
		Violations []violationView `json:"violations"`
	}{Sound: len(found) == 0, Violations: found}
	if result.Sound {
		tree, err := s.Tree()
		if err != nil {
			return err
		}
		state, err := source.ReadState(tree, nil)
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
	return exit.Silent(exit.No)
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
