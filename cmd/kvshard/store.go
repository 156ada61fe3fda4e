package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/strict"
	"github.com/kvshard/kvshard/internal/dbstore"
)

const (
	configName   = "kvshard.json"
	databaseName = "tree.db"
)

// A config is what a tree's directory says about it: options are not part of
// the tree, and must be the same whenever it is written.
type config struct {
	Version        int    `json:"version"`
	Backend        string `json:"backend"`
	Prefix         string `json:"prefix"`
	MaxCheckpoints uint32 `json:"max_checkpoints"`
	Retention      string `json:"retention"`
}

func (c config) options() ([]kvshard.Option, error) {
	prefix, err := hex.DecodeString(c.Prefix)
	if err != nil {
		return nil, exit.Usagef("prefix %q: %w", c.Prefix, err)
	}
	retention := kvshard.Marked
	switch c.Retention {
	case "marked":
	case "ephemeral":
		retention = kvshard.Ephemeral
	default:
		return nil, exit.Usagef("retention %q: it is marked or ephemeral", c.Retention)
	}
	return []kvshard.Option{
		kvshard.WithPrefix(prefix), kvshard.WithRetention(retention), kvshard.WithMaxCheckpoints(c.MaxCheckpoints),
	}, nil
}

// check refuses what no tree can be opened with.
func (c config) check() error {
	if err := disk.CheckBackend(c.Backend); err != nil {
		return exit.Usagef("%w", err)
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	if _, err := kvshard.Open(dbm.NewMemDB(), options...); err != nil {
		return exit.Usagef("%w", err)
	}
	return nil
}

func readConfig(dir string) (config, error) {
	const hint = "\"kvshard init --dir DIR\" makes a tree; --db reads a database that something else made"
	text, err := os.ReadFile(filepath.Join(dir, configName))
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, exit.Errorf(exit.Store, hint, "there is no tree in %s", dir)
	}
	if err != nil {
		return config{}, exit.Errorf(exit.Store, "", "%w", err)
	}
	var c config
	if err := strict.Decode(text, &c); err != nil {
		return config{}, exit.Errorf(exit.Store, "", "%s: %w", filepath.Join(dir, configName), err)
	}
	if c.Version != 1 {
		return config{}, exit.Errorf(exit.Store, "a newer kvshard", "%s: unknown version %d", filepath.Join(dir, configName), c.Version)
	}
	if err := c.check(); err != nil {
		return config{}, exit.Errorf(exit.Store, "", "%s: %w", filepath.Join(dir, configName), err)
	}
	return c, nil
}

func writeConfig(dir string, c config) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return writeBeside(dir, configName, append(text, '\n'))
}

// writeBeside writes a file of a tree's directory, whole or not at all.
func writeBeside(dir, name string, text []byte) error {
	path := filepath.Join(dir, name)
	return disk.Failed(path, replaceText(path, text))
}

// A source is an open store with the options of its tree.
type source struct {
	where   string // for messages
	ctx     context.Context
	config  config
	options []kvshard.Option
	prefix  []byte
	kv      store.KVStore // to read, until the context is cancelled
	db      dbm.DB
	dbPath  string
	height  int64 // of a node's store
	damage  error // disk.ErrDamaged, of what is opened nevertheless
}

// toRead opens the store that the flags name.
func (a *app) toRead(ctx context.Context) (*source, error) {
	if a.db != "" {
		return a.openDatabase(ctx, a.db)
	}
	return a.openDir(ctx, a.dir)
}

// toWrite opens the tree in --dir.
func (a *app) toWrite(ctx context.Context) (*source, error) {
	if a.db != "" {
		return nil, disk.ErrReadOnly
	}
	if a.salvage {
		return nil, exit.Usagef("--salvage is for commands that read: \"kvshard export --salvage\" takes out what is left")
	}
	return openDirToWrite(ctx, a.dir)
}

// openPath opens a tree's directory or a database, whichever it is.
func (a *app) openPath(ctx context.Context, path string) (*source, error) {
	if isDatabase(path) {
		return a.openDatabase(ctx, path)
	}
	return a.openDir(ctx, path)
}

// isDatabase tells a database's path from that of a tree's directory.
func isDatabase(path string) bool { return filepath.Ext(filepath.Clean(path)) == ".db" }

// openDir opens the tree in a directory to read.
func (a *app) openDir(ctx context.Context, dir string) (*source, error) {
	return openTree(ctx, dir, disk.OpenToRead, a.salvage)
}

