package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/internal/dbstore"
	"github.com/kvshard/kvshard/kvtest"
)

const (
	storeMemDB = "memdb"
	storeIAVL  = "iavl"
)

// Stores are those that our tree is measured in.
var Stores = []string{storeMemDB, disk.GoLevelDB, disk.Pebble, storeIAVL}

// A subject is our tree in one store.
type subject struct {
	name, dir string
	db        dbm.DB
	iavl      *disk.IAVL    // with storeIAVL
	builder   *builder      // by commands, or nil
	limit     time.Duration // of the build, 0 for none
	newest    uint32        // checkpoint
	counting  bool          // calls are counted, and not timed
}

var _ competitor = (*subject)(nil)

func (m *round) newSubject(name string) (*subject, error) {
	s := &subject{name: name, limit: m.BuildLimit}
	if name == storeMemDB {
		s.db = dbm.NewMemDB()
		return s, nil
	}
	var err error
	if s.dir, err = os.MkdirTemp(m.Work, "kvshard-bench-"); err != nil {
		return nil, err
	}
	if _, byCommand := commandStores[name]; byCommand && m.Commands != "" {
		s.builder = &builder{Bench: m.Bench, backend: name, dir: s.dir}
		return s, nil
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

// path is the database's. "kvshard init" puts it there too.
func (s *subject) path() string { return filepath.Join(s.dir, treeName, "tree.db") }

func (s *subject) open() (err error) {
	backend := s.name
	if s.name == storeIAVL {
		backend = disk.GoLevelDB
	}
	if err := os.MkdirAll(filepath.Dir(s.path()), 0o755); err != nil {
		return err
	}
	if s.db, err = disk.Open(s.path(), backend); err != nil || s.name != storeIAVL {
		return err
	}
	s.iavl, err = disk.OpenIAVL(s.db)
	return err
}

func (s *subject) close() error {
	if s.dir == "" {
		return s.db.Close()
	}
	var closed error
	if s.db != nil { // a builder may have failed
		closed = s.db.Close()
	}
	return errors.Join(closed, os.RemoveAll(s.dir))
}

// update runs f as a block does: on disk, all of it in one synced batch.
func (s *subject) update(f func(store.KVStore) error) error {
	switch s.name {
	case storeMemDB:
		return f(s.db)
	case storeIAVL:
		return s.iavl.Update(f)
	}
	return dbstore.New(s.db).Do(f)
}

// read runs f as a query does.
func (s *subject) read(f func(store.KVStore) error) error {
	if s.name == storeIAVL {
		return f(disk.ReadOnly(s.iavl))
	}
	return f(s.db)
}

// tree runs f on the tree, and returns what it took or what it cost.
func (s *subject) tree(run func(func(store.KVStore) error) error, f func(*kvshard.Tree) error) (done sample, err error) {
	started := time.Now()
	err = run(func(kv store.KVStore) error {
		if !s.counting {
			tree, err := kvshard.Open(kv)
			if err != nil {
				return err
			}
			return f(tree)
		}
		trace := kvtest.NewTraceStore(kv)
		trace.Record(false)
		gas := kvtest.NewGasStore(trace, 0)
		tree, err := kvshard.Open(gas, kvshard.WithObserver(func(stats kvshard.Stats) { done.cost.Hashes += float64(stats.Hashes) }))
		if err != nil {
			return err
		}
		err = f(tree)
		counts := trace.Counts()
		done.cost.Gas, done.cost.Ops = float64(gas.GasConsumed()), float64(counts.Ops())
		done.cost.Read, done.cost.Written = float64(counts.BytesRead), float64(counts.BytesWritten)
		return err
	})
	done.taken = time.Since(started)
	return done, err
}

func (s *subject) build(n uint64) (done sample, size uint64, err error) {
	if s.builder != nil {
		if done.taken, err = s.builder.build(n); err == nil {
			size, err = n, s.open()
		}
	} else {
		done.taken, size, err = s.append(n)
	}
	if err != nil {
		return done, 0, err
	}
	root, err := s.call(CallRoot, nil, 0)
	done.taken += root.taken
	done.root = root.root
	return done, size, err
}

// append appends n leaves, or as many as the limit lets it.
func (s *subject) append(n uint64) (taken time.Duration, size uint64, err error) {
	for leaves := range inParts(n) {
		if s.limit > 0 && taken > s.limit {
			break
		}
		part, err := s.tree(s.update, func(tree *kvshard.Tree) error {
			_, err := tree.AppendBatch(leaves)
			return err
		})
		if err != nil {
			return taken, size, err
		}
		taken += part.taken
		size += uint64(len(leaves))
	}
	return taken, size, nil
}

// bytes is what the database has on disk, 0 of one in memory.
func (s *subject) bytes() (int64, error) {
	if s.dir == "" {
		return 0, nil
	}
	return dbstore.BytesIn(s.path())
}

// frontier is what a Frontier of the same leaves holds.
func (s *subject) frontier() (f kvshard.Frontier, err error) {
	_, err = s.tree(s.read, func(tree *kvshard.Tree) error {
		f, err = tree.Frontier()
		return err
	})
	return f, err
}

func (s *subject) checkpoints(n int) error {
	for range n {
		s.newest++
		if _, err := s.tree(s.update, func(tree *kvshard.Tree) error { return tree.Checkpoint(s.newest) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *subject) can(string) bool { return true }

func (s *subject) call(name string, leaves []kvshard.Node, position uint64) (done sample, err error) {
	var root kvshard.Node
	switch name {
	case CallBlock:
		s.newest++
		done, err = s.tree(s.update, func(tree *kvshard.Tree) (err error) {
			if _, err := tree.AppendBatch(leaves); err != nil {
				return err
			}
			if err := tree.Checkpoint(s.newest); err != nil {
				return err
			}
			root, err = tree.Root()
			return err
		})
	case CallAppend:
		done, err = s.tree(s.update, func(tree *kvshard.Tree) error {
			_, err := tree.Append(leaves[0])
			return err
		})
	case CallWitness:
		done, err = s.tree(s.read, func(tree *kvshard.Tree) error {
			_, err := tree.WitnessAt(position, s.newest)
			return err
		})
	case CallRoot:
		done, err = s.tree(s.read, func(tree *kvshard.Tree) (err error) {
			root, err = tree.Root()
			return err
		})
	case CallOpen:
		if s.dir == "" { // there is no database to open
			return s.call(CallRoot, nil, 0)
		}
		if err := s.db.Close(); err != nil {
			return done, err
		}
		started := time.Now()
		if err := s.open(); err != nil {
			return done, err
		}
		opened := time.Since(started)
		done, err = s.call(CallRoot, nil, 0)
		done.taken += opened
		return done, err
	default:
		return done, fmt.Errorf("no call %q", name)
	}
	done.root = root
	return done, err
}
