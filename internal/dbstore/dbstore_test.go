package dbstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/dbstore"
)

func get(t *testing.T, kv store.KVStore, key string) string {
	t.Helper()
	value, err := kv.Get([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	has, err := kv.Has([]byte(key))
	if err != nil || has != (value != nil) {
		t.Errorf("%q: Has says %v, %v; Get %q", key, has, err, value)
	}
	if value == nil {
		return "absent"
	}
	return string(value)
}

func set(kv store.KVStore, pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := kv.Set([]byte(pairs[i]), []byte(pairs[i+1])); err != nil {
			return err
		}
	}
	return nil
}

func TestWritesAreSeenWithinAndCommittedAfter(t *testing.T) {
	db := dbm.NewMemDB()
	s := dbstore.New(db)
	if err := s.Do(func(kv store.KVStore) error { return set(kv, "a", "1", "b", "2") }); err != nil {
		t.Fatal(err)
	}
	err := s.Do(func(kv store.KVStore) error {
		value := []byte("3")
		if err := kv.Set([]byte("a"), value); err != nil {
			return err
		}
		value[0] = 'x' // the store has a copy
		if err := kv.Delete([]byte("b")); err != nil {
			return err
		}
		for key, want := range map[string]string{"a": "3", "b": "absent", "c": "absent"} {
			if got := get(t, kv, key); got != want {
				t.Errorf("within: %s is %s, want %s", key, got, want)
			}
		}
		if got := get(t, db, "a") + get(t, db, "b"); got != "12" {
			t.Errorf("the database has %s before the end", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := get(t, db, "a"), get(t, db, "b"); a != "3" || b != "absent" {
		t.Errorf("afterwards: a is %s, b is %s", a, b)
	}
}

func TestNothingIsWrittenOnErrorOrPanic(t *testing.T) {
	db := dbm.NewMemDB()
	s := dbstore.New(db)
	own := errors.New("own")
	err := s.Do(func(kv store.KVStore) error { return errors.Join(set(kv, "a", "1"), own) })
	if !errors.Is(err, own) {
		t.Errorf("got %v, want the function's error", err)
	}
	func() {
		defer func() {
			if got := recover(); got != "own" {
				t.Errorf("recovered %v", got)
			}
		}()
		_ = s.Do(func(kv store.KVStore) error {
			_ = set(kv, "b", "2")
			panic("own")
		})
	}()
	if a, b := get(t, db, "a"), get(t, db, "b"); a != "absent" || b != "absent" {
		t.Errorf("a is %s, b is %s", a, b)
	}
}

func TestMisuse(t *testing.T) {
	s := dbstore.New(dbm.NewMemDB())
	var kept store.KVStore
	if err := s.Do(func(kv store.KVStore) error {
		kept = kv
		for what, err := range map[string]error{
			"empty key": kv.Set(nil, []byte("1")), "nil value": kv.Set([]byte("a"), nil), "delete": kv.Delete([]byte{}),
		} {
			if !errors.Is(err, dbstore.ErrEmpty) {
				t.Errorf("%s: %v, want ErrEmpty", what, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, get := kept.Get([]byte("a"))
	_, has := kept.Has([]byte("a"))
	_, iterator := kept.Iterator(nil, nil)
	_, reverse := kept.ReverseIterator(nil, nil)
	for i, err := range []error{get, has, iterator, reverse, kept.Set([]byte("a"), []byte("1")), kept.Delete([]byte("a"))} {
		if !errors.Is(err, dbstore.ErrDone) {
			t.Errorf("operation %d after the end: %v, want ErrDone", i, err)
		}
	}
}

// A failingDB fails when a batch is written, before the write or after it, as if
// the process had stopped there.
type failingDB struct {
	dbm.DB
	behind bool
}

type failingBatch struct {
	dbm.Batch
	behind bool
}

var errPower = errors.New("power failure")

func (db failingDB) NewBatch() dbm.Batch { return failingBatch{db.DB.NewBatch(), db.behind} }

func (b failingBatch) WriteSync() error {
	if b.behind {
		return errors.Join(b.Batch.WriteSync(), errPower)
	}
	return errPower
}

// TestBlocksAreWhole stops at the write of each block in turn, before the write
// or after it, and opens the database again. The tree is sound, and is the tree
// of the block before or of the block under way.
func TestBlocksAreWhole(t *testing.T) {
	const blocks = 24
	dir := t.TempDir()
	sizes := []uint64{0}
	for i := range blocks {
		db, err := dbm.NewGoLevelDB("tree", dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		block := func(db dbm.DB) error {
			return dbstore.New(db).Do(func(kv store.KVStore) error {
				tree, err := kvshard.Open(kv, kvshard.WithMaxCheckpoints(3))
				if err != nil {
					return err
				}
				if _, err := tree.AppendBatch(make([]kvshard.Node, 10)); err != nil {
					return err
				}
				if err := tree.Checkpoint(uint32(len(sizes))); err != nil {
					return err
				}
				_, err = tree.Root()
				return err
			})
		}
		behind := i%2 == 1
		if err := block(failingDB{db, behind}); !errors.Is(err, errPower) {
			t.Fatalf("block %d: %v, want the failure", i, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}

		if db, err = dbm.NewGoLevelDB("tree", dir, nil); err != nil {
			t.Fatal(err)
		}
		last := sizes[len(sizes)-1]
		if behind {
			last += 10
			sizes = append(sizes, last)
		}
		tree, err := kvshard.Open(db)
		if err != nil {
			t.Fatal(err)
		}
		if size, err := tree.Size(); size != last || err != nil {
			t.Errorf("block %d, failed behind the write: %v: size %d, %v; want %d", i, behind, size, err, last)
		}
		if err := tree.Check(); err != nil {
			t.Errorf("block %d: %v", i, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTornJournal cuts the database's journal at many lengths, as a machine
// leaves it that stops in the middle of a write. The tree is always the tree of
// a block.
func TestTornJournal(t *testing.T) {
	const blocks, cuts = 20, 60
	dir := t.TempDir()
	db, err := dbm.NewGoLevelDB("tree", dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := dbstore.New(db)
	for id := range uint32(blocks) {
		if err := s.Do(func(kv store.KVStore) error {
			tree, err := kvshard.Open(kv, kvshard.WithMaxCheckpoints(3))
			if err != nil {
				return err
			}
			if _, err := tree.AppendBatch(make([]kvshard.Node, 10)); err != nil {
				return err
			}
			return tree.Checkpoint(id)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	journals, err := filepath.Glob(filepath.Join(dir, "tree.db", "*.log"))
	if err != nil || len(journals) != 1 {
		t.Fatalf("journals %v, %v; want one", journals, err)
	}
	whole, err := os.ReadFile(journals[0])
	if err != nil {
		t.Fatal(err)
	}

	sizes := map[uint64]bool{}
	for i := range cuts {
		cut := len(whole) * i / (cuts - 1)
		other := filepath.Join(t.TempDir(), "cut")
		if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		torn := filepath.Join(other, "tree.db", filepath.Base(journals[0]))
		if err := os.Truncate(torn, int64(cut)); err != nil {
			t.Fatal(err)
		}
		db, err := dbm.NewGoLevelDB("tree", other, nil)
		if err != nil {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
		tree, err := kvshard.Open(db)
		if err != nil {
			t.Fatal(err)
		}
		size, err := tree.Size()
		if err != nil || size%10 != 0 || size > 10*blocks {
			t.Errorf("cut at %d of %d: size %d, %v; that is no block's", cut, len(whole), size, err)
		}
		sizes[size] = true
		if err := tree.Check(); err != nil {
			t.Errorf("cut at %d of %d: %v", cut, len(whole), err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !sizes[0] || !sizes[10*blocks] || len(sizes) < blocks/2 {
		t.Errorf("only the sizes %v were seen", sizes)
	}
}
