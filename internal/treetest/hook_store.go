package treetest

import (
	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
)

// A HookStore lets a test step in before each operation on a store, the
// iterators' included. An error or a panic of the hook is the store's.
type HookStore struct {
	store.KVStore
	Before        func(op string) error // op is "get", "set", "iterate", ...
	OpenIterators int
}

// NewHookStore returns an empty store whose hook does nothing.
func NewHookStore() *HookStore {
	return &HookStore{KVStore: dbm.NewMemDB(), Before: func(string) error { return nil }}
}

func (s *HookStore) Get(key []byte) ([]byte, error) {
	if err := s.Before("get"); err != nil {
		return nil, err
	}
	return s.KVStore.Get(key)
}

func (s *HookStore) Set(key, value []byte) error {
	if err := s.Before("set"); err != nil {
		return err
	}
	return s.KVStore.Set(key, value)
}

func (s *HookStore) Delete(key []byte) error {
	if err := s.Before("delete"); err != nil {
		return err
	}
	return s.KVStore.Delete(key)
}

func (s *HookStore) Iterator(start, end []byte) (store.Iterator, error) {
	if err := s.Before("iterator"); err != nil {
		return nil, err
	}
	it, err := s.KVStore.Iterator(start, end)
	return s.opened(it), err
}

func (s *HookStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	if err := s.Before("reverse iterator"); err != nil {
		return nil, err
	}
	it, err := s.KVStore.ReverseIterator(start, end)
	return s.opened(it), err
}

func (s *HookStore) opened(it store.Iterator) store.Iterator {
	s.OpenIterators++
	return &hookIterator{Iterator: it, store: s}
}

type hookIterator struct {
	store.Iterator
	store *HookStore
	err   error
}

func (it *hookIterator) Next() {
	if it.err = it.store.Before("iterate"); it.err == nil {
		it.Iterator.Next()
	}
}

func (it *hookIterator) Valid() bool { return it.err == nil && it.Iterator.Valid() }

func (it *hookIterator) Error() error {
	if it.err != nil {
		return it.err
	}
	return it.Iterator.Error()
}

func (it *hookIterator) Close() error {
	it.store.OpenIterators--
	err := it.Iterator.Close()
	if hook := it.store.Before("close iterator"); hook != nil {
		return hook
	}
	return err
}
