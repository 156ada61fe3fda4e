//go:build twolibs

package twolibs

import (
	"errors"
	"strings"
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
)

const panics = 0xDEADBEEF // the checkpoint id that the feature test-panic makes panic

// TestRustPanicIsAnError lets the engine panic between two reads of the store.
func TestRustPanicIsAnError(t *testing.T) {
	store := dbm.NewMemDB()
	tree, err := kvshard.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.AppendBatch(make([]kvshard.Node, 20)); err != nil {
		t.Fatal(err)
	}
	err = tree.Checkpoint(panics)
	if !errors.Is(err, kvshard.ErrInternal) || !strings.Contains(err.Error(), "a panic was caught") || !strings.Contains(err.Error(), "size 20") {
		t.Fatalf("got %v, want ErrInternal with the text of the panic", err)
	}
	// Nothing was written, and the tree still works.
	if err := tree.Checkpoint(1); err != nil {
		t.Error(err)
	}
	if size, err := tree.SizeAt(1); size != 20 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
}

// TestStorePanicThroughRust lets the store panic inside the engine's call.
func TestStorePanicThroughRust(t *testing.T) {
	proxy := kvshard.NewStoreProxy(panicking{dbm.NewMemDB()})
	tree, err := kvshard.New(proxy)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if got := recover(); got != "out of gas" {
			t.Errorf("recovered %v, want the store's panic", got)
		}
	}()
	_, err = tree.Append(kvshard.Node{1})
	t.Errorf("no panic, but %v", err)
}

type panicking struct{ *dbm.MemDB }

func (panicking) Set(_, _ []byte) error { panic("out of gas") }

// TestBothPanic makes both libraries panic, in turns and at the same time.
func TestBothPanic(t *testing.T) {
	var group sync.WaitGroup
	for range 4 {
		group.Add(2)
		go func() {
			defer group.Done()
			for range 10 {
				if n := otherPanics(); n != 2 {
					t.Errorf("the other library caught %d panics, want 2", n)
				}
			}
		}()
		go func() {
			defer group.Done()
			for range 10 {
				TestRustPanicIsAnError(t)
			}
		}()
	}
	group.Wait()
	if got := called.Load(); got != 4*10*2*49 {
		t.Errorf("called back with %d in all", got)
	}
}
