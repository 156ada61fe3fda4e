package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtbytes "github.com/cometbft/cometbft/libs/bytes"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"

	"github.com/cosmos/cosmos-sdk/store/v2/rootmulti"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/client/light"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// A nodeOf answers as the RPC of a chain's node does. It lies if it is told to.
type nodeOf struct {
	c   *chaintest.Chain
	lie func(path string, r *abci.ResponseQuery)
}

func (n nodeOf) ABCIQueryWithOptions(ctx context.Context, path string, data cmtbytes.HexBytes, opts rpcclient.ABCIQueryOptions) (*coretypes.ResultABCIQuery, error) {
	r, err := n.c.App.Query(ctx, &abci.RequestQuery{Path: path, Data: data, Height: opts.Height, Prove: opts.Prove})
	if err != nil {
		return nil, err
	}
	if n.lie != nil {
		n.lie(path, r)
	}
	return &coretypes.ResultABCIQuery{Response: *r}, nil
}

// lightChain is a chain with a complete subtree, and the application hash after each
// height.
func lightChain(t *testing.T) (c *chaintest.Chain, leaves []kvshard.Node, hashes map[int64][]byte) {
	t.Helper()
	params := types.DefaultParams()
	params.MaxCommitments, params.MaxQueuedPerBlock, params.RetainEvery = 100_000, 100_000, 2
	c = chaintest.New(t, chaintest.Config{Params: &params})
	a := c.Accounts[0]
	leaves = chaintest.Leaves(0, 66_005)
	hashes = map[int64][]byte{}
	at := 0
	for _, count := range []int{0, 0, 66_000, 0, 3, 2} {
		var txs [][]byte
		if count > 0 {
			txs = append(txs, c.Tx(a, plenty*1000, chaintest.Append(a, leaves[at:at+count]...)))
		}
		at += count
		r := c.MustBlock(txs...)
		hashes[c.Height()] = r.AppHash
	}
	return c, leaves, hashes
}

// TestLightClient proves what a node says of each height down to the application hash.
func TestLightClient(t *testing.T) {
	c, leaves, hashes := lightChain(t)
	ctx := t.Context()
	node := nodeOf{c: c}
	for height := int64(2); height <= c.Height(); height++ {
		client := light.At(node, height, hashes[height], rootmulti.DefaultProofRuntime())
		frontier, anchor, err := client.TreeState(ctx)
		chaintest.Must0(t, err)
		want := map[int64]uint32{2: 0, 3: 3, 4: 3, 5: 5, 6: 6}[height]
		if anchor.Height != want || frontier.Size != anchor.Size_ || anchor.Retained != (want == 5) {
			t.Errorf("height %d: anchor %v, size %d", height, anchor, frontier.Size)
		}
		roots := chaintest.Must(client.SubtreeRoots(ctx))(t)
		if height == 2 {
			if len(roots) != 0 {
				t.Errorf("%d subtrees of the empty tree", len(roots))
			}
			continue
		}
		if len(roots) != 1 || roots[0].CompletingHeight != 3 {
			t.Fatalf("subtrees %v", roots)
		}
		_, err = client.Leaf(ctx, 60_000, leaves[60_000])
		chaintest.Must0(t, err)
		subtree := kvshard.Node(roots[0].Root)
		level8 := chaintest.Must(client.NodesUnder(ctx, subtree, 16, 0, 8))(t)
		bucket := chaintest.Must(client.NodesUnder(ctx, level8[77], 8, 77, 0))(t)
		if len(bucket) != 256 || bucket[3] != leaves[77*256+3] {
			t.Errorf("%d leaves", len(bucket))
		}
		all := chaintest.Must(client.NodesUnder(ctx, subtree, 16, 0, 0))(t)
		if len(all) != 1<<16 || all[1000] != leaves[1000] {
			t.Errorf("%d leaves", len(all))
		}
	}
}

// flipIn changes a bit of some bytes, say of a node, wherever an answer has them.
func flipIn(what []byte) func(path string, r *abci.ResponseQuery) {
	other := bytes.Clone(what)
	other[3] ^= 1
	return func(path string, r *abci.ResponseQuery) {
		r.Value = bytes.ReplaceAll(r.Value, what, other)
	}
}

