package dbstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
)

// An overlay shows at every moment what a store shows after the same writes.
func TestOverlayIsTheStoreItWillBe(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		below, plain := dbm.NewMemDB(), dbm.NewMemDB()
		key := func() []byte { return []byte{byte(random.IntN(12)) + 1} }
		for range random.IntN(12) {
			k, v := key(), []byte{byte(random.IntN(256))}
			must(t, below.Set(k, v))
			must(t, plain.Set(k, v))
		}
		o := NewOverlay(below)
		for range 30 {
			k, v := key(), []byte{byte(random.IntN(256))}
			if random.IntN(3) == 0 {
				must(t, o.Delete(k))
				must(t, plain.Delete(k))
			} else {
				must(t, o.Set(k, v))
				must(t, plain.Set(k, v))
			}
			compare(t, o, plain, key(), key())
			compare(t, o, plain, nil, nil)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, a, b store.KVStore, start, end []byte) {
	t.Helper()
	if x, y := walk(t, a.Iterator, start, end), walk(t, b.Iterator, start, end); x != y {
		t.Fatalf("forward %x to %x:\n%s\n%s", start, end, x, y)
	}
	if x, y := walk(t, a.ReverseIterator, start, end), walk(t, b.ReverseIterator, start, end); x != y {
		t.Fatalf("reverse %x to %x:\n%s\n%s", start, end, x, y)
	}
	for k := range byte(14) {
		x, err := a.Get([]byte{k + 1})
		must(t, err)
		y, err := b.Get([]byte{k + 1})
		must(t, err)
		has, err := a.Has([]byte{k + 1})
		must(t, err)
		if fmt.Sprint(x) != fmt.Sprint(y) || has != (y != nil) {
			t.Fatalf("get %x: %x, %v, want %x", k+1, x, has, y)
		}
	}
}

func walk(t *testing.T, open func(start, end []byte) (store.Iterator, error), start, end []byte) (seen string) {
	t.Helper()
	it, err := open(start, end)
	must(t, err)
	for ; it.Valid(); it.Next() {
		seen += fmt.Sprintf("%x=%x ", it.Key(), it.Value())
	}
	must(t, it.Error())
	must(t, it.Close())
	return seen
}

// After a commit the database is as the overlay showed it, written in one
// synced batch. A batch that fails leaves nothing. Without writes there is no
// batch.
func TestOverlayCommitTo(t *testing.T) {
	db := &batchDB{DB: dbm.NewMemDB()}
	must(t, db.Set([]byte("a"), []byte("1")))
	o := NewOverlay(db)
	must(t, o.CommitTo(db))
	if db.batches != 0 {
		t.Errorf("%d batches for no write", db.batches)
	}
	must(t, o.Delete([]byte("a")))
	must(t, o.Set([]byte("b"), []byte("2")))
	db.fails = errors.New("no space")
	if err := o.CommitTo(db); !errors.Is(err, db.fails) {
		t.Errorf("%v, want %v", err, db.fails)
	}
	if seen := walk(t, db.Iterator, nil, nil); seen != "61=31 " {
		t.Errorf("after a failure: %s", seen)
	}
	db.fails = nil
	must(t, o.Delete([]byte("a")))
	must(t, o.Set([]byte("b"), []byte("2")))
	must(t, o.CommitTo(db))
	must(t, o.CommitTo(db)) // the overlay has forgotten them
	if seen := walk(t, db.Iterator, nil, nil); seen != "62=32 " || db.batches != 2 || db.synced != 1 {
		t.Errorf("%s, %d batches, %d synced", seen, db.batches, db.synced)
	}
}

type batchDB struct {
	dbm.DB
	fails           error // of each batch
	batches, synced int
}

type watchedBatch struct {
	dbm.Batch
	db *batchDB
}

func (db *batchDB) NewBatch() dbm.Batch {
	db.batches++
	return watchedBatch{db.DB.NewBatch(), db}
}

func (b watchedBatch) WriteSync() error {
	if b.db.fails != nil {
		return b.db.fails
	}
	b.db.synced++
	return b.Batch.WriteSync()
}
