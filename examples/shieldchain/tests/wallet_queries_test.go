package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"

	"cosmossdk.io/collections"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// rootOf hashes leaves, a power of two, to their root.
func rootOf(t *testing.T, leaves []kvshard.Node) kvshard.Node {
	t.Helper()
	row := slices.Clone(leaves)
	for level := 0; len(row) > 1; level++ {
		pairs := make([][2]kvshard.Node, len(row)/2)
		for i := range pairs {
			pairs[i] = [2]kvshard.Node{row[2*i], row[2*i+1]}
		}
		row = chaintest.Must(kvshard.CombineBatch(level, pairs))(t)
	}
	return row[0]
}

// TestWalletQueries: what a chain of three complete subtrees answers is what its leaves
// give, at each height.
func TestWalletQueries(t *testing.T) {
	params := types.DefaultParams()
	params.MaxCommitments, params.MaxQueuedPerBlock = 200_000, 200_000
	c := chaintest.New(t, chaintest.Config{Params: &params})
	a := c.Accounts[0]
	const total = 206_001
	leaves := chaintest.Leaves(0, total)
	sizes := map[uint64]uint64{}
	var size uint64
	for i, count := range []int{0, 65_000, 1_000, 0, 140_000, 1} {
		if count == 0 {
			c.MustBlock()
		} else {
			c.MustBlock(c.Tx(a, plenty*1000, chaintest.Append(a, leaves[size:size+uint64(count)]...)))
		}
		size += uint64(count)
		sizes[uint64(i)+1] = size
	}
	c.Check()

	var subtrees types.QuerySubtreeRootsResponse
	chaintest.Must0(t, c.Query(0, "SubtreeRoots", &types.QuerySubtreeRootsRequest{}, &subtrees))
	if len(subtrees.Roots) != 3 || subtrees.Size_ != total {
		t.Fatalf("%d subtrees of %d leaves", len(subtrees.Roots), subtrees.Size_)
	}
	for i, height := range []uint64{3, 5, 5} {
		want := rootOf(t, leaves[i<<16:(i+1)<<16])
		if got := subtrees.Roots[i]; !bytes.Equal(got.Root, want[:]) || got.CompletingHeight != height {
			t.Errorf("subtree %d: %x at height %d, want %s at %d", i, got.Root, got.CompletingHeight, want, height)
		}
	}
	for start, want := range map[uint64]int{1: 2, 2: 1, 3: 0} {
		chaintest.Must0(t, c.Query(0, "SubtreeRoots", &types.QuerySubtreeRootsRequest{Start: start}, &subtrees))
		if len(subtrees.Roots) != want {
			t.Errorf("%d subtrees from %d on", len(subtrees.Roots), start)
		}
	}
	chaintest.Must0(t, c.Query(0, "SubtreeRoots", &types.QuerySubtreeRootsRequest{Start: 1, Max: 1}, &subtrees))
	if len(subtrees.Roots) != 1 || subtrees.Roots[0].CompletingHeight != 5 {
		t.Errorf("one subtree: %v", subtrees)
	}

	for height, size := range sizes {
		state := treeState(t, c, 0, height)
		frontier := chaintest.Must(kvshard.ParseTreestate(state.TreeState))(t)
		if state.Size_ != size || state.Height != height || frontier.Size != size || state.Frontier.Size_ != size {
			t.Errorf("tree state of %d: size %d and %d, want %d", height, state.Size_, frontier.Size, size)
		}
		// The state that the chain had then knows nothing of what came after.
		var then types.QueryRootResponse
		chaintest.Must0(t, c.Query(int64(height), "Root", &types.QueryRootRequest{}, &then))
		root := chaintest.Must(frontier.Root())(t)
		if !bytes.Equal(state.Root, root[:]) || !bytes.Equal(then.Root, root[:]) {
			t.Errorf("tree state of %d: root %x, frontier's %s, want %x", height, state.Root, root, then.Root)
		}
		if old := treeState(t, c, int64(height), 0); old.String() != state.String() {
			t.Errorf("the newest state of height %d: %v, and later %v", height, &old, state)
		}
		anchor := map[uint64]uint64{1: 0, 2: 2, 3: 3, 4: 3, 5: 5, 6: 6}[height]
		if state.AnchorHeight != anchor {
			t.Errorf("anchor height %d of %d", state.AnchorHeight, height)
		}
	}

	var nodes types.QueryNodesResponse
	chaintest.Must0(t, c.Query(0, "Nodes", &types.QueryNodesRequest{Level: 0, First: 65_530}, &nodes))
	if len(nodes.Nodes) != types.MaxPage || nodes.Size_ != total || !bytes.Equal(nodes.Nodes[10], leaves[65_540][:]) {
		t.Errorf("%d leaves of %d", len(nodes.Nodes), nodes.Size_)
	}
	chaintest.Must0(t, c.Query(0, "Nodes", &types.QueryNodesRequest{Level: 8, First: 800, Max: 100}, &nodes))
	want := rootOf(t, leaves[800<<8:801<<8])
	if len(nodes.Nodes) != total>>8-800 || !bytes.Equal(nodes.Nodes[0], want[:]) {
		t.Errorf("%d nodes of level 8, want %d", len(nodes.Nodes), total>>8-800)
	}

	var heights types.QueryHeightsResponse
	chaintest.Must0(t, c.Query(0, "Heights", &types.QueryHeightsRequest{}, &heights))
	if got := fmt.Sprint(heights.Heights); got != "[{2 65000} {3 66000} {5 206000} {6 206001}]" || heights.Next != 0 || heights.KnownFrom != 0 {
		t.Errorf("heights %s, %v", got, heights)
	}
}

