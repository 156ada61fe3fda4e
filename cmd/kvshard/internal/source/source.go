// Package source opens a tree where the command line says that it is, to read or
// to write, and makes new ones.
package source

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"slices"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/internal/dbstore"
)

// BatchLeaves is how many leaves are written at once: some 2.5 MB.
const BatchLeaves = 1 << 16

// A Source is an open store with the options of its tree.
type Source struct {
	Where   string // for messages
	Dir     string // the tree's directory; "" of a database alone
	Config  Config
	Scheme  *schemes.Scheme
	Options []kvshard.Option
	Prefix  []byte
	KV      store.KVStore // to read, until the context is cancelled
	DB      dbm.DB
	DBPath  string
	Damage  error // disk.ErrDamaged, of what is opened nevertheless

	ctx    context.Context
	height int64 // of a node's store
}

func newSource(ctx context.Context, where, dbPath string, c Config, kv dbstore.Reader, db dbm.DB, height int64) (*Source, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	prefix, err := hex.DecodeString(c.Prefix)
	if err != nil {
		return nil, err
	}
	scheme, err := schemes.ByName(c.Scheme)
	if err != nil {
		return nil, err
	}
	return &Source{
		Where: where, Config: c, Scheme: scheme, Options: options, Prefix: prefix,
		KV: disk.ReadOnly(cancelled{ctx, kv}), DB: db, DBPath: dbPath,
		ctx: ctx, height: height,
	}, nil
}

// writeGrace is how long an interrupted command waits for a write, or for the
// database to close. A disk may never answer.
const writeGrace = 5 * time.Second

// Await runs what writes to the database.
func (s *Source) Await(write func() error) error {
	done := make(chan error, 1)
	go func() { done <- write() }()
	select {
	case err := <-done:
		return disk.Failed(s.DBPath, err)
	case <-s.ctx.Done():
	}
	select {
	case err := <-done:
		return disk.Failed(s.DBPath, err)
	case <-time.After(writeGrace):
		return s.ctx.Err()
	}
}

// Close gives the database back. A failure counts only if nothing else did.
func (s *Source) Close(err *error) {
	e := s.Await(s.DB.Close)
	switch {
	case *err != nil || e == nil:
	case errors.Is(e, disk.ErrFull):
		*err = e
	default:
		*err = exit.Errorf(exit.Store, "", "%s: %w", s.Where, e)
	}
}

// Tree is the one that is read.
func (s *Source) Tree() (*kvshard.Tree, error) {
	return kvshard.Open(s.KV, s.Options...)
}

// Records are the tree's records, as [kvshard.Records] has them.
func (s *Source) Records() iter.Seq2[kvshard.Record, error] {
	return kvshard.Records(s.KV, s.Options...)
}

// RecordsOf are the tree's records of one kind, and nothing else is read. Keys that other
// keys begin with are not for it: that of kvshard.KindSummary.
func (s *Source) RecordsOf(kind kvshard.RecordKind) iter.Seq2[kvshard.Record, error] {
	start := slices.Concat(s.Prefix, kind.KeyPrefix())
	end := slices.Clone(start)
	end[len(end)-1]++
	return func(yield func(kvshard.Record, error) bool) {
		for entry, err := range kvshard.Entries(s.KV, start, end) {
			r := kvshard.Record{Key: bytes.TrimPrefix(entry.Key, s.Prefix), Value: entry.Value}
			if (err != nil || r.Name().Kind == kind) && !yield(r, err) {
				return
			}
		}
	}
}

// Update writes all that f does to the tree in one batch, or nothing.
func (s *Source) Update(f func(*kvshard.Tree) error) error {
	return s.Commit(func(kv store.KVStore) error {
		tree, err := kvshard.Open(kv, s.Options...)
		if err != nil {
			return err
		}
		return f(tree)
	})
}

// Commit writes all that f does in one batch, or nothing.
func (s *Source) Commit(f func(store.KVStore) error) error {
	made := dbstore.NewOverlay(s.DB)
	if err := f(made); err != nil {
		return err
	}
	return s.Await(func() error { return made.CommitTo(s.DB) })
}
