package disk

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/vfs"
	dbm "github.com/cosmos/cosmos-db"
)

// pebbleDB is a pebble database. cosmos-db's own type changes files even when it is
// opened to read. It also blocks its caller for ever when the disk is full: pebble
// tries again and again to write what it has in memory, and takes no more until then.
type pebbleDB struct {
	db     *pebble.DB
	health *health
}

var _ dbm.DB = (*pebbleDB)(nil)

// closeGrace is how long the close of a database that has failed may take.
const closeGrace = 3 * time.Second

// health is what pebble says of its background work. It is also pebble's log.
type health struct {
	once   sync.Once
	failed chan struct{} // closed with the first failure
	err    error         // it, from then on
}

func newHealth() *health { return &health{failed: make(chan struct{})} }

func (h *health) fail(err error) {
	h.once.Do(func() {
		h.err = err
		close(h.failed)
	})
}

// Infof keeps pebble from writing its log to standard error.
func (h *health) Infof(string, ...any) {}

// Fatalf must not return. It must not end the process either, which still has to say
// how to go on. The goroutine keeps the locks that it holds.
func (h *health) Fatalf(format string, args ...any) {
	fatal := &engineError{text: fmt.Sprintf(format, args...)}
	for _, arg := range args {
		if cause, is := arg.(error); is {
			fatal.cause = cause
		}
	}
	h.fail(fatal)
	select {}
}

// await runs a write until it returns or pebble has failed. After a failure the write
// may never return, and nobody knows whether it is there.
func (h *health) await(write func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				err, is := p.(error)
				if !is {
					err = fmt.Errorf("pebble: %v", p)
				}
				h.fail(err)
			}
		}()
		done <- write()
	}()
	select {
	case err := <-done:
		return err
	case <-h.failed:
		return h.err
	}
}

func openPebble(path string) (dbm.DB, error) {
	h := newHealth()
	options := &pebble.Options{
		Logger:                   h,
		EventListener:            &pebble.EventListener{BackgroundError: h.fail},
		MaxConcurrentCompactions: func() int { return 3 }, // as cosmos-db has it
	}
	var db *pebble.DB
	err := h.await(func() (err error) {
		db, err = pebble.Open(path, options)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &pebbleDB{db, h}, nil
}

func openPebbleToRead(path string) (dbm.DB, error) {
	db, err := pebble.Open(path, &pebble.Options{
		ReadOnly: true, ErrorIfNotExists: true, Logger: newHealth(), FS: lockedToRead{vfs.Default},
	})
	if err != nil {
		return nil, err
	}
	return &pebbleDB{db, newHealth()}, nil
}

// lockedToRead is a file system whose locks are those of readers.
type lockedToRead struct{ vfs.FS }

func (lockedToRead) Lock(name string) (io.Closer, error) { return lockToRead(filepath.FromSlash(name)) }

func (p *pebbleDB) Get(key []byte) ([]byte, error) {
	value, closer, err := p.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = closer.Close() }()
	return append([]byte{}, value...), nil
}

func (p *pebbleDB) Has(key []byte) (bool, error) {
	value, err := p.Get(key)
	return value != nil, err
}

func (p *pebbleDB) Set(key, value []byte) error     { return p.set(key, value, pebble.NoSync) }
func (p *pebbleDB) SetSync(key, value []byte) error { return p.set(key, value, pebble.Sync) }
func (p *pebbleDB) Delete(key []byte) error         { return p.delete(key, pebble.NoSync) }
func (p *pebbleDB) DeleteSync(key []byte) error     { return p.delete(key, pebble.Sync) }

func (p *pebbleDB) set(key, value []byte, sync *pebble.WriteOptions) error {
	return p.health.await(func() error { return p.db.Set(key, value, sync) })
}

func (p *pebbleDB) delete(key []byte, sync *pebble.WriteOptions) error {
	return p.health.await(func() error { return p.db.Delete(key, sync) })
}

// Close does not wait long if the database has failed: the process then ends, and the
// lock with it.
func (p *pebbleDB) Close() error {
	done := make(chan error, 1)
	go func() { done <- p.db.Close() }()
	select {
	case err := <-done:
		return err
	case <-p.health.failed:
	}
	select {
	case err := <-done:
		return errors.Join(p.health.err, err)
	case <-time.After(closeGrace):
		return p.health.err
	}
}

func (p *pebbleDB) Print() error             { return errPrint }
func (p *pebbleDB) Stats() map[string]string { return nil }

func (p *pebbleDB) Iterator(start, end []byte) (dbm.Iterator, error) {
	return p.iterator(start, end, false)
}

func (p *pebbleDB) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return p.iterator(start, end, true)
}

func (p *pebbleDB) iterator(start, end []byte, reverse bool) (dbm.Iterator, error) {
	it, err := p.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return nil, err
	}
	if reverse {
		it.Last()
	} else {
		it.First()
	}
	return &pebbleIterator{it, start, end, reverse}, nil
}

type pebbleIterator struct {
	*pebble.Iterator
	start, end []byte
	reverse    bool
}

func (it *pebbleIterator) Domain() (start, end []byte) { return it.start, it.end }
func (it *pebbleIterator) Key() []byte                 { return slices.Clone(it.Iterator.Key()) }
func (it *pebbleIterator) Value() []byte               { return slices.Clone(it.Iterator.Value()) }

func (it *pebbleIterator) Next() {
	if it.reverse {
		it.Prev()
	} else {
		it.Iterator.Next()
	}
}

// pebbleBatch is a batch of writes.
type pebbleBatch struct {
	batch  *pebble.Batch // nil once it was written or closed
	health *health
}

func (p *pebbleDB) NewBatch() dbm.Batch { return &pebbleBatch{p.db.NewBatch(), p.health} }
func (p *pebbleDB) NewBatchWithSize(size int) dbm.Batch {
	return &pebbleBatch{p.db.NewBatchWithSize(size), p.health}
}

func (b *pebbleBatch) Set(key, value []byte) error {
	if b.batch == nil {
		return errBatchOver
	}
	return b.batch.Set(key, value, nil)
}

func (b *pebbleBatch) Delete(key []byte) error {
	if b.batch == nil {
		return errBatchOver
	}
	return b.batch.Delete(key, nil)
}

func (b *pebbleBatch) Write() error     { return b.write(pebble.NoSync) }
func (b *pebbleBatch) WriteSync() error { return b.write(pebble.Sync) }

func (b *pebbleBatch) write(sync *pebble.WriteOptions) error {
	if b.batch == nil {
		return errBatchOver
	}
	batch := b.batch
	b.batch = nil // pebble may have it for ever
	if err := b.health.await(func() error { return batch.Commit(sync) }); err != nil {
		return err
	}
	return batch.Close()
}

func (b *pebbleBatch) Close() error {
	if b.batch == nil {
		return nil
	}
	batch := b.batch
	b.batch = nil
	return batch.Close()
}

func (b *pebbleBatch) GetByteSize() (int, error) {
	if b.batch == nil {
		return 0, errBatchOver
	}
	return b.batch.Len(), nil
}
