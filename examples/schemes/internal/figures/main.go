//go:build unix

// Command figures measures package hashtree beside the two naive ways to keep a
// tree, with each hash of package schemes, and prints the tables of
// docs/BENCHMARKS.md: make figures-schemes.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard/examples/schemes"
	"github.com/kvshard/kvshard/examples/schemes/internal/naive"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

const (
	perBlock    = 10  // leaves
	checkpoints = 100 // that hashtree keeps, all there before anything is counted
)

func main() {
	sizes := flag.String("sizes", "1000,100000", "leaves of the trees")
	flag.Parse()
	if err := run(strings.Split(*sizes, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// A measured is a hash with the depth that its trees usually have.
type measured struct {
	name   string
	depth  int
	scheme func(depth int) (*hashtree.Scheme, error)
	hasher hashtree.Hasher
}

var all = []measured{
	{"MiMC", 20, schemes.MiMCTree, schemes.MiMC{}},
	{"Poseidon2", 20, schemes.Poseidon2Tree, schemes.Poseidon2{}},
	{"circom's Poseidon", 20, schemes.CircomTree, schemes.Circom{}},
	{"keccak256", 32, schemes.KeccakTree, schemes.Keccak{}},
}

func run(sizes []string) error {
	fmt.Println("| hash, depth | leaves | tree | block: gas | operations | hashes | ms | witness: gas | operations | hashes | ms |")
	fmt.Println("|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, m := range all {
		for _, text := range sizes {
			size, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			if err := m.row(size); err != nil {
				return fmt.Errorf("%s, %d leaves: %w", m.name, size, err)
			}
		}
	}
	return nil
}

// A way is one of the three trees.
type way interface {
	block(leaves []hashtree.Node) (root hashtree.Node, err error)
	path(position uint64) ([]hashtree.Node, error)
}

func (m measured) row(size int) error {
	work := &counted{hasher: m.hasher}
	leaves := leavesAt(0, size)
	var root hashtree.Node
	for _, kind := range []struct {
		name   string
		blocks int
		grow   func(*counters, []hashtree.Node) (way, error)
	}{
		{"hashtree", 128, m.sharded},
		{"a record a node", 16, m.nodeRecords},
		{"rebuilt", max(1, 20_000/size), m.rebuilt},
	} {
		c := newCounters(work)
		t, err := kind.grow(c, leaves)
		if err != nil {
			return err
		}
		var first hashtree.Node // the root after one block, which must be that of each tree
		block, err := c.mean(kind.blocks, func(i int) error {
			got, err := t.block(leavesAt(size+i*perBlock, perBlock))
			if i == 0 {
				first = got
			}
			return err
		})
		if err != nil {
			return err
		}
		if root == (hashtree.Node{}) {
			root = first
		}
		if first != root {
			return errors.New("the roots differ")
		}
		witness, err := c.mean(kind.blocks, func(i int) error {
			_, err := t.path(uint64(i) * 7919 % uint64(size))
			return err
		})
		if err != nil {
			return err
		}
		fmt.Printf("| %s, %d | %s | %s | %s | %s |\n", m.name, m.depth, thousands(float64(size)), kind.name, block, witness)
	}
	return nil
}

// leavesAt returns the leaves at n positions: hashes below the moduli of all
// fields.
func leavesAt(first, n int) []hashtree.Node {
	leaves := make([]hashtree.Node, n)
	for i := range leaves {
		leaves[i] = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(first+i)))
		leaves[i][0] &= 0x1F
	}
	return leaves
}

// The trees.

type sharded struct {
	tree *hashtree.Tree
	id   uint32
}

func (m measured) sharded(c *counters, leaves []hashtree.Node) (way, error) {
	scheme, err := m.scheme(m.depth)
	if err != nil {
		return nil, err
	}
	// The same scheme with a hasher that counts.
	empty, err := scheme.EmptyRoot(0)
	if err != nil {
		return nil, err
	}
	if scheme, err = hashtree.NewScheme(scheme.Name(), m.depth, empty, c.hasher); err != nil {
		return nil, err
	}
	t, err := hashtree.Open(c.store, scheme)
	if err != nil {
		return nil, err
	}
	s := &sharded{tree: t}
	if _, err := t.AppendBatch(leaves); err != nil {
		return nil, err
	}
	for range checkpoints {
		s.id++
		if err := t.Checkpoint(s.id); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *sharded) block(leaves []hashtree.Node) (hashtree.Node, error) {
	if _, err := s.tree.AppendBatch(leaves); err != nil {
		return hashtree.Node{}, err
	}
	s.id++
	if err := s.tree.Checkpoint(s.id); err != nil {
		return hashtree.Node{}, err
	}
	return s.tree.Root()
}

func (s *sharded) path(position uint64) ([]hashtree.Node, error) {
	w, err := s.tree.WitnessAt(position, s.id)
	return w.Path, err
}

func (m measured) plain(c *counters) (naive.Scheme, error) {
	scheme, err := m.scheme(m.depth)
	if err != nil {
		return naive.Scheme{}, err
	}
	empty, err := scheme.EmptyRoot(0)
	return naive.Scheme{Depth: m.depth, Empty: empty, Hasher: c.hasher}, err
}

type nodeRecords struct{ *naive.NodeRecords }

func (m measured) nodeRecords(c *counters, leaves []hashtree.Node) (way, error) {
	scheme, err := m.plain(c)
	if err != nil {
		return nil, err
	}
	t, err := naive.NewNodeRecords(c.store, scheme)
	if err != nil {
		return nil, err
	}
	return nodeRecords{t}, t.Grow(leaves)
}

func (t nodeRecords) block(leaves []hashtree.Node) (hashtree.Node, error) {
	if err := t.AppendBatch(leaves); err != nil {
		return hashtree.Node{}, err
	}
	return t.Root()
}

func (t nodeRecords) path(position uint64) ([]hashtree.Node, error) { return t.Path(position) }

type rebuilt struct{ *naive.Rebuild }

func (m measured) rebuilt(c *counters, leaves []hashtree.Node) (way, error) {
	scheme, err := m.plain(c)
	if err != nil {
		return nil, err
	}
	t, err := naive.NewRebuild(c.store, scheme)
	if err != nil {
		return nil, err
	}
	return rebuilt{t}, t.AppendBatch(leaves)
}

func (t rebuilt) block(leaves []hashtree.Node) (hashtree.Node, error) {
	if err := t.AppendBatch(leaves); err != nil {
		return hashtree.Node{}, err
	}
	return t.Root()
}

func (t rebuilt) path(position uint64) ([]hashtree.Node, error) { return t.Path(position) }

// What is counted.

// counted counts the pairs that a hasher hashes.
type counted struct {
	hasher hashtree.Hasher
	pairs  int
}

func (c *counted) CombineBatch(level int, children, parents []hashtree.Node) error {
	c.pairs += len(parents)
	return c.hasher.CombineBatch(level, children, parents)
}

func (c *counted) Canonical(leaf hashtree.Node) bool { return c.hasher.Canonical(leaf) }

type counters struct {
	hasher *counted
	gas    *kvtest.GasStore
	store  *kvtest.TraceStore // over gas, over a store in memory
}

func newCounters(hasher *counted) *counters {
	gas := kvtest.NewGasStore(dbm.NewMemDB(), 0)
	store := kvtest.NewTraceStore(gas)
	store.Record(false)
	return &counters{hasher, gas, store}
}

// A cost is what one of many calls took.
type cost struct{ gas, ops, hashes, ms float64 }

func (c cost) String() string {
	ms := strconv.FormatFloat(c.ms, 'g', 3, 64)
	if c.ms >= 100 {
		ms = thousands(c.ms)
	}
	return fmt.Sprintf("%s | %s | %s | %s", thousands(c.gas), short(c.ops), short(c.hashes), ms)
}

// mean calls f n times and returns the mean of what it cost. Time is that of the
// processor, this process's.
func (c *counters) mean(n int, f func(i int) error) (cost, error) {
	gas, ops, pairs, began := c.gas.GasConsumed(), c.store.Counts().Ops(), c.hasher.pairs, processorTime()
	for i := range n {
		if err := f(i); err != nil {
			return cost{}, err
		}
	}
	each := 1 / float64(n)
	return cost{
		gas:    float64(c.gas.GasConsumed()-gas) * each,
		ops:    float64(c.store.Counts().Ops()-ops) * each,
		hashes: float64(c.hasher.pairs-pairs) * each,
		ms:     float64(processorTime()-began) / float64(time.Millisecond) * each,
	}, nil
}

func processorTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// short prints a mean with a decimal if that tells anything.
func short(x float64) string {
	if x < 1000 && x != float64(int(x)) {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return thousands(x)
}

func thousands(x float64) string {
	text := strconv.FormatFloat(x, 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
