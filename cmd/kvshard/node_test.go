package main

import (
	"path/filepath"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// nodeDB is a node's application.db: two versions of a module's IAVL tree,
// one of another module.
func nodeDB(t *testing.T, dir, backend string, prefix []byte) (roots [2]string) {
	t.Helper()
	db, err := disk.Open(filepath.Join(dir, "application.db"), backend)
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) *iavl.MutableTree {
		store := iavl.NewMutableTree(iavldb.NewWrapper(dbm.NewPrefixDB(db, []byte("s/k:"+name+"/"))), 1000, false, iavl.NewNopLogger())
		if _, err := store.Load(); err != nil {
			t.Fatal(err)
		}
		return store
	}
	nodes := clitest.Leaves(300)
	notes, bank := open("notes"), open("bank")
	for i, batch := range [][]kvshard.Node{nodes[:100], nodes[100:]} {
		if _, err := notes.Set([]byte("params"), []byte{byte(i + 1)}); err != nil {
			t.Fatal(err)
		}
		tree, err := kvshard.Open(iavlStore{notes}, kvshard.WithPrefix(prefix))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tree.AppendBatch(batch); err != nil {
			t.Fatal(err)
		}
		if err := tree.Checkpoint(uint32(i + 1)); err != nil {
			t.Fatal(err)
		}
		root, err := tree.Root()
		if err != nil {
			t.Fatal(err)
		}
		roots[i] = root.String()
		for _, store := range []*iavl.MutableTree{notes, bank} {
			if _, err := bank.Set([]byte{1}, []byte{byte(i + 1)}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := store.SaveVersion(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return roots
}

type iavlStore struct{ tree *iavl.MutableTree }

func (s iavlStore) Get(key []byte) ([]byte, error) { return s.tree.Get(key) }

func (s iavlStore) Has(key []byte) (bool, error) { return s.tree.Has(key) }

func (s iavlStore) Set(key, value []byte) error { _, err := s.tree.Set(key, value); return err }

func (s iavlStore) Delete(key []byte) error { _, _, err := s.tree.Remove(key); return err }

func (s iavlStore) Iterator(start, end []byte) (dbm.Iterator, error) {
	return s.tree.Iterator(start, end, true)
}

func (s iavlStore) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return s.tree.Iterator(start, end, false)
}

func TestNodeDatabase(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"goleveldb", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			dir := t.TempDir()
			roots := nodeDB(t, dir, backend, []byte{7})
			before := listing(t, filepath.Join(dir, "application.db"))
			node := []string{"--db", "application.db", "--backend", backend, "--store", "notes", "--prefix", "07"}
			at := func(height string, args ...string) []string {
				return append(append(args, node...), "--height", height)
			}
			for i, height := range []string{"1", "2", "0"} {
				got := okJSON[source.State](t, dir, "", at(height, "root")...)
				if got.Root.String() != roots[min(i, 1)] {
					t.Errorf("height %s: %+v, want %v", height, got, roots)
				}
				ok(t, dir, "", at(height, "check")...)
			}
			write(t, dir, "p.json", ok(t, dir, "", at("1", "witness", "42", "-o", "json")...))
			ok(t, dir, "", "verify", "p.json", "--root", roots[0])
			ok(t, dir, "", at("2", "stat")...)
			ok(t, dir, "", at("2", "dump")...)
			for _, c := range []struct {
				args []string
				code int
			}{
				{at("3", "root"), exit.Store},
				{at("1", "append"), exit.Usage},
				{at("1", "checkpoint", "7"), exit.Usage},
				{[]string{"root", "--db", "application.db", "--backend", backend, "--store", "gov"}, exit.Store},
				{[]string{"root", "--db", "application.db", "--backend", backend, "--height", "1"}, exit.Usage},
			} {
				if r := cli(t, dir, "", c.args...); r.code != c.code {
					t.Errorf("%v: %+v", c.args, r)
				}
			}
			if after := listing(t, filepath.Join(dir, "application.db")); before != after {
				t.Errorf("reading changed the files:\n%s\n%s", before, after)
			}
		})
	}
}
