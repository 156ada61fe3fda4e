// Command load appends a million leaves in blocks while other goroutines read
// snapshots, and watches what the process keeps in memory.
//
// After each block the root is compared with the root of a tree that consists of
// ommers only. Readers prove random leaves in the newest snapshot. Then many
// goroutines build trees over stores of their own. Command load fails if memory
// grows beyond the bounds, if a file stays open, or if a root, a witness or a size
// is wrong.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/dbstore"
)

const mebibyte = 1 << 20

// The bounds on the growth from a tenth of the leaves to all of them.
const (
	// residentBound has room for LevelDB's caches and tables and for the
	// allocator's slack.
	residentBound = 64 * mebibyte
	// liveBound is for the heap after a collection: one leaked handle a call would
	// take several times as much.
	liveBound = 4 * mebibyte
)

func main() {
	leaves := flag.Uint64("leaves", 1_000_000, "how many leaves to append")
	block := flag.Int("block", 100, "leaves in a block")
	readers := flag.Int("readers", 4, "goroutines that read snapshots")
	trees := flag.Int("trees", 64, "goroutines that build trees of their own")
	flag.Parse()
	err := grow(*leaves, *block, *readers)
	if err == nil {
		err = sideBySide(*trees)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// ommers is a tree that knows only what its next leaf needs: for each level the
// completed node that has no sibling yet.
type ommers [kvshard.Depth]*kvshard.Node

func (o *ommers) append(row []kvshard.Node) error {
	for level := 0; len(row) > 0; level++ {
		if o[level] != nil {
			row = append([]kvshard.Node{*o[level]}, row...)
			o[level] = nil
		}
		if len(row)%2 == 1 {
			last := row[len(row)-1]
			o[level], row = &last, row[:len(row)-1]
		}
		pairs := make([][2]kvshard.Node, len(row)/2)
		for i := range pairs {
			pairs[i] = [2]kvshard.Node{row[2*i], row[2*i+1]}
		}
		var err error
		if row, err = kvshard.CombineBatch(level, pairs); err != nil {
			return err
		}
	}
	return nil
}

func (o *ommers) root() (kvshard.Node, error) {
	node, err := kvshard.EmptyRoot(0)
	for level := 0; err == nil && level < kvshard.Depth; level++ {
		var left, right = node, node
		if o[level] != nil {
			left = *o[level]
		} else if right, err = kvshard.EmptyRoot(level); err != nil {
			break
		}
		node, err = kvshard.Combine(level, left, right)
	}
	return node, err
}

// block returns n leaves from a position on.
func block(first uint64, n int) []kvshard.Node {
	leaves := make([]kvshard.Node, n)
	for i := range leaves {
		leaves[i] = leaf(first + uint64(i))
	}
	return leaves
}

func leaf(position uint64) (node kvshard.Node) {
	binary.LittleEndian.PutUint64(node[:], position*0x9e3779b97f4a7c15)
	return node
}

// A snapshot is a database as it was, for reading.
type snapshot struct {
	root    kvshard.Node
	size    uint64
	id      uint32
	get     func(key []byte) ([]byte, error)
	release func()
	readers sync.RWMutex
	over    bool
}

var errUnexpected = errors.New("a query that writes or iterates")

func (s *snapshot) Get(key []byte) ([]byte, error)                      { return s.get(key) }
func (s *snapshot) Has([]byte) (bool, error)                            { return false, errUnexpected }
func (s *snapshot) Set(_, _ []byte) error                               { return errUnexpected }
func (s *snapshot) Delete([]byte) error                                 { return errUnexpected }
func (s *snapshot) Iterator(_, _ []byte) (store.Iterator, error)        { return nil, errUnexpected }
func (s *snapshot) ReverseIterator(_, _ []byte) (store.Iterator, error) { return nil, errUnexpected }

func take(db *dbm.GoLevelDB, root kvshard.Node, size uint64, id uint32) (*snapshot, error) {
	shot, err := db.DB().GetSnapshot()
	if err != nil {
		return nil, err
	}
	get := func(key []byte) ([]byte, error) {
		if there, err := shot.Has(key, nil); err != nil || !there {
			return nil, err
		}
		return shot.Get(key, nil)
	}
	return &snapshot{root: root, size: size, id: id, get: get, release: shot.Release}, nil
}

// retire ends a snapshot once its readers are done.
func (s *snapshot) retire() {
	s.readers.Lock()
	defer s.readers.Unlock()
	s.over = true
	s.release()
}

// query reads a snapshot once, if it is not retired.
func (s *snapshot) query() error {
	s.readers.RLock()
	defer s.readers.RUnlock()
	if s.over {
		return nil
	}
	tree, err := kvshard.Open(s)
	if err != nil {
		return err
	}
	position := rand.Uint64N(s.size)
	witness, err := tree.WitnessAt(position, s.id)
	if err != nil {
		return err
	}
	if err := witness.Verify(s.root, leaf(position)); err != nil {
		return err
	}
	size, err := tree.Size()
	if err == nil && size != s.size {
		err = fmt.Errorf("size %d, want %d", size, s.size)
	}
	return err
}

func grow(leaves uint64, each, readers int) (err error) {
	folder, err := os.MkdirTemp("", "kvshard-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	files, err := openFiles()
	if err != nil {
		return err
	}
	db, err := dbm.NewGoLevelDB("tree", folder, nil)
	if err != nil {
		return err
	}

	var newest atomic.Pointer[snapshot]
	var queries atomic.Uint64
	failed := make(chan error, readers)
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range readers {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				shot := newest.Load()
				if shot == nil {
					time.Sleep(time.Millisecond)
					continue
				}
				if err := shot.query(); err != nil {
					failed <- err
					return
				}
				queries.Add(1)
			}
		})
	}
	begun := time.Now()
	first, blocks, err := write(db, leaves, each, &newest, failed)
	took := time.Since(begun)
	close(stop)
	group.Wait()
	if shot := newest.Load(); shot != nil {
		shot.retire()
	}
	var last memory
	if err == nil {
		last, err = measure()
	}
	if err == nil {
		err = check(db)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "%d leaves in %d blocks, each root right, in %s; %d queries by %d readers, each right\n",
		leaves, blocks, took.Round(time.Second), queries.Load(), readers)
	fmt.Fprintf(os.Stdout, "resident %d MiB at a tenth, %d MiB at the end (bound: %d MiB more); live heap %d KiB, %d KiB (bound: %d KiB more)\n",
		first.resident/mebibyte, last.resident/mebibyte, residentBound/mebibyte, first.live/1024, last.live/1024, liveBound/1024)
	if last.resident > first.resident+residentBound || last.live > first.live+liveBound {
		return errors.New("memory grew beyond the bound")
	}
	now, err := openFiles()
	if err == nil && now != files {
		err = fmt.Errorf("%d open files, %d at the start", now, files)
	}
	fmt.Fprintf(os.Stdout, "%d files open at the start, %d at the end\n", files, now)
	return err
}

