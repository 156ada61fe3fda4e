package disk

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
)

// An overlay shows at every moment what a store shows that was written at
// once.
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
