package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
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
		return nil, usage("prefix %q: %w", c.Prefix, err)
	}
	retention := kvshard.Marked
	switch c.Retention {
	case "marked":
	case "ephemeral":
		retention = kvshard.Ephemeral
	default:
		return nil, usage("retention %q: it is marked or ephemeral", c.Retention)
	}
	return []kvshard.Option{
		kvshard.WithPrefix(prefix), kvshard.WithRetention(retention), kvshard.WithMaxCheckpoints(c.MaxCheckpoints),
	}, nil
}

// check refuses what no tree can be opened with.
func (c config) check() error {
	if err := disk.CheckBackend(c.Backend); err != nil {
		return usage("%w", err)
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	if _, err := kvshard.Open(dbm.NewMemDB(), options...); err != nil {
		return usage("%w", err)
	}
	return nil
}

func readConfig(dir string) (config, error) {
	const hint = "\"kvshard init --dir DIR\" makes a tree; --db reads a database that something else made"
	text, err := os.ReadFile(filepath.Join(dir, configName))
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, coded(codeStore, hint, "there is no tree in %s", dir)
	}
	if err != nil {
		return config{}, coded(codeStore, "", "%w", err)
	}
	var c config
	if err := strict.Decode(text, &c); err != nil {
		return config{}, coded(codeStore, "", "%s: %w", filepath.Join(dir, configName), err)
	}
	if c.Version != 1 {
		return config{}, coded(codeStore, "a newer kvshard", "%s: unknown version %d", filepath.Join(dir, configName), c.Version)
	}
	if err := c.check(); err != nil {
		return config{}, coded(codeStore, "", "%s: %w", filepath.Join(dir, configName), err)
	}
	return c, nil
}

func writeConfig(dir string, c config) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, configName), append(text, '\n'), 0o644)
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
}

// toRead opens the store that the flags name.
func (a *app) toRead(ctx context.Context) (*source, error) {
	if a.db != "" {
		return a.openDatabase(ctx, a.db)
	}
	return a.openDir(ctx, a.dir, true)
}

// toWrite opens the tree in --dir.
func (a *app) toWrite(ctx context.Context) (*source, error) {
	if a.db != "" {
		return nil, disk.ErrReadOnly
	}
	return a.openDir(ctx, a.dir, false)
}

// openPath opens a tree's directory or a database, whichever it is.
func (a *app) openPath(ctx context.Context, path string) (*source, error) {
	if strings.HasSuffix(filepath.Clean(path), ".db") {
		return a.openDatabase(ctx, path)
	}
	return a.openDir(ctx, path, true)
}

func (a *app) openDir(ctx context.Context, dir string, read bool) (*source, error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, databaseName)
	open := disk.Open
	if read {
		open = disk.OpenToRead
	}
	db, err := open(path, c.Backend)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	return newSource(ctx, dir, path, c, db, db, 0)
}

func (a *app) openDatabase(ctx context.Context, path string) (*source, error) {
	c := config{Backend: a.backend, Prefix: a.prefix, MaxCheckpoints: kvshard.DefaultMaxCheckpoints, Retention: "marked"}
	if err := c.check(); err != nil {
		return nil, err
	}
	db, err := disk.OpenToRead(path, c.Backend)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	if a.storeName == "" {
		if a.height != 0 {
			_ = db.Close()
			return nil, usage("--height needs --store, the name of the module's store")
		}
		return newSource(ctx, path, path, c, db, db, 0)
	}
	kv, height, err := disk.NodeStore(db, a.storeName, a.height)
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	where := fmt.Sprintf("%s, store %s at height %d", path, a.storeName, height)
	return newSource(ctx, where, path, c, kv, db, height)
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

func cannotOpen(path string, err error) error {
	if errors.Is(err, disk.ErrMissing) {
		return err
	}
	if text := err.Error(); strings.Contains(text, "temporarily unavailable") || strings.Contains(text, "lock") {
		return coded(codeStore, "stop the node or command that has it open, or read a copy of the directory", "%s is in use: %w", path, err)
	}
	return coded(codeStore, "--backend, and that the directory is a database", "%s: %w", path, err)
}

// close gives the database back. A failure counts only if nothing else did.
func (s *source) close(err *error) {
	if e := s.db.Close(); *err == nil && e != nil {
		*err = coded(codeStore, "", "%s: %w", s.where, e)
	}
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
	return dbstore.New(s.db).Do(made.Commit)
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
