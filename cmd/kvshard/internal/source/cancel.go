package source

import (
	"context"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard/internal/dbstore"
)

// cancelled fails once its context is, so that a long read ends.
type cancelled struct {
	ctx  context.Context
	from dbstore.Reader
}

func (c cancelled) Get(key []byte) ([]byte, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	return c.from.Get(key)
}

func (c cancelled) Has(key []byte) (bool, error) {
	if err := c.ctx.Err(); err != nil {
		return false, err
	}
	return c.from.Has(key)
}

func (c cancelled) Iterator(start, end []byte) (store.Iterator, error) {
	it, err := c.from.Iterator(start, end)
	if err != nil {
		return nil, err
	}
	return &cancelledIterator{it, c.ctx}, nil
}

func (c cancelled) ReverseIterator(start, end []byte) (store.Iterator, error) {
	it, err := c.from.ReverseIterator(start, end)
	if err != nil {
		return nil, err
	}
	return &cancelledIterator{it, c.ctx}, nil
}

type cancelledIterator struct {
	store.Iterator
	ctx context.Context
}

func (it *cancelledIterator) Valid() bool { return it.ctx.Err() == nil && it.Iterator.Valid() }

func (it *cancelledIterator) Error() error {
	if err := it.ctx.Err(); err != nil {
		return err
	}
	return it.Iterator.Error()
}