func openDirToWrite(ctx context.Context, dir string) (*source, error) {
	return openTree(ctx, dir, disk.OpenToWrite, false)
}

func openTree(ctx context.Context, dir string, open func(path, backend string) (dbm.DB, error), salvage bool) (*source, error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, databaseName)
	damage, err := inspect(path, salvage)
	if err != nil {
		return nil, err
	}
	db, err := open(path, c.Backend)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	s, err := newSource(ctx, dir, path, c, db, db, 0)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.damage = damage
	if !salvage {
		if err := s.nothingLost(dir); err != nil {
			s.close(&err)
			return nil, err
		}
	}
	return s, nil
}

// inspect looks for damage that the engine would pass over in silence. With
// salvage it is returned apart.
func inspect(path string, salvage bool) (damage, err error) {
	err = disk.Undamaged(path)
	switch {
	case err == nil:
		return nil, nil
	case !errors.Is(err, disk.ErrDamaged):
		return nil, cannotOpen(path, err)
	case salvage:
		return err, nil
	}
	return nil, err
}

func (a *app) openDatabase(ctx context.Context, path string) (*source, error) {
	backend := ""
	if a.given["backend"] {
		backend = a.backend
	}
	damage, err := inspect(path, a.salvage)
	if err != nil {
		return nil, err
	}
	db, err := disk.OpenToRead(path, backend)
	if errors.Is(err, disk.ErrEngine) && backend != "" {
		return nil, exit.Errorf(exit.Usage, "leave --backend out: the files show it", "%w", err)
	}
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	s, err := a.openStore(ctx, path, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.damage = damage
	return s, nil
}

// openStore finds the tree in a database.
func (a *app) openStore(ctx context.Context, path string, db dbm.DB) (*source, error) {
	engine, err := disk.Engine(path)
	if err != nil {
		return nil, err
	}
	c := config{Backend: engine, Prefix: a.prefix, MaxCheckpoints: kvshard.DefaultMaxCheckpoints, Retention: "marked"}
	if err := c.check(); err != nil {
		return nil, err
	}
	if a.storeName == "" {
		s, err := newSource(ctx, path, path, c, db, db, 0)
		if err != nil {
			return nil, err
		}
		return s, s.holdsTree()
	}
	kv, height, err := disk.NodeStore(db, a.storeName, a.height)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	where := fmt.Sprintf("%s, store %s at height %d", path, a.storeName, height)
	s, err := newSource(ctx, where, path, c, kv, db, height)
	if err != nil {
		return nil, err
	}
	return s, s.holdsTree()
}

// holdsTree refuses a store with nothing of a tree, which would pass for a tree
// of no leaves. A tree that cannot be read is left to what reads it.
func (s *source) holdsTree() error {
	tree, err := s.tree()
	if err != nil {
		return err
	}
	if size, err := tree.Size(); err != nil || size > 0 {
		return nil
	}
	for range tree.Checkpoints() {
		return nil
	}
	names, err := disk.NodeStores(s.db)
	if err != nil {
		return err
	}
	if list := strings.Join(names, ", "); s.height == 0 && len(names) > 0 {
		return exit.Errorf(exit.Usage, "give --store with one of these names",
			"%s is a node's database: name the module's store with the tree, one of %s", s.dbPath, list)
	}
	it, err := s.kv.Iterator(nil, nil)
	if err != nil {
		return err
	}
	any := it.Valid()
	if err := it.Close(); err != nil {
		return err
	}
	under := ""
	if len(s.prefix) > 0 {
		under = fmt.Sprintf(" under the prefix %x", s.prefix)
	}
	if !any {
		return exit.Errorf(exit.Store, "give another path, --store or --height", "%s is empty: there is no tree%s in it", s.where, under)
	}
	hint := "give --prefix, what stands in front of the tree's keys"
	if len(names) > 1 {
		hint += fmt.Sprintf(", or another --store: there are %s", strings.Join(names, ", "))
	}
	return exit.Errorf(exit.Store, hint, "%s has keys, but none of a tree%s", s.where, under)
}

func newSource(ctx context.Context, where, dbPath string, c config, kv disk.Reader, db dbm.DB, height int64) (*source, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	prefix, err := hex.DecodeString(c.Prefix)
	if err != nil {
		return nil, err
	}
	return &source{
		where: where, ctx: ctx, config: c, options: options, prefix: prefix,
		kv: disk.ReadOnly(cancelled{ctx, kv}), db: db, dbPath: dbPath, height: height,
	}, nil
}

// cannotOpen says what to do about an error of opening a database that does not
// say it by its type.
func cannotOpen(path string, err error) error {
	for _, own := range []error{disk.ErrMissing, disk.ErrEngine, disk.ErrInUse, disk.ErrFull} {
		if errors.Is(err, own) {
			return err
		}
	}
	hint := "look whether the directory is a whole database"
	if errors.Is(err, fs.ErrPermission) {
		hint = "get the rights to its files, or read a copy of the directory"
	}
	return exit.Errorf(exit.Store, hint, "%s: %w", path, err)
}

// writeGrace is how long an interrupted command waits for a write, or for the
// database to close. A disk may never answer.
const writeGrace = 5 * time.Second

// await runs what writes to the database.
func (s *source) await(write func() error) error {
	done := make(chan error, 1)
	go func() { done <- write() }()
	select {
	case err := <-done:
		return disk.Failed(s.dbPath, err)
	case <-s.ctx.Done():
	}
	select {
	case err := <-done:
		return disk.Failed(s.dbPath, err)
	case <-time.After(writeGrace):
		return s.ctx.Err()
	}
}

// close gives the database back. A failure counts only if nothing else did.
func (s *source) close(err *error) {
	e := s.await(s.db.Close)
	switch {
	case *err != nil || e == nil:
	case errors.Is(e, disk.ErrFull):
		*err = e
	default:
		*err = exit.Errorf(exit.Store, "", "%s: %w", s.where, e)
	}
}

// write runs f on the tree in --dir. It returns when the database is closed and
// what is in it noted, so that a success can be told.
func (a *app) write(ctx context.Context, f func(*source) error) error {
	s, err := a.toWrite(ctx)
	if err != nil {
		return err
	}
	err = f(s)
	if code, _ := exit.Classify(err); err != nil && code == exit.Store { // what is there can only be told when it is opened again
		s.close(&err)
		return err
	}
	var now report
	unread := s.await(func() (err error) {
		now, err = reportOf(s.db, s.options)
		return err
	})
	s.close(&err)
	if unread != nil {
		return cmp.Or(err, unread)
	}
	return cmp.Or(err, writeReport(s.where, now))
}

// tree is the one that is read.
func (s *source) tree(more ...kvshard.Option) (*kvshard.Tree, error) {
	return kvshard.Open(s.kv, append(s.options[:len(s.options):len(s.options)], more...)...)
}

// update writes all that f does to the tree in one batch, or nothing.
func (s *source) update(f func(*kvshard.Tree) error) error {
	made := disk.NewOverlay(s.db) // unlike a batch, it can be listed
	tree, err := kvshard.Open(made, s.options...)
	if err != nil {
		return err
	}
	if err := f(tree); err != nil {
		return err
	}
	return s.commit(made.Commit)
}

// commit writes all that f does in one batch, or nothing.
func (s *source) commit(f func(store.KVStore) error) error {
	return s.await(func() error { return dbstore.New(s.db).Do(f) })
}

// cancelled fails once its context is, so that a long read ends.
type cancelled struct {
	ctx  context.Context
	from disk.Reader
}

func (c cancelled) Get(key []byte) ([]byte, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	return c.from.Get(key)
}

func (c cancelled) Has(key []byte) (bool, error) {
	if err := c.ctx.Err(); err != nil {
		return false, err
	}
	return c.from.Has(key)
}

func (c cancelled) Iterator(start, end []byte) (store.Iterator, error) {
	it, err := c.from.Iterator(start, end)
	if err != nil {
		return nil, err
	}
	return &cancelledIterator{it, c.ctx}, nil
}

func (c cancelled) ReverseIterator(start, end []byte) (store.Iterator, error) {
	it, err := c.from.ReverseIterator(start, end)
	if err != nil {
		return nil, err
	}
	return &cancelledIterator{it, c.ctx}, nil
}

type cancelledIterator struct {
	store.Iterator
	ctx context.Context
}

func (it *cancelledIterator) Valid() bool { return it.ctx.Err() == nil && it.Iterator.Valid() }

func (it *cancelledIterator) Error() error {
	if err := it.ctx.Err(); err != nil {
		return err
	}
	return it.Iterator.Error()
}
