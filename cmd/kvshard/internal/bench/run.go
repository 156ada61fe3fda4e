package bench

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// The trees, as tables name them, and where the others are.
const (
	TreeOurs      = "kvshard"
	TreeFrontier  = "Frontier"
	TreeShardTree = "ShardTree"
	TreeVote      = "vote-commitment-tree"

	storeMemory = "in memory"
	storeRust   = "in Rust" // of ours: the engine over memory, called as the other trees are
)

// Beside are the names of the other trees for --beside, in the order of tables.
var Beside = []string{"rust", besideFrontier, "shardtree", "vote"}

const besideFrontier = "frontier"

var besideTrees = map[string]string{"rust": TreeOurs, besideFrontier: TreeFrontier, "shardtree": TreeShardTree, "vote": TreeVote}

// A round measures the trees of one size.
type round struct {
	*Bench
	size     uint64
	start    kvshard.Frontier // of the first tree's leaves
	frontier *peer            // whose block is the unit of times; nil without --peers
	unit     []float64
	roots    map[uint64]kvshard.Node // by size, of the trees with Orchard's hash: they must agree
}

// atSize returns the rows of one size, and the unit of their times.
func (b *Bench) atSize(size uint) (rows []Row, unit float64, err error) {
	m := &round{Bench: b, size: uint64(size), roots: map[uint64]kvshard.Node{}}
	defer func() {
		if m.frontier != nil {
			err = errors.Join(err, m.frontier.close())
		}
	}()
	for _, name := range b.Stores {
		row, err := m.measure(TreeOurs, name, func() (competitor, error) { return m.newSubject(name) })
		if err != nil {
			return nil, 0, err
		}
		if len(rows) > 0 && row.Leaves == rows[0].Leaves && !maps.Equal(row.Costs, rows[0].Costs) {
			return nil, 0, exit.Errorf(exit.Other, "report it: this is a fault of kvshard", "a call costs %v on %s, but %v on %s", row.Costs, name, rows[0].Costs, rows[0].Store)
		}
		rows = append(rows, row)
	}
	if b.Peers == "" {
		return rows, 0, nil
	}
	for _, name := range Beside {
		if !slices.Contains(b.Beside, name) {
			continue
		}
		tree, where := besideTrees[name], storeMemory
		if tree == TreeOurs {
			where = storeRust
		}
		row, err := m.measure(tree, where, func() (competitor, error) { return m.startPeer(tree) })
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, row)
	}
	return rows, median(m.unit), nil
}

// startUnit starts the Frontier whose block is the unit, from the first tree's leaves.
func (m *round) startUnit(s *subject) (err error) {
	if m.Peers == "" || m.frontier != nil {
		return nil
	}
	if m.start, err = s.frontier(); err != nil {
		return err
	}
	if m.frontier, err = m.startPeer(TreeFrontier); err != nil {
		return err
	}
	_, _, err = m.frontier.build(0)
	return err
}

// measure fills the row of one tree.
func (m *round) measure(tree, where string, start func() (competitor, error)) (row Row, err error) {
	fmt.Fprintf(m.Log, "bench: %d leaves: %s, %s\n", m.size, tree, where)
	row = Row{Leaves: uint(m.size), Tree: tree, Store: where, Times: map[string]float64{}, Costs: map[string]cost{}}
	c, err := start()
	if err != nil {
		return row, err
	}
	step := CallBuild
	defer func() {
		if errors.Is(err, errLimit) {
			fmt.Fprintf(m.Log, "bench: its %s takes more than %s\n", step, m.Limit)
			row.Over, row.Limit, err = step, durationText(m.Limit), nil
		}
		err = errors.Join(err, c.close())
		if err != nil {
			err = fmt.Errorf("%d leaves, %s, %s: %w", m.size, tree, where, err)
		}
	}()
	built, size, err := c.build(m.size)
	if err != nil {
		return row, err
	}
	if err := m.agree(tree, size, built.root); err != nil {
		return row, err
	}
	row.Leaves = uint(size)
	if tree != TreeFrontier { // which starts from what another has built
		row.Times[CallBuild] = microseconds(built.taken) / float64(size)
	}
	if ours, is := c.(*subject); is {
		if err := m.built(&row, ours); err != nil {
			return row, err
		}
	}
	if err := c.checkpoints(kvshard.DefaultMaxCheckpoints); err != nil {
		return row, err
	}
	next := size // position of the next leaf
	for _, step = range Calls {
		if !c.can(step) {
			continue
		}
		if err := m.repeat(&row, c, step, &next); err != nil {
			return row, err
		}
	}
	return row, nil
}