func treeState(t *testing.T, c *chaintest.Chain, at int64, height uint64) *types.QueryTreeStateResponse {
	t.Helper()
	var state types.QueryTreeStateResponse
	chaintest.Must0(t, c.Query(at, "TreeState", &types.QueryTreeStateRequest{Height: height}, &state))
	return &state
}

// TestPages reads the ranges of heights page by page.
func TestPages(t *testing.T) {
	params := types.DefaultParams()
	params.RetainEvery, params.MaxAnchors = 3, 4
	c := chaintest.New(t, chaintest.Config{Params: &params})
	a := c.Accounts[0]
	for i := range 20 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(i, 1)...)))
	}
	for _, max := range []uint32{1, 2, 3, 4, 100} {
		var anchors, heights []uint64
		for from, pages := uint64(2), 0; ; pages++ {
			var page types.QueryAnchorsResponse
			chaintest.Must0(t, c.Query(0, "Anchors", &types.QueryAnchorsRequest{From: from, To: 19, Max: max}, &page))
			for _, anchor := range page.Anchors {
				anchors = append(anchors, uint64(anchor.Height))
			}
			if from = page.Next; from == 0 {
				break
			}
		}
		for from := uint64(2); ; {
			var page types.QueryHeightsResponse
			chaintest.Must0(t, c.Query(0, "Heights", &types.QueryHeightsRequest{From: from, To: 19, Max: max}, &page))
			for _, h := range page.Heights {
				heights = append(heights, h.Height)
			}
			if from = page.Next; from == 0 {
				break
			}
		}
		if got := fmt.Sprint(anchors); got != "[3 6 9 12 15 16 17 18 19]" {
			t.Errorf("pages of %d: anchors %s", max, got)
		}
		if len(heights) != 18 || heights[0] != 2 || heights[17] != 19 || !slices.IsSorted(heights) {
			t.Errorf("pages of %d: heights %v", max, heights)
		}
	}
}

