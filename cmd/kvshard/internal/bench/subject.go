package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/internal/dbstore"
	"github.com/kvshard/kvshard/kvtest"
)

const (
	storeMemDB = "memdb"
	storeIAVL  = "iavl"
)

// Stores are those that our tree is measured in.
var Stores = []string{storeMemDB, disk.GoLevelDB, disk.Pebble, storeIAVL}

// makeLeaves makes the leaves from a position on: pseudorandom, and canonical
// since their last byte is 0.
func makeLeaves(first, n uint64) []kvshard.Node {
	leaves := make([]kvshard.Node, n)
	for i := range leaves {
		for word := range uint64(4) {
			mixed := (first + uint64(i) + 1 + word<<32) * 0x9E3779B97F4A7C15
			binary.LittleEndian.PutUint64(leaves[i][8*word:], mixed^mixed>>29)
		}
		leaves[i][31] = 0
	}
	return leaves
}

// A subject is our tree in one store.
type subject struct {
	name, dir string
	db        dbm.DB
	iavl      *disk.IAVL // with storeIAVL
	newest    uint32     // checkpoint
	counting  bool       // calls are counted, and not timed
}

var _ competitor = (*subject)(nil)

func newSubject(name string) (*subject, error) {
	s := &subject{name: name}
	if name == storeMemDB {
		s.db = dbm.NewMemDB()
		return s, nil
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "kvshard-bench-"); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

func (s *subject) open() (err error) {
	backend := s.name
	if s.name == storeIAVL {
		backend = disk.GoLevelDB
	}
	if s.db, err = disk.Open(filepath.Join(s.dir, "tree.db"), backend); err != nil || s.name != storeIAVL {
		return err
	}
	s.iavl, err = disk.OpenIAVL(s.db)
	return err
}

func (s *subject) close() error {
	if s.dir == "" {
		return s.db.Close()
	}
	return errors.Join(s.db.Close(), os.RemoveAll(s.dir))
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

func (s *subject) build(leaves []kvshard.Node) (done sample, err error) {
	for len(leaves) > 0 {
		batch := leaves[:min(len(leaves), source.BatchLeaves)]
		leaves = leaves[len(batch):]
		part, err := s.tree(s.update, func(tree *kvshard.Tree) error {
			_, err := tree.AppendBatch(batch)
			return err
		})
		if err != nil {
			return done, err
		}
		done.taken += part.taken
	}
	root, err := s.call(CallRoot, nil, 0)
	done.taken += root.taken
	done.root = root.root
	return done, err
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
