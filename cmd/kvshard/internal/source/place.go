package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/internal/dbstore"
)

// A Place is where a tree is, as the flags say it.
type Place struct {
	Dir string // of a tree, unless DB is given
	DB  string // a database

	// Of a database. An empty engine means the one that the files show, an empty
	// store means the database itself, and height 0 is the newest.
	Engine, Store, Prefix string
	Height                int64

	Salvage bool // what is damaged is opened nevertheless
}

// Open opens the tree to read.
func (p Place) Open(ctx context.Context) (*Source, error) {
	if p.DB != "" {
		return p.openDatabase(ctx, p.DB)
	}
	return p.openDir(ctx, p.Dir)
}

// openToWrite opens the tree in a directory.
func (p Place) openToWrite(ctx context.Context) (*Source, error) {
	if p.DB != "" {
		return nil, disk.ErrReadOnly
	}
	if p.Salvage {
		return nil, exit.Usagef("--salvage is for commands that read: \"kvshard export --salvage\" takes out what is left")
	}
	return OpenToWrite(ctx, p.Dir)
}

// OpenPath opens a tree's directory or a database, whichever it is, to read.
func (p Place) OpenPath(ctx context.Context, path string) (*Source, error) {
	if IsDatabase(path) {
		return p.openDatabase(ctx, path)
	}
	return p.openDir(ctx, path)
}

// IsDatabase tells a database's path from that of a tree's directory.
func IsDatabase(path string) bool { return filepath.Ext(filepath.Clean(path)) == ".db" }

// openDir opens the tree in a directory to read.
func (p Place) openDir(ctx context.Context, dir string) (*Source, error) {
	return openTree(ctx, dir, disk.OpenToRead, p.Salvage)
}

// OpenToWrite opens the tree in a directory to write. Whoever writes says what is
// there when it is done, with [Source.WriteReport], as [Place.Write] does.
func OpenToWrite(ctx context.Context, dir string) (*Source, error) {
	return openTree(ctx, dir, disk.OpenToWrite, false)
}

func openTree(ctx context.Context, dir string, open func(path, backend string) (dbm.DB, error), salvage bool) (*Source, error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, DatabaseName)
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
	s.Dir, s.Damage = dir, damage
	err = s.checkScheme()
	if err == nil && !salvage {
		err = s.nothingLost()
	}
	if err != nil {
		s.Close(&err)
		return nil, err
	}
	return s, nil
}

// inspect looks for damage that the engine would silently ignore. With salvage it
// returns the damage apart.
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

func (p Place) openDatabase(ctx context.Context, path string) (*Source, error) {
	damage, err := inspect(path, p.Salvage)
	if err != nil {
		return nil, err
	}
	db, err := disk.OpenToRead(path, p.Engine)
	if errors.Is(err, disk.ErrEngine) && p.Engine != "" {
		return nil, exit.Errorf(exit.Usage, "leave --backend out: the files show it", "%w", err)
	}
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	s, err := p.openStore(ctx, path, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.Damage = damage
	return s, nil
}

// openStore finds the tree in a database.
func (p Place) openStore(ctx context.Context, path string, db dbm.DB) (*Source, error) {
	engine, err := disk.Engine(path)
	if err != nil {
		return nil, err
	}
	c := Config{Backend: engine, Prefix: p.Prefix, MaxCheckpoints: kvshard.DefaultMaxCheckpoints, Retention: "marked"}
	if err := c.Check(); err != nil {
		return nil, err
	}
	var kv dbstore.Reader = db
	where, height := path, int64(0)
	if p.Store != "" {
		if kv, height, err = disk.NodeStore(db, p.Store, p.Height); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		where = fmt.Sprintf("%s, store %s at height %d", path, p.Store, height)
	}
	s, err := newSource(ctx, where, path, c, kv, db, height)
	if err != nil {
		return nil, err
	}
	s.takeScheme()
	return s, s.holdsTree()
}

// holdsTree refuses a store without a tree, which would look like an empty tree. It
// does not refuse a tree that cannot be read: reading reports that.
func (s *Source) holdsTree() error {
	tree, err := s.Tree()
	if err != nil {
		return err
	}
	if size, err := tree.Size(); err != nil || size > 0 {
		return nil
	}
	if _, there, err := tree.Newest(); err != nil || there {
		return nil
	}
	names, err := disk.NodeStores(s.DB)
	if err != nil {
		return err
	}
	if list := strings.Join(names, ", "); s.height == 0 && len(names) > 0 {
		return exit.Errorf(exit.Usage, "give --store with one of these names",
			"%s is a node's database: name the module's store with the tree, one of %s", s.DBPath, list)
	}
	any := false
	for _, err := range kvshard.Entries(s.KV, nil, nil) {
		if err != nil {
			return err
		}
		any = true
		break
	}
	under := ""
	if len(s.Prefix) > 0 {
		under = fmt.Sprintf(" under the prefix %x", s.Prefix)
	}
	if !any {
		return exit.Errorf(exit.Store, "give another path, --store or --height", "%s is empty: there is no tree%s in it", s.Where, under)
	}
	hint := "give --prefix, the bytes in front of the tree's keys"
	if len(names) > 1 {
		hint += fmt.Sprintf(", or another --store, one of %s", strings.Join(names, ", "))
	}
	return exit.Errorf(exit.Store, hint, "%s has keys, but none of a tree%s", s.Where, under)
}

// cannotOpen says what to do about an error of opening a database that does not
// say it by its type.
func cannotOpen(path string, err error) error {
	for _, own := range []error{disk.ErrMissing, disk.ErrEngine, disk.ErrInUse, disk.ErrFull} {
		if errors.Is(err, own) {
			return err
		}
	}
	hint := "check that the directory is a whole database"
	if errors.Is(err, fs.ErrPermission) {
		hint = "get the rights to its files, or read a copy of the directory"
	}
	return exit.Errorf(exit.Store, hint, "%s: %w", path, err)
}