// built notes what is known of a tree of ours once it is built.
func (m *round) built(row *Row, s *subject) (err error) {
	if s.builder != nil {
		row.Commands = s.builder.runs
	}
	if row.Bytes, err = s.bytes(); err != nil {
		return err
	}
	if row.Bytes > 0 {
		fmt.Fprintf(m.Log, "bench: %d leaves: %.1f bytes a leaf on %s\n", row.Leaves, float64(row.Bytes)/float64(row.Leaves), row.Store)
	}
	return m.startUnit(s)
}

// spread is how far apart the leaves are whose witnesses are taken one after the
// other: odd, so that they lie differently in their shards, and so large that those
// that are counted lie in one half of the tree at least.
func spread(size uint64) uint64 { return max(7919, size/(2*countedCalls)|1) }

// agree compares the roots of trees of the same leaves. One has another hash.
func (m *round) agree(tree string, size uint64, root kvshard.Node) error {
	if tree == TreeVote {
		return nil
	}
	if want, known := m.roots[size]; known && root != want {
		return exit.Errorf(exit.Other, "report it: one of the trees is wrong", "for %d leaves %s has the root %s, the others have %s", size, tree, root, want)
	}
	m.roots[size] = root
	return nil
}

// countedCalls is how many calls are counted of ours; of the others those that
// are timed.
const countedCalls = 64

// repeat does one call again and again: what it costs is counted, and it is
// timed in turns with a Frontier's block.
func (m *round) repeat(row *Row, c competitor, name string, next *uint64) error {
	var mean cost
	counted, size := 0, uint64(row.Leaves)
	once := func() (sample, error) {
		if err := m.ctx.Err(); err != nil {
			return sample{}, err
		}
		var leaves []kvshard.Node
		switch name {
		case CallBlock:
			leaves = makeLeaves(*next, 10)
		case CallAppend:
			leaves = makeLeaves(*next, 1)
		}
		*next += uint64(len(leaves))
		counted++
		s, err := c.call(name, leaves, uint64(counted)*spread(size)%size)
		if err == nil && name == CallBlock {
			err = m.agree(row.Tree, *next, s.root)
		}
		mean.add(s.cost)
		return s, err
	}
	ours, isOurs := c.(*subject)
	if isOurs {
		ours.counting = true
		for range countedCalls {
			if _, err := once(); err != nil {
				return err
			}
		}
		ours.counting = false
	}
	var taken []float64
	var spent time.Duration
	for len(taken) < m.Rounds && (len(taken) == 0 || spent < m.Limit/10) {
		s, err := once()
		if err != nil {
			return err
		}
		spent += s.taken
		took := microseconds(s.taken)
		if m.frontier != nil { // whose block is as slow as the machine is just now
			s, err := m.frontier.call(CallBlock, makeLeaves(uint64(len(m.unit)), 10), 0)
			if err != nil {
				return err
			}
			unit := microseconds(s.taken)
			m.unit = append(m.unit, unit)
			took /= unit
		}
		taken = append(taken, took)
	}
	if isOurs {
		counted = countedCalls
	}
	mean.divide(float64(counted))
	row.Costs[name] = mean
	row.Times[name] = median(taken)
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
