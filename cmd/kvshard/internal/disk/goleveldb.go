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

// levelDB is a goleveldb database. cosmos-db's own type changes files even when it is
// opened to read, and loses the kind of an error of the system.
type levelDB struct {
	db    *leveldb.DB
	below io.Closer
	files *notedFiles // of a database that is written
}

var _ dbm.DB = (*levelDB)(nil)

// levelFilter is the one of cosmos-db.
var levelFilter = filter.NewBloomFilter(10)

func openLevel(path string) (dbm.DB, error) {
	below, err := storage.OpenFile(path, false)
	if err != nil {
		return nil, err
	}
	files := &notedFiles{Storage: below}
	db, err := leveldb.Open(files, &opt.Options{Filter: levelFilter})
	if err != nil {
		return nil, errors.Join(files.noted(err), below.Close())
	}
	return &levelDB{db, below, files}, nil
}

// openLevelToRead opens a database without touching its files.
//
// goleveldb's own option ReadOnly cannot be used: it fails with EOF on a
// database with two journals, and panics on some with one (its issue 454).
// Here goleveldb recovers as usual, and what it writes goes to memory.
func openLevelToRead(path string) (dbm.DB, error) {
	lock, err := lockToRead(filepath.Join(path, "LOCK"))
	if err != nil {
		return nil, err
	}
	above := &memoryAbove{files: &levelFiles{path: path}, memory: storage.NewMemStorage(), removed: map[storage.FileDesc]bool{}}
	const never = 1 << 30
	db, err := leveldb.Open(above, &opt.Options{
		Filter:                 levelFilter,
		ErrorIfMissing:         true,
		DisableSeeksCompaction: true,
		CompactionL0Trigger:    never,
		CompactionTotalSize:    never << 10,
		WriteL0PauseTrigger:    never,
		WriteL0SlowdownTrigger: never,
	})
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &levelDB{db, lock, &notedFiles{}}, nil
}

func (l *levelDB) Get(key []byte) ([]byte, error) {
	value, err := l.db.Get(key, nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]byte{}, value...), nil
}

func (l *levelDB) Has(key []byte) (bool, error) { return l.db.Has(key, nil) }

func (l *levelDB) Close() error { return firstError(l.files.noted(l.db.Close()), l.below.Close()) }

func firstError(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *levelDB) Set(key, value []byte) error     { return l.set(key, value, nil) }
func (l *levelDB) SetSync(key, value []byte) error { return l.set(key, value, synced) }
func (l *levelDB) Delete(key []byte) error         { return l.delete(key, nil) }
func (l *levelDB) DeleteSync(key []byte) error     { return l.delete(key, synced) }

var synced = &opt.WriteOptions{Sync: true}

func (l *levelDB) set(key, value []byte, how *opt.WriteOptions) error {
	return l.files.noted(l.db.Put(key, value, how))
}

func (l *levelDB) delete(key []byte, how *opt.WriteOptions) error {
	return l.files.noted(l.db.Delete(key, how))
}

func (l *levelDB) Print() error             { return errPrint }
func (l *levelDB) Stats() map[string]string { return nil }

func (l *levelDB) NewBatch() dbm.Batch { return &levelBatch{l, new(leveldb.Batch)} }
func (l *levelDB) NewBatchWithSize(size int) dbm.Batch {
	return &levelBatch{l, leveldb.MakeBatch(size)}
}

// levelBatch is a batch of writes.
type levelBatch struct {
	l     *levelDB
	batch *leveldb.Batch // nil once it was written or closed
}

func (b *levelBatch) Set(key, value []byte) error {
	if b.batch == nil {
		return errBatchOver
	}
	b.batch.Put(key, value)
	return nil
}

func (b *levelBatch) Delete(key []byte) error {
	if b.batch == nil {
		return errBatchOver
	}
	b.batch.Delete(key)
	return nil
}

func (b *levelBatch) Write() error     { return b.write(nil) }
func (b *levelBatch) WriteSync() error { return b.write(synced) }

func (b *levelBatch) write(how *opt.WriteOptions) error {
	if b.batch == nil {
		return errBatchOver
	}
	batch := b.batch
	b.batch = nil
	return b.l.files.noted(b.l.db.Write(batch, how))
}

func (b *levelBatch) Close() error {
	b.batch = nil
	return nil
}

func (b *levelBatch) GetByteSize() (int, error) {
	if b.batch == nil {
		return 0, errBatchOver
	}
	return len(b.batch.Dump()), nil
}

func (l *levelDB) Iterator(start, end []byte) (dbm.Iterator, error) {
	it := &levelIterator{l.db.NewIterator(&util.Range{Start: start, Limit: end}, nil), start, end, false}
	it.First()
	return it, nil
}

func (l *levelDB) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
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

// memoryAbove is a storage that keeps all writes in memory.
type memoryAbove struct {
	files  *levelFiles
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

// Rename is for temporary files. They were written, so they are in memory.
func (m *memoryAbove) Rename(from, to storage.FileDesc) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.removed[to] = true
	return m.memory.Rename(from, to)
}
