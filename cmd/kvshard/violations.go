package main

import (
	"context"
	"encoding/hex"
	"errors"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// A violationView is a violation as it is printed.
type violationView struct {
	Invariant string `json:"invariant"`
	Key       string `json:"key,omitempty"`
	Record    string `json:"record,omitempty"`
	Detail    string `json:"detail"`
}

// violations checks a tree and returns its violations. The progress counts the shards
// that were read.
func violations(ctx context.Context, e *env, s *source.Source) ([]violationView, error) {
	size := uint64(0)
	if tree, err := s.Tree(); err != nil {
		return nil, err
	} else if n, err := tree.Size(); err == nil {
		size = n
	}
	p := e.newProgress("check", "leaves", int64(size), 0)
	defer p.end()
	watched := &watchedStore{KVStore: s.KV, prefix: len(s.Prefix), read: func() { p.add(kvshard.LeavesPerShard) }}
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
		found = append(found, violationView{v.Invariant, hex.EncodeToString(v.Key), v.Record, v.Detail})
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

// watchedStore reports each shard that an iterator passes.
type watchedStore struct {
	store.KVStore
	prefix int // bytes before a record's key
	read   func()
}

func (s *watchedStore) Iterator(start, end []byte) (store.Iterator, error) {
	it, err := s.KVStore.Iterator(start, end)
	if err != nil {
		return nil, err
	}
	return &watchedIterator{it, s}, nil
}

type watchedIterator struct {
	store.Iterator
	from *watchedStore
}

func (it *watchedIterator) Next() {
	if kvshard.ParseRecordKey(it.Key()[it.from.prefix:]).Kind == kvshard.KindShard {
		it.from.read()
	}
	it.Iterator.Next()
}
