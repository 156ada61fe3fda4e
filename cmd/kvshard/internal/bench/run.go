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

// A round measures the trees of one size.
type round struct {
	*Bench
	size     uint
	leaves   []kvshard.Node
	start    kvshard.Frontier // of these leaves
	frontier *peer            // whose block is the unit of times; nil without --peers
	unit     []float64
	roots    map[uint64]kvshard.Node // by size, of the trees with Orchard's hash: they must agree
}

// atSize returns the rows of one size, and the unit of their times.
func (b *Bench) atSize(size uint) (rows []Row, unit float64, err error) {
	m := &round{Bench: b, size: size, leaves: makeLeaves(0, uint64(size)), roots: map[uint64]kvshard.Node{}}
	if b.Peers != "" {
		if m.start, err = frontierOf(m.leaves); err != nil {
			return nil, 0, err
		}
		if m.frontier, err = m.startPeer(TreeFrontier); err != nil {
			return nil, 0, err
		}
		defer func() { err = errors.Join(err, m.frontier.close()) }()
		if _, err := m.frontier.build(nil); err != nil {
			return nil, 0, err
		}
	}
	for _, name := range b.Stores {
		row, err := m.measure(TreeOurs, name, func() (competitor, error) { return newSubject(name) })
		if err != nil {
			return nil, 0, err
		}
		if len(rows) > 0 && !maps.Equal(row.Costs, rows[0].Costs) {
			return nil, 0, exit.Errorf(exit.Other, "report it: this is a fault of kvshard", "a call costs %v on %s, but %v on %s", row.Costs, name, rows[0].Costs, rows[0].Store)
		}
		rows = append(rows, row)
	}
	if b.Peers == "" {
		return rows, 0, nil
	}
	for _, tree := range []string{TreeOurs, TreeFrontier, TreeShardTree, TreeVote} {
		where := storeMemory
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

// frontierOf is what a Frontier of these leaves holds.
func frontierOf(leaves []kvshard.Node) (f kvshard.Frontier, err error) {
	s, err := newSubject("memdb")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, err := s.build(leaves); err != nil {
		return f, err
	}
	tree, err := kvshard.Open(s.db)
	if err != nil {
		return f, err
	}
	return tree.Frontier()
}

// measure fills the row of one tree.
func (m *round) measure(tree, where string, start func() (competitor, error)) (row Row, err error) {
	fmt.Fprintf(m.Log, "bench: %d leaves: %s, %s\n", m.size, tree, where)
	row = Row{Leaves: m.size, Tree: tree, Store: where, Times: map[string]float64{}, Costs: map[string]cost{}}
	c, err := start()
	if err != nil {
		return row, err
	}
	step := CallBuild
	defer func() {
		if errors.Is(err, errLimit) {
			fmt.Fprintf(m.Log, "bench: its %s takes more than %s\n", step, m.Limit)
			row.Over, err = step, nil
		}
		err = errors.Join(err, c.close())
		if err != nil {
			err = fmt.Errorf("%d leaves, %s, %s: %w", m.size, tree, where, err)
		}
	}()
	built, err := c.build(m.leaves)
	if err != nil {
		return row, err
	}
	if err := m.agree(tree, uint64(m.size), built.root); err != nil {
		return row, err
	}
	if tree != TreeFrontier { // which starts from what another has built
		row.Times[CallBuild] = microseconds(built.taken) / float64(m.size)
	}
	if err := c.checkpoints(kvshard.DefaultMaxCheckpoints); err != nil {
		return row, err
	}
	next := uint64(m.size) // position of the next leaf
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
	counted := 0
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
		s, err := c.call(name, leaves, uint64(counted)*7919%uint64(m.size))
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
