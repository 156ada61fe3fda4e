// Command crash kills a process that writes a tree to disk, many times, and
// checks what is left on disk.
//
// The child takes one step after another, each in one atomic batch, and reports
// each step on its standard output once the step is on disk. The parent kills the
// child with SIGKILL at a random moment and reopens the database. The tree must
// be the tree of a finished step. No reported step may be missing. [Tree.Check]
// must find nothing. Every record must equal the record of a tree in memory after
// the same steps.
//
// What a killed process wrote is in the kernel's hands; this does not test a
// power failure.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/dbstore"
)

const (
	// killsPerTree is the number of kills after which a new tree begins, so that
	// a tree's first steps are killed too.
	killsPerTree = 20
	// longest is the longest time that a child may run.
	longest = 120 * time.Millisecond
)

var (
	prefix  = []byte("tree/")
	stepKey = []byte("step")
)

func main() {
	kills := flag.Int("kills", 500, "how often to kill")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the moments")
	child := flag.String("child", "", "write to the database in this folder, for ever")
	flag.Parse()
	var err error
	if *child != "" {
		err = write(*child)
	} else {
		err = run(*kills, *seed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// step makes the changes of one step: most often a block; now and then it removes
// a mark, retains a checkpoint, or rewinds the tree.
func step(kv store.KVStore, n uint64) error {
	tree, err := kvshard.Open(kv, kvshard.WithPrefix(prefix), kvshard.WithMaxCheckpoints(8))
	if err != nil {
		return err
	}
	if err := change(tree, n); err != nil {
		return fmt.Errorf("step %d: %w", n, err)
	}
	return kv.Set(stepKey, binary.BigEndian.AppendUint64(nil, n))
}

func change(tree *kvshard.Tree, n uint64) error {
	var newest []kvshard.Checkpoint
	if n%5 == 4 {
		for c, err := range tree.Checkpoints() {
			if err != nil {
				return err
			}
			newest = append(newest, c)
		}
		last := newest[len(newest)-1]
		switch {
		case n%3 == 0 && len(newest) > 3:
			return tree.Rewind(newest[len(newest)-3].ID)
		case n%3 == 1:
			return tree.RetainCheckpoint(last.ID)
		default:
			_, err := tree.RemoveMark(n*7%last.Size, last.ID)
			return err
		}
	}
	leaves := make([]kvshard.Node, 1+n*11%40)
	for i := range leaves {
		binary.LittleEndian.PutUint64(leaves[i][:], n<<8|uint64(i))
	}
	if _, err := tree.AppendBatch(leaves); err != nil {
		return err
	}
	return tree.Checkpoint(uint32(n))
}

// steps returns the number of the last step in a store, 0 if there is none.
func steps(kv store.KVStore) (uint64, error) {
	value, err := kv.Get(stepKey)
	if err != nil || value == nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(value), nil
}

// write takes steps until it is killed.
func write(folder string) error {
	db, err := dbm.NewGoLevelDB("tree", folder, nil)
	if err != nil {
		return err
	}
	n, err := steps(db)
	if err != nil {
		return err
	}
	disk := dbstore.New(db)
	for n++; ; n++ {
		if err := disk.Do(func(kv store.KVStore) error { return step(kv, n) }); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(os.Stdout, n); err != nil {
			return err
		}
	}
}

func run(kills int, seed uint64) error {
	folder, err := os.MkdirTemp("", "kvshard-crash-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	random := rand.New(rand.NewPCG(seed, 0))
	var twin *dbm.MemDB
	var reached, all, unreported uint64
	for kill := range kills {
		tree := filepath.Join(folder, fmt.Sprint(kill/killsPerTree))
		if kill%killsPerTree == 0 {
			twin, reached = dbm.NewMemDB(), 0
		}
		reported, err := killed(tree, time.Duration(random.Int64N(int64(longest))))
		if err != nil {
			return fmt.Errorf("kill %d, seed %d: %w", kill, seed, err)
		}
		reported = max(reported, reached)
		n, err := examine(tree, twin, reported)
		if err != nil {
			return fmt.Errorf("kill %d, seed %d: %w", kill, seed, err)
		}
		all += n - reached
		unreported += n - reported
		reached = n
	}
	fmt.Fprintf(os.Stdout, "%d kills, %d steps on disk, %d of them finished but not reported; seed %d\n", kills, all, unreported, seed)
	return nil
}

// killed runs a child and kills it some time after its first report, or soon
// after its start. It returns the last step that the child reported.
func killed(folder string, after time.Duration) (reported uint64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	child := exec.Command(self, "-child", folder)
	var complaint bytes.Buffer
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	started := make(chan struct{})
	lines := make(chan uint64, 1)
	go func() {
		var last uint64
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			var n uint64
			if _, err := fmt.Sscan(scanner.Text(), &n); err == nil && n > last {
				if last == 0 {
					close(started)
				}
				last = n
			}
		}
		lines <- last
	}()
	// One child in eight is killed while it opens the database.
	if after%8 != 0 {
		select {
		case <-started:
		case <-time.After(10 * time.Second):
		}
	}
	time.Sleep(after)
	if err := child.Process.Kill(); err != nil {
		return 0, fmt.Errorf("it ended by itself: %w: %s", err, complaint.String())
	}
	reported = <-lines
	_ = child.Wait()
	if complaint.Len() > 0 {
		return 0, errors.New(complaint.String())
	}
	return reported, nil
}

// examine reopens a tree and compares it with its twin, which takes the same
// steps first.
func examine(folder string, twin *dbm.MemDB, reported uint64) (n uint64, err error) {
	db, err := dbm.NewGoLevelDB("tree", folder, nil)
	if err != nil {
		return 0, fmt.Errorf("the database does not open: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if n, err = steps(db); err != nil {
		return 0, err
	}
	if n < reported || n > reported+1 {
		return 0, fmt.Errorf("step %d is the last on disk, %d the last that was reported", n, reported)
	}
	at, err := steps(twin)
	if err != nil {
		return 0, err
	}
	for at++; at <= n; at++ {
		if err := step(twin, at); err != nil {
			return 0, err
		}
	}
	tree, err := kvshard.Open(db, kvshard.WithPrefix(prefix))
	if err != nil {
		return 0, err
	}
	if err := tree.Check(); err != nil {
		return 0, err
	}
	return n, same(db, twin)
}

// same compares all records of two stores.
func same(a, b dbm.DB) error {
	next, stop := iter.Pull2(kvshard.Entries(b, nil, nil))
	defer stop()
	for x, err := range kvshard.Entries(a, nil, nil) {
		y, failed, there := next()
		switch {
		case err != nil || failed != nil:
			return errors.Join(err, failed)
		case !there:
			return errors.New("there are more records on disk than in memory")
		case !bytes.Equal(x.Key, y.Key) || !bytes.Equal(x.Value, y.Value):
			return fmt.Errorf("on disk %x = %x, in memory %x = %x", x.Key, x.Value, y.Key, y.Value)
		}
	}
	if _, err, more := next(); more {
		return cmp.Or(err, errors.New("there are more records in memory than on disk"))
	}
	return nil
}