// TestRetainedAnchors: every n-th anchor stays, the others are pruned, and the tree's
// checkpoints are the same. So it is after export and import, and after a rewind.
func TestRetainedAnchors(t *testing.T) {
	params := types.DefaultParams()
	params.RetainEvery, params.MaxAnchors = 4, 3
	c := chaintest.New(t, chaintest.Config{Params: &params})
	a := c.Accounts[0]
	roots := map[uint32]kvshard.Node{}
	dumps := map[int64][]string{}
	for i := range 13 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(30*i, 30)...)))
		roots[uint32(c.Height())], _ = c.Root()
		dumps[c.Height()] = c.Dump()
		c.Check()
		c.MustBlock() // heights without an anchor do not count
	}
	kept := func(c *chaintest.Chain) (kept []uint32) {
		for height := uint32(1); height <= 26; height++ {
			anchor, err := c.App.Commitment.FindAnchor(c.Context(), roots[height])
			switch {
			case err == nil && anchor.Height != height:
				t.Errorf("the root of %d is that of %d", height, anchor.Height)
			case err == nil:
				kept = append(kept, height)
			case !errors.Is(err, collections.ErrNotFound):
				t.Error(err)
			}
		}
		return kept
	}
	// The 4th, 8th and 12th height that appended; the newest three of the others.
	if got := fmt.Sprint(kept(c)); got != "[7 15 19 21 23 25]" {
		t.Errorf("kept %s", got)
	}
	want := kept(c)

	exported := chaintest.Must(c.App.Export(false, nil))(t)
	d := chaintest.New(t, chaintest.Config{State: exported.AppState, From: c, InitialHeight: exported.Height})
	for i := range 5 {
		for _, chain := range []*chaintest.Chain{c, d} {
			b := chain.Accounts[0]
			chain.MustBlock(chain.Tx(b, plenty, chaintest.Append(b, chaintest.Leaves(9000+i, 5)...)))
			chain.Check()
		}
		chaintest.SameDump(t, "after import", c.Dump(), d.Dump())
	}

	for _, height := range want {
		e := chaintest.New(t, chaintest.Config{State: exported.AppState, From: c, InitialHeight: exported.Height})
		e.MustBlock()
		ctx := e.Context()
		chaintest.Must0(t, e.App.Commitment.Rewind(ctx, height))
		if message, broken := e.App.Commitment.Invariant(ctx); broken {
			t.Errorf("rewound to %d: %s", height, message)
		}
		if height == 25 {
			records := chaintest.Records(t, chaintest.CoreStore{KVStore: ctx.KVStore(e.App.StoreKey(types.StoreKey))})
			chaintest.SameDump(t, "rewound", dumps[25], records)
		}
	}
	// Nothing is retained any more, and what was stays.
	params.RetainEvery = 0
	c.MustBlock(c.Tx(a, plenty, &types.MsgUpdateParams{Authority: a.Address().String(), Params: params}))
	for i := range 8 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(9500+i, 1)...)))
		c.Check()
	}
	if got := fmt.Sprint(kept(c)); got != "[7 15 23]" {
		t.Errorf("kept %s", got)
	}
}

// TestSameRootForEver: a retained anchor is found by its root, also if a newer height
// with the same root comes and goes.
func TestSameRootForEver(t *testing.T) {
	params := types.DefaultParams()
	params.RetainEvery, params.MaxAnchors = 2, 1
	c := chaintest.New(t, chaintest.Config{Params: &params})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{1})))
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{3}))) // retained
	root, _ := c.Root()
	for range 3 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{2}))) // the absent leaf's value
		if same, _ := c.Root(); same != root {
			t.Fatal("another root")
		}
		c.Check()
	}
	for i := range 3 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{byte(10 + i)})))
		c.Check()
		if anchor, err := c.App.Commitment.FindAnchor(c.Context(), root); err != nil || anchor.Height != 2 {
			t.Errorf("anchor %v, %v", anchor, err)
		}
	}
}

// TestEmptyRootIsAnAnchor: before the first leaf and for ever.
func TestEmptyRootIsAnAnchor(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	empty := chaintest.Must(kvshard.EmptyRoot(kvshard.Depth))(t)
	for range 2 {
		c.MustBlock()
		var r types.QueryAnchorResponse
		chaintest.Must0(t, c.Query(0, "Anchor", &types.QueryAnchorRequest{Root: empty[:]}, &r))
		if !r.Found || r.Height != 0 || r.Size_ != 0 {
			t.Errorf("%v", r)
		}
		if anchor, err := c.App.Commitment.AnchorAt(c.Context(), 1); err != nil || !bytes.Equal(anchor.Root, empty[:]) {
			t.Errorf("%v, %v", anchor, err)
		}
		state := treeState(t, c, 0, 1)
		if state.Size_ != 0 || !bytes.Equal(state.Root, empty[:]) || !bytes.Equal(state.TreeState, make([]byte, 3)) || state.AnchorHeight != 0 {
			t.Errorf("%v", state)
		}
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(0, 3)...)))
	}
}

