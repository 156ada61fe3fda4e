package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/iterator"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// levelReader reads a goleveldb database without touching its files. Its
// batches are those of an empty database in memory, as pebbleReader's.
//
// goleveldb's own option ReadOnly cannot be used: it fails with EOF on a
// database with two journals, and panics on some with one (its issue 454).
// Here goleveldb recovers as ever, and what it writes goes to memory.
type levelReader struct {
	dbm.DB
	db   *leveldb.DB
	lock io.Closer
}

func openLevelToRead(path string) (dbm.DB, error) {
	lock, err := lockToRead(filepath.Join(path, "LOCK"))
	if err != nil {
		return nil, err
	}
	above := &memoryAbove{files: levelFiles(path), memory: storage.NewMemStorage(), removed: map[storage.FileDesc]bool{}}
	const never = 1 << 30
	db, err := leveldb.Open(above, &opt.Options{
		Filter:                 filter.NewBloomFilter(10),
		ErrorIfMissing:         true,
		DisableSeeksCompaction: true,
		CompactionL0Trigger:    never,
		CompactionTotalSize:    never << 10,
		WriteL0PauseTrigger:    never,
		WriteL0SlowdownTrigger: never,
	})
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &levelReader{dbm.NewMemDB(), db, lock}, nil
}

func (l *levelReader) Get(key []byte) ([]byte, error) {
	value, err := l.db.Get(key, nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]byte{}, value...), nil
}

func (l *levelReader) Has(key []byte) (bool, error) { return l.db.Has(key, nil) }

func (l *levelReader) Close() error { return errors.Join(l.db.Close(), l.lock.Close()) }

func (l *levelReader) Iterator(start, end []byte) (dbm.Iterator, error) {
	it := &levelIterator{l.db.NewIterator(&util.Range{Start: start, Limit: end}, nil), start, end, false}
	it.First()
	return it, nil
}

func (l *levelReader) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	it := &levelIterator{l.db.NewIterator(&util.Range{Start: start, Limit: end}, nil), start, end, true}
	it.Last()
	return it, nil
}

type levelIterator struct {
	iterator.Iterator
	start, end []byte
	reverse    bool
}

func (it *levelIterator) Domain() (start, end []byte) { return it.start, it.end }
func (it *levelIterator) Key() []byte                 { return append([]byte{}, it.Iterator.Key()...) }
func (it *levelIterator) Value() []byte               { return append([]byte{}, it.Iterator.Value()...) }

func (it *levelIterator) Next() {
	if it.reverse {
		it.Prev()
	} else {
		it.Iterator.Next()
	}
}

func (it *levelIterator) Close() error {
	err := it.Error()
	it.Release()
	return err
}

// memoryAbove is a storage of which all that is written stays in memory.
type memoryAbove struct {
	files  levelFiles
	memory storage.Storage

	mutex   sync.Mutex
	removed map[storage.FileDesc]bool // from files
	meta    *storage.FileDesc
}

func (m *memoryAbove) Lock() (storage.Locker, error) { return m.memory.Lock() }
func (m *memoryAbove) Log(string)                    {}
func (m *memoryAbove) Close() error                  { return nil }

func (m *memoryAbove) SetMeta(fd storage.FileDesc) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.meta = &fd
	return nil
}

func (m *memoryAbove) GetMeta() (storage.FileDesc, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.meta != nil {
		return *m.meta, nil
	}
	return m.files.GetMeta()
}

func (m *memoryAbove) List(kind storage.FileType) ([]storage.FileDesc, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	list, err := m.memory.List(kind)
	if err != nil {
		return nil, err
	}
	below, err := m.files.List(kind)
	if err != nil {
		return nil, err
	}
	for _, fd := range below {
		if !m.removed[fd] {
			list = append(list, fd)
		}
	}
	return list, nil
}

func (m *memoryAbove) Open(fd storage.FileDesc) (storage.Reader, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	r, err := m.memory.Open(fd)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return r, err
	}
	if m.removed[fd] {
		return nil, os.ErrNotExist
	}
	return m.files.Open(fd)
}

func (m *memoryAbove) Create(fd storage.FileDesc) (storage.Writer, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.removed[fd] = true
	return m.memory.Create(fd)
}

func (m *memoryAbove) Remove(fd storage.FileDesc) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.removed[fd] = true
	if err := m.memory.Remove(fd); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Rename is for temporary files, which are written and so in memory.
func (m *memoryAbove) Rename(from, to storage.FileDesc) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.removed[to] = true
	return m.memory.Rename(from, to)
}
