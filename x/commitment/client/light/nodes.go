package light

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// SubtreeRoots returns the roots of all complete subtrees of 65,536 leaves, held against
// the frontier of the client's height, and the heights that completed them, each proven
// by its record; 0 stands for one that the chain does not know, which is proven too.
func (c *Client) SubtreeRoots(ctx context.Context) ([]types.SubtreeRoot, error) {
	frontier, _, err := c.TreeState(ctx)
	if err != nil {
		return nil, err
	}
	var roots []types.SubtreeRoot
	for complete := frontier.Size >> types.SubtreeLevel; uint64(len(roots)) < complete; {
		var page types.QuerySubtreeRootsResponse
		if err := c.query(ctx, "SubtreeRoots", &types.QuerySubtreeRootsRequest{Start: uint64(len(roots))}, &page); err != nil {
			return nil, err
		}
		if len(page.Roots) == 0 || uint64(len(roots)+len(page.Roots)) > complete {
			return nil, fmt.Errorf("%w: %d subtree roots and %d more, of %d", ErrUnproven, len(roots), len(page.Roots), complete)
		}
		roots = append(roots, page.Roots...)
	}
	nodes := make([]kvshard.Node, len(roots))
	for i, root := range roots {
		if nodes[i], err = kvshard.NodeFromBytes(root.Root); err != nil {
			return nil, fmt.Errorf("%w: root of subtree %d: %w", ErrUnproven, i, err)
		}
		if err := c.completed(ctx, uint64(i), root.CompletingHeight); err != nil {
			return nil, err
		}
	}
	return roots, CheckNodes(frontier, types.SubtreeLevel, nodes)
}

// completed proves which height completed a subtree.
func (c *Client) completed(ctx context.Context, index, height uint64) error {
	record, err := c.record(ctx, types.SubtreeKey(index))
	if err != nil {
		return err
	}
	var recorded uint64
	if len(record) == 8 {
		recorded = binary.BigEndian.Uint64(record)
	}
	if recorded != height {
		return fmt.Errorf("%w: subtree %d was completed at height %d, not at %d", ErrUnproven, index, recorded, height)
	}
	return nil
}

// CheckNodes checks that these are all the complete nodes of a level of the tree with a
// frontier that is proven.
//
// Cost: a hash a node.
func CheckNodes(frontier kvshard.Frontier, level int, nodes []kvshard.Node) error {
	if uint64(len(nodes)) != frontier.Size>>level {
		return fmt.Errorf("%w: %d nodes of level %d, and a tree of %d leaves has %d", ErrUnproven, len(nodes), level, frontier.Size, frontier.Size>>level)
	}
	peaks, err := peaksOf(frontier)
	if err != nil {
		return err
	}
	var first uint64
	for above := kvshard.Depth; above >= level; above-- {
		if frontier.Size>>above&1 == 0 {
			continue
		}
		count := uint64(1) << (above - level)
		if err := Under(peaks[above], level, nodes[first:first+count]); err != nil {
			return fmt.Errorf("nodes %d to %d of level %d: %w", first, first+count-1, level, err)
		}
		first += count
	}
	return nil
}

// peaksOf returns the roots of the complete trees that a frontier's leaves form, by
// their level: one for each 1 bit of the size. The frontier has those on the left of its
// newest leaf; the one that the leaf completes follows from them.
func peaksOf(f kvshard.Frontier) (peaks [kvshard.Depth + 1]kvshard.Node, err error) {
	if f.Size == 0 {
		return peaks, nil
	}
	node, ommers := f.Leaf, f.Ommers
	level, position := 0, f.Size-1
	for ; position>>level&1 == 1; level++ {
		if node, err = kvshard.Combine(level, ommers[0], node); err != nil {
			return peaks, err
		}
		ommers = ommers[1:]
	}
	peaks[level] = node
	for level++; level <= kvshard.Depth; level++ {
		if position>>level&1 == 1 {
			peaks[level], ommers = ommers[0], ommers[1:]
		}
	}
	return peaks, nil
}

// Under checks that nodes of a level are those under a node, all of them: 2, 4, 8 or any
// higher power of two. So the leaves of a subtree are held against its root.
//
// Cost: a hash a node.
func Under(above kvshard.Node, level int, nodes []kvshard.Node) error {
	if n := len(nodes); n == 0 || n&(n-1) != 0 {
		return fmt.Errorf("%w: %d nodes, which is no power of two", ErrUnproven, n)
	}
	row := nodes
	for ; len(row) > 1; level++ {
		pairs := make([][2]kvshard.Node, len(row)/2)
		for i := range pairs {
			pairs[i] = [2]kvshard.Node{row[2*i], row[2*i+1]}
		}
		var err error
		if row, err = kvshard.CombineBatch(level, pairs); err != nil {
			return fmt.Errorf("%w: %w", ErrUnproven, err)
		}
	}
	if row[0] != above {
		return fmt.Errorf("%w: the nodes have the root %s, not %s", ErrUnproven, row[0], above)
	}
	return nil
}

// NodesUnder returns the nodes of a level that are under a node of a higher level which
// is proven, as one of SubtreeRoots is: all of them. Level 0 has the leaves.
func (c *Client) NodesUnder(ctx context.Context, above kvshard.Node, aboveLevel int, index uint64, level int) ([]kvshard.Node, error) {
	if level < 0 || level >= aboveLevel || aboveLevel > kvshard.Depth {
		return nil, fmt.Errorf("nodes of level %d under one of level %d: want a level from 0 to below it", level, aboveLevel)
	}
	count := uint64(1) << (aboveLevel - level)
	var nodes []kvshard.Node
	for uint64(len(nodes)) < count {
		var page types.QueryNodesResponse
		request := &types.QueryNodesRequest{Level: uint32(level), First: index*count + uint64(len(nodes)), Max: uint32(min(count-uint64(len(nodes)), types.MaxPage))}
		if err := c.query(ctx, "Nodes", request, &page); err != nil {
			return nil, err
		}
		read, err := parseNodes(page.Nodes)
		if err != nil {
			return nil, err
		}
		if len(read) == 0 || uint64(len(nodes)+len(read)) > count {
			return nil, fmt.Errorf("%w: %d nodes and %d more, of %d", ErrUnproven, len(nodes), len(read), count)
		}
		nodes = append(nodes, read...)
	}
	return nodes, Under(above, level, nodes)
}