// answerOf makes an answer another one.
func answerOf[T any, M interface {
	*T
	light.Message
}](t *testing.T, method string, change func(M)) func(path string, r *abci.ResponseQuery) {
	return func(path string, r *abci.ResponseQuery) {
		if path != "/kvshard.commitment.v1.Query/"+method {
			return
		}
		answer := M(new(T))
		chaintest.Must0(t, answer.Unmarshal(r.Value))
		change(answer)
		r.Value = chaintest.Must(answer.Marshal())(t)
	}
}

// TestLyingNode: a node changes one thing that it says, and is caught.
func TestLyingNode(t *testing.T) {
	c, leaves, hashes := lightChain(t)
	ctx := t.Context()
	height := c.Height()
	honest := light.At(nodeOf{c: c}, height, hashes[height], rootmulti.DefaultProofRuntime())
	frontier, anchor, err := honest.TreeState(ctx)
	chaintest.Must0(t, err)
	roots := chaintest.Must(honest.SubtreeRoots(ctx))(t)
	subtree := kvshard.Node(roots[0].Root)
	state := chaintest.Must(frontier.MarshalTreestate())(t)
	older := treeState(t, c, 0, 5)

	stateOf := func(c *light.Client) error { _, _, err := c.TreeState(ctx); return err }
	rootsOf := func(c *light.Client) error { _, err := c.SubtreeRoots(ctx); return err }
	leavesOf := func(c *light.Client) error { _, err := c.NodesUnder(ctx, subtree, 16, 0, 0); return err }
	witnessOf := func(c *light.Client) error { _, err := c.Leaf(ctx, 60_000, leaves[60_000]); return err }
	for name, lie := range map[string]struct {
		lie func(path string, r *abci.ResponseQuery)
		ask func(*light.Client) error
	}{
		"the tree state's leaf":      {flipIn(frontier.Leaf[:]), stateOf},
		"an ommer of the tree state": {flipIn(frontier.Ommers[1][:]), stateOf},
		"the subtree's root":         {flipIn(subtree[:]), rootsOf},
		"one leaf":                   {flipIn(leaves[40_000][:]), leavesOf},
		"an older tree state": {answerOf(t, "TreeState", func(r *types.QueryTreeStateResponse) {
			r.TreeState = older.TreeState
		}), stateOf},
		"a cut tree state": {answerOf(t, "TreeState", func(r *types.QueryTreeStateResponse) {
			r.TreeState = state[:len(state)-1]
		}), stateOf},
		"a tree state and more": {answerOf(t, "TreeState", func(r *types.QueryTreeStateResponse) {
			r.TreeState = append(bytes.Clone(state), 0)
		}), stateOf},
		"an empty tree": {answerOf(t, "TreeState", func(r *types.QueryTreeStateResponse) {
			r.TreeState = []byte{0, 0, 0}
		}), stateOf},
		"an older anchor": {answerOf(t, "RootAt", func(r *types.QueryRootAtResponse) {
			r.Anchor = types.Anchor{Height: 3}
		}), stateOf},
		"an anchor that is none": {answerOf(t, "RootAt", func(r *types.QueryRootAtResponse) {
			r.Anchor.Height--
		}), stateOf},
		"a height of a subtree": {answerOf(t, "SubtreeRoots", func(r *types.QuerySubtreeRootsResponse) {
			r.Roots[0].CompletingHeight++
		}), rootsOf},
		"no height of a subtree": {answerOf(t, "SubtreeRoots", func(r *types.QuerySubtreeRootsResponse) {
			r.Roots[0].CompletingHeight = 0
		}), rootsOf},
		"no subtree": {answerOf(t, "SubtreeRoots", func(r *types.QuerySubtreeRootsResponse) {
			r.Roots = nil
		}), rootsOf},
		"one subtree more": {answerOf(t, "SubtreeRoots", func(r *types.QuerySubtreeRootsResponse) {
			r.Roots = append(r.Roots, r.Roots[0])
		}), rootsOf},
		"no leaves":       {answerOf(t, "Nodes", func(r *types.QueryNodesResponse) { r.Nodes = nil }), leavesOf},
		"too many leaves": {answerOf(t, "Nodes", func(r *types.QueryNodesResponse) { r.Nodes = append(r.Nodes, r.Nodes...) }), leavesOf},
		"two leaves": {answerOf(t, "Nodes", func(r *types.QueryNodesResponse) {
			r.Nodes[5], r.Nodes[6] = r.Nodes[6], r.Nodes[5]
		}), leavesOf},
		"a sibling of the path": {answerOf(t, "Witness", func(r *types.QueryWitnessResponse) { r.Path[9][0] ^= 1 }), witnessOf},
		"a short path":          {answerOf(t, "Witness", func(r *types.QueryWitnessResponse) { r.Path = r.Path[:31] }), witnessOf},
		"a long path":           {answerOf(t, "Witness", func(r *types.QueryWitnessResponse) { r.Path = append(r.Path, r.Path[0]) }), witnessOf},
		"a node beyond the field": {answerOf(t, "Nodes", func(r *types.QueryNodesResponse) {
			r.Nodes[5] = bytes.Repeat([]byte{0xFF}, 32)
		}), leavesOf},
		"the newest size": {func(path string, r *abci.ResponseQuery) {
			if bytes.Equal(r.Key, types.NewestKey()) {
				newest := types.Newest{Count: 1, Size_: anchor.Size_ - 2, Total: 2}
				r.Value = chaintest.Must(newest.Marshal())(t)
			}
		}, stateOf},
		"that nothing was appended": {func(path string, r *abci.ResponseQuery) {
			if bytes.Equal(r.Key, types.NewestKey()) {
				r.Value = nil
			}
		}, stateOf},
		"no proof": {func(path string, r *abci.ResponseQuery) { r.ProofOps = nil }, stateOf},
	} {
		client := light.At(nodeOf{c: c, lie: lie.lie}, height, hashes[height], rootmulti.DefaultProofRuntime())
		if err := lie.ask(client); !errors.Is(err, light.ErrUnproven) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The state of another height.
	if err := stateOf(light.At(nodeOf{c: c}, height-1, hashes[height], rootmulti.DefaultProofRuntime())); !errors.Is(err, light.ErrUnproven) {
		t.Errorf("another application hash: %v", err)
	}
	if _, err := honest.Leaf(ctx, 60_000, leaves[60_001]); !errors.Is(err, light.ErrUnproven) || !errors.Is(err, kvshard.ErrInvalidWitness) {
		t.Errorf("a leaf that is elsewhere: %v", err)
	}
	for _, level := range []int{-1, 16, 17} {
		if _, err := honest.NodesUnder(ctx, subtree, 16, 0, level); err == nil {
			t.Errorf("level %d under 16", level)
		}
	}
}

// TestCheckNodes compares frontiers of every size with all nodes of each level.
func TestCheckNodes(t *testing.T) {
	leaves := chaintest.Leaves(0, 70)
	for size := range uint64(70) {
		kv := kvtest.NewMemStore()
		tree := chaintest.Must(kvshard.Open(kv))(t)
		if size > 0 {
			chaintest.Must(tree.AppendBatch(leaves[:size]))(t)
		}
		frontier := chaintest.Must(tree.Frontier())(t)
		for level := range 8 {
			nodes := chaintest.Must(tree.Nodes(level, 0, size>>level))(t)
			if err := light.CheckNodes(frontier, level, nodes); err != nil {
				t.Errorf("size %d, level %d: %v", size, level, err)
			}
			for i := range nodes {
				nodes[i][5] ^= 1
				if err := light.CheckNodes(frontier, level, nodes); !errors.Is(err, light.ErrUnproven) {
					t.Errorf("size %d, level %d, node %d is another: %v", size, level, i, err)
				}
				nodes[i][5] ^= 1
			}
			if err := light.CheckNodes(frontier, level, append(nodes, kvshard.Node{})); !errors.Is(err, light.ErrUnproven) {
				t.Error(fmt.Errorf("one node more: %w", err))
			}
		}
	}
}