// write appends the blocks, publishes a snapshot of each, and measures at a tenth.
func write(db *dbm.GoLevelDB, leaves uint64, each int, newest *atomic.Pointer[snapshot], failed <-chan error) (first memory, blocks uint32, err error) {
	disk := dbstore.New(db)
	var twin ommers
	measured := false
	tenth := max(leaves/10, 1)
	for size := uint64(0); size < leaves; blocks++ {
		if done := size / tenth; size > 0 && done > (size-uint64(each))/tenth {
			fmt.Fprintf(os.Stdout, "%d leaves\n", size)
		}
		batch := block(size, int(min(uint64(each), leaves-size)))
		size += uint64(len(batch))
		var root kvshard.Node
		err := disk.Do(func(kv store.KVStore) error {
			tree, err := kvshard.Open(kv)
			if err != nil {
				return err
			}
			if _, err := tree.AppendBatch(batch); err != nil {
				return err
			}
			if err := tree.Checkpoint(blocks); err != nil {
				return err
			}
			root, err = tree.Root()
			return err
		})
		if err != nil {
			return first, blocks, err
		}
		if err := twin.append(batch); err != nil {
			return first, blocks, err
		}
		if want, err := twin.root(); err != nil || root != want {
			return first, blocks, fmt.Errorf("root %s at size %d, want %s, %v", root, size, want, err)
		}
		shot, err := take(db, root, size, blocks)
		if err != nil {
			return first, blocks, err
		}
		if old := newest.Swap(shot); old != nil {
			old.retire()
		}
		select {
		case err := <-failed:
			return first, blocks, fmt.Errorf("a reader at size %d: %w", size, err)
		default:
		}
		if !measured && size >= leaves/10 {
			measured = true
			if first, err = measure(); err != nil {
				return first, blocks, err
			}
		}
	}
	return first, blocks, nil
}

func check(kv store.KVStore) error {
	tree, err := kvshard.Open(kv)
	if err != nil {
		return err
	}
	return tree.Check()
}

// sideBySide builds trees over stores that share nothing.
func sideBySide(trees int) error {
	failed := make([]error, trees)
	var group sync.WaitGroup
	begun := time.Now()
	for i := range trees {
		group.Go(func() { failed[i] = build(uint64(i) << 32) })
	}
	group.Wait()
	fmt.Fprintf(os.Stdout, "%d goroutines, each its own tree of 2000 leaves in 40 blocks, all roots right, in %s\n",
		trees, time.Since(begun).Round(time.Millisecond))
	return errors.Join(failed...)
}

func build(from uint64) error {
	tree, err := kvshard.Open(dbm.NewMemDB(), kvshard.WithThreads(1))
	if err != nil {
		return err
	}
	var twin ommers
	for id := range uint32(40) {
		batch := block(from+uint64(id)*50, 50)
		if _, err := tree.AppendBatch(batch); err != nil {
			return err
		}
		if err := tree.Checkpoint(id); err != nil {
			return err
		}
		if err := twin.append(batch); err != nil {
			return err
		}
		root, err := tree.RootAt(id)
		if err != nil {
			return err
		}
		if want, err := twin.root(); err != nil || root != want {
			return fmt.Errorf("root %s at %d, want %s, %v", root, id, want, err)
		}
	}
	return tree.Check()
}

// memory is what the process uses, in bytes.
type memory struct{ resident, live uint64 }

func measure() (m memory, err error) {
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.live = stats.HeapAlloc
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			m.resident, err = strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(kib), " kB"), 10, 64)
			m.resident *= 1024
		}
	}
	return m, err
}

func openFiles() (int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err
}