// TestWalletQueriesRefuse: a query that cannot be answered says why.
func TestWalletQueriesRefuse(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	for i := range 3 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(10*i, 10)...)))
	}
	for name, q := range map[string]struct {
		method  string
		request chaintest.Message
		says    string
	}{
		"level":          {"Nodes", &types.QueryNodesRequest{Level: 33}, "level 33, want 0 to 32"},
		"huge level":     {"Nodes", &types.QueryNodesRequest{Level: 1<<32 - 1}, "level 4294967295"},
		"huge page":      {"Nodes", &types.QueryNodesRequest{Max: 4097}, "at most 4096"},
		"first":          {"Nodes", &types.QueryNodesRequest{First: 31}, "31"},
		"huge first":     {"Nodes", &types.QueryNodesRequest{First: 1<<64 - 1}, "not complete"},
		"subtree":        {"SubtreeRoots", &types.QuerySubtreeRootsRequest{Start: 1}, "not complete"},
		"subtrees":       {"SubtreeRoots", &types.QuerySubtreeRootsRequest{Max: 1<<32 - 1}, "at most 4096"},
		"state to come":  {"TreeState", &types.QueryTreeStateRequest{Height: 4}, "height 4 is in the future: the newest block of this state is 3"},
		"state far off":  {"TreeState", &types.QueryTreeStateRequest{Height: 1<<64 - 1}, "is in the future"},
		"anchors to":     {"Anchors", &types.QueryAnchorsRequest{To: 4}, "is in the future"},
		"anchors turned": {"Anchors", &types.QueryAnchorsRequest{From: 3, To: 2}, "from is above to"},
		"anchors from":   {"Anchors", &types.QueryAnchorsRequest{From: 4}, "from is above to"},
		"anchors page":   {"Anchors", &types.QueryAnchorsRequest{Max: 4097}, "at most 4096"},
		"heights to":     {"Heights", &types.QueryHeightsRequest{To: 4}, "is in the future"},
		"heights page":   {"Heights", &types.QueryHeightsRequest{Max: 4097}, "at most 4096"},
		"root to come":   {"RootAt", &types.QueryRootAtRequest{Height: 4}, "is in the future"},
		"witness":        {"Witness", &types.QueryWitnessRequest{Height: 4}, "is in the future"},
	} {
		err := c.Query(0, q.method, q.request, &types.QueryParamsResponse{})
		if err == nil || !strings.Contains(err.Error(), q.says) {
			t.Errorf("%s: %v, want %q", name, err, q.says)
		}
	}
	// A state knows no block behind it.
	if err := c.Query(2, "TreeState", &types.QueryTreeStateRequest{Height: 3}, &types.QueryParamsResponse{}); err == nil || !strings.Contains(err.Error(), "the newest block of this state is 2") {
		t.Error(err)
	}
	var nodes types.QueryNodesResponse
	chaintest.Must0(t, c.Query(0, "Nodes", &types.QueryNodesRequest{First: 30}, &nodes))
	if len(nodes.Nodes) != 0 || nodes.Size_ != 30 {
		t.Errorf("at the end: %v", nodes)
	}
}

