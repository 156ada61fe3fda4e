package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

const (
	makingLock     = "making.lock" // in a directory whose tree is being made
	makingDatabase = "making.db"   // until it is whole
)

// A Claim is a directory in which this process alone makes a tree.
type Claim struct {
	dir  string
	lock *disk.Lock
	made bool // the directory
}

// ClaimDir makes the directory if there is none. It refuses a directory that has a
// tree, or in which another process makes one.
func ClaimDir(dir string) (*Claim, error) {
	if err := refuseTree(dir); err != nil {
		return nil, err
	}
	c := &Claim{dir: dir}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		c.made = true
	}
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		c.lock, err = disk.Acquire(filepath.Join(dir, makingLock))
	}
	if err != nil {
		c.leave()
		return nil, disk.Failed(dir, err)
	}
	if err := refuseTree(dir); err != nil { // made since
		c.Release(&err)
		return nil, err
	}
	return c, nil
}

// refuseTree refuses a directory that has a tree.
func refuseTree(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, ConfigName)); err == nil {
		return exit.Errorf(exit.State, "give another --dir, or remove this one", "there is a tree in %s already", dir)
	}
	return nil
}

// Release gives the directory back. If the job failed, and the directory is empty and
// was not there before, it goes.
func (c *Claim) Release(err *error) {
	if e := c.lock.Release(); *err == nil {
		*err = e
	}
	if *err != nil {
		c.leave()
	}
}

func (c *Claim) leave() {
	if c.made {
		_ = os.Remove(c.dir) // which fails if there is something in it
	}
}

// Make makes a directory with an empty tree.
func Make(dir string, c Config) (err error) {
	if err := c.Check(); err != nil {
		return err
	}
	claimed, err := ClaimDir(dir)
	if err != nil {
		return err
	}
	defer claimed.Release(&err)
	return Fill(dir, c)
}

// Fill makes an empty tree in a claimed directory. It writes the config last: with it
// the tree is complete. It removes what an earlier, killed process left, and leaves
// nothing behind after a failure.
func Fill(dir string, c Config) (err error) {
	database, making := filepath.Join(dir, DatabaseName), filepath.Join(dir, makingDatabase)
	if err := RemoveEmpty(database); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(making)
			_ = os.RemoveAll(database)
		}
	}()
	if err := os.RemoveAll(making); err != nil {
		return err
	}
	db, err := disk.Open(making, c.Backend)
	if err != nil {
		return cannotOpen(making, err)
	}
	if err := db.Close(); err != nil {
		return disk.Failed(making, err)
	}
	if err := os.Rename(making, database); err != nil {
		return disk.Failed(database, err)
	}
	return writeConfig(dir, c)
}

// RemoveEmpty removes a database without a key, as a killed init leaves it. It refuses
// any other.
func RemoveEmpty(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	empty, err := isEmpty(path)
	if err != nil && !errors.Is(err, disk.ErrMissing) {
		return err
	}
	if !empty {
		return exit.Errorf(exit.State, "give another --dir, or remove the database", "there is a database in %s already", path)
	}
	return os.RemoveAll(path)
}

func isEmpty(path string) (empty bool, err error) {
	db, err := disk.OpenToRead(path, "")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	it, err := db.Iterator(nil, nil)
	if err != nil {
		return false, err
	}
	empty = !it.Valid()
	return empty, errors.Join(it.Error(), it.Close())
}