// TestMigrationOfSizes: version 2 had no sizes. What the tree's checkpoints cannot tell
// is an error, never another height's answer.
func TestMigrationOfSizes(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAnchors, params.MaxCommitments, params.MaxQueuedPerBlock = 3, 100_000, 100_000
	c := chaintest.New(t, chaintest.Config{Params: &params})
	a := c.Accounts[0]
	var at int
	for _, count := range []int{70_000, 1, 1, 70_000, 1, 70_000, 1} {
		c.MustBlock(c.Tx(a, plenty*1000, chaintest.Append(a, chaintest.Leaves(at, count)...)))
		at += count
	}
	ctx := c.Context()
	kv := chaintest.CoreStore{KVStore: ctx.KVStore(c.App.StoreKey(types.StoreKey))}
	if removed := removeAll(t, kv, 5, 9); removed != 7+3 {
		t.Fatalf("%d records of sizes and subtrees", removed)
	}
	newest := types.Newest{Count: 3, Size_: uint64(at)}
	chaintest.Must0(t, kv.Set([]byte{4}, chaintest.Must(newest.Marshal())(t)))
	// As a query of an old height finds it, after the upgrade.
	k := c.App.Commitment
	if _, err := k.AnchorAt(ctx, 1); !errors.Is(err, keeper.ErrHeightUnknown) {
		t.Errorf("before the migration: %v", err)
	}
	tree := chaintest.Must(kvshard.Open(kv))(t)
	chaintest.Must0(t, tree.RetainCheckpoint(5))
	migrate(t, c, ctx.WithBlockHeight(8), 2)
	if message, broken := k.Invariant(ctx); broken {
		t.Fatal(message)
	}
	query := keeper.NewQueryServer(k)
	ctx = ctx.WithBlockHeight(8)
	for height := uint64(1); height <= 8; height++ {
		state, err := query.TreeState(ctx, &types.QueryTreeStateRequest{Height: height})
		switch {
		case height < 5:
			if err == nil || !strings.Contains(err.Error(), "is before 6") {
				t.Errorf("height %d: %v, %v", height, state, err)
			}
		case err != nil || state.AnchorHeight != min(height, 7):
			t.Errorf("height %d: %v, %v", height, state, err)
		}
	}
	subtrees := chaintest.Must(query.SubtreeRoots(ctx, &types.QuerySubtreeRootsRequest{}))(t)
	var heights []uint64
	for _, s := range subtrees.Roots {
		heights = append(heights, s.CompletingHeight)
	}
	if got := fmt.Sprint(heights); got != "[0 0 0]" {
		t.Errorf("subtrees of heights that are not known: %s", got)
	}
	// What is appended from now on is known.
	_, _, err := k.Append(ctx, "", chaintest.Append(a, chaintest.Leaves(at, 70_000)...).Commitments)
	chaintest.Must0(t, err)
	chaintest.Must0(t, k.EndBlock(ctx))
	subtrees = chaintest.Must(query.SubtreeRoots(ctx, &types.QuerySubtreeRootsRequest{Start: 3}))(t)
	if len(subtrees.Roots) != 1 || subtrees.Roots[0].CompletingHeight != 8 {
		t.Errorf("%v", subtrees)
	}
	if message, broken := k.Invariant(ctx); broken {
		t.Error(message)
	}
}

// TestGenesisHistoryRefuses: sizes that the tree contradicts.
func TestGenesisHistoryRefuses(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	for i := range 3 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(40*i, 40)...)))
	}
	exported := chaintest.Must(c.App.Export(false, nil))(t)
	var state map[string]json.RawMessage
	chaintest.Must0(t, json.Unmarshal(exported.AppState, &state))
	good := string(state[types.ModuleName])
	const sizes = `"sizes":"ASgBKAEo"`
	for name, other := range map[string]string{
		"a size":       `"sizes":"ASkBJwEo"`,
		"a height":     `"sizes":"ASgCKAEo"`,
		"one missing":  `"sizes":"ASgCUA=="`,
		"one too many": `"sizes":"ASgBKAEoASg="`,
		"none":         `"sizes":""`,
	} {
		if !strings.Contains(good, sizes) {
			t.Fatalf("no %s in %s", sizes, good)
		}
		state[types.ModuleName] = json.RawMessage(strings.Replace(good, sizes, other, 1))
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "history") {
					t.Errorf("%s: %v", name, r)
				}
			}()
			chaintest.New(t, chaintest.Config{State: chaintest.Must(json.Marshal(state))(t), From: c, InitialHeight: exported.Height})
		}()
	}
}

// TestSwitchedOffQueries: a node does not answer what its operator switched off.
func TestSwitchedOffQueries(t *testing.T) {
	options := simtestutil.AppOptionsMap{app.FlagDisabledQueries: []string{"Witness", "Nodes"}}
	c := chaintest.New(t, chaintest.Config{Options: options})
	c.MustBlock(c.Tx(c.Accounts[0], plenty, chaintest.Append(c.Accounts[0], chaintest.Leaves(0, 3)...)))
	for method, request := range map[string]chaintest.Message{"Witness": &types.QueryWitnessRequest{}, "Nodes": &types.QueryNodesRequest{}} {
		if err := c.Query(0, method, request, &types.QueryParamsResponse{}); err == nil || !strings.Contains(err.Error(), "switched off on this node") {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, size := c.Root(); size != 3 {
		t.Errorf("%d leaves", size)
	}
	options[app.FlagDisabledQueries] = []string{"Wittness"}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), `"Wittness" is no query that can be switched off`) {
			t.Errorf("a query that there is not: %v", r)
		}
	}()
	chaintest.New(t, chaintest.Config{Options: options})
}
