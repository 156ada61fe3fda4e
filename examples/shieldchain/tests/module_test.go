// Package tests tests kvshard and x/commitment on the SDK's own stores and
// application.
package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"

	"cosmossdk.io/collections"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/types"
)

const plenty = 50_000_000

// executors are the ways to run a block; they must not make a difference.
var executors = map[string]simtestutil.AppOptionsMap{
	"sequential": {},
	"block-stm":  {"block-executor": "block-stm", "block-stm-workers": 4},
}

func withMode(mode types.AppendMode) *types.Params {
	params := types.DefaultParams()
	params.AppendMode = mode
	return &params
}

// TestRealBlocks sends the commitments of real Zcash blocks, each in its own
// transaction, and gets the roots of Zcash's consensus.
func TestRealBlocks(t *testing.T) {
	for executor, options := range executors {
		for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
			t.Run(executor+"/"+mode.String(), func(t *testing.T) {
				blocks := chaintest.Must(realdata.Testnet())(t).Blocks
				c := chaintest.New(t, chaintest.Config{Accounts: 8, Params: withMode(mode), Options: options})
				for _, b := range blocks {
					var txs [][]byte
					for i, leaf := range b.Commitments {
						txs = append(txs, c.Tx(c.Accounts[i], plenty, chaintest.Append(c.Accounts[i], leaf)))
					}
					c.MustBlock(txs...)
					root, size := c.Root()
					if root != b.RootAfter || size != b.SizeAfter {
						t.Fatalf("after Zcash's block %d: root %s of %d, want %s of %d", b.Height, root, size, kvshard.Node(b.RootAfter), b.SizeAfter)
					}
				}
				c.Check()
			})
		}
	}
}

func TestQueries(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	leaves := chaintest.Leaves(0, 50)
	roots := map[int64]kvshard.Node{}
	for i, part := range [][]kvshard.Node{leaves[:20], nil, leaves[20:21], leaves[21:]} {
		if part == nil {
			c.MustBlock()
			continue
		}
		r := c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, part...)))
		root, size := c.Root()
		roots[c.Height()] = root

		appends := chaintest.TypedEvents[*types.EventAppend](t, r.TxResults[0].Events)
		want := types.EventAppend{Origin: a.Address().String(), First: size - uint64(len(part)), Count: uint32(len(part))}
		if len(appends) != 1 || *appends[0] != want {
			t.Errorf("block %d: append events %v", i, appends)
		}
		anchors := chaintest.TypedEvents[*types.EventAnchor](t, r.Events)
		if len(anchors) != 1 || !bytes.Equal(anchors[0].Root, root[:]) || anchors[0].Size_ != size || anchors[0].Height != uint64(c.Height()) {
			t.Errorf("block %d: anchor events %v", i, anchors)
		}
	}
	// Height 2 appended nothing: height 1's anchor holds.
	for height, want := range map[uint32]uint32{1: 1, 2: 1, 3: 3, 4: 4} {
		var r types.QueryRootAtResponse
		chaintest.Must0(t, c.Query(0, "RootAt", &types.QueryRootAtRequest{Height: height}, &r))
		if root := roots[int64(want)]; r.Anchor.Height != want || !bytes.Equal(r.Anchor.Root, root[:]) {
			t.Errorf("root at %d: %v, want that of %d", height, r.Anchor, want)
		}
		var w types.QueryWitnessResponse
		chaintest.Must0(t, c.Query(0, "Witness", &types.QueryWitnessRequest{Position: 7, Height: height}, &w))
		verify(t, w, leaves[7], roots[int64(want)])
	}
	var w types.QueryWitnessResponse
	chaintest.Must0(t, c.Query(0, "Witness", &types.QueryWitnessRequest{Position: 49}, &w))
	verify(t, w, leaves[49], roots[4])
	for height, root := range roots {
		var r types.QueryAnchorResponse
		chaintest.Must0(t, c.Query(0, "Anchor", &types.QueryAnchorRequest{Root: root[:]}, &r))
		if !r.Found || int64(r.Height) != height {
			t.Errorf("anchor of height %d: %v", height, r)
		}
	}
	var anchor types.QueryAnchorResponse
	chaintest.Must0(t, c.Query(0, "Anchor", &types.QueryAnchorRequest{Root: leaves[0][:]}, &anchor))
	if anchor.Found {
		t.Error("a leaf is taken for an anchor")
	}
	var leaf types.QueryLeafResponse
	chaintest.Must0(t, c.Query(0, "Leaf", &types.QueryLeafRequest{Position: 33}, &leaf))
	if !bytes.Equal(leaf.Leaf, leaves[33][:]) {
		t.Errorf("leaf 33 is %x", leaf.Leaf)
	}
	var size types.QuerySizeResponse
	chaintest.Must0(t, c.Query(0, "Size", &types.QuerySizeRequest{}, &size))
	var frontier types.QueryFrontierResponse
	chaintest.Must0(t, c.Query(0, "Frontier", &types.QueryFrontierRequest{}, &frontier))
	if size.Size_ != 50 || frontier.Size_ != 50 || len(frontier.Ommers) != 3 || !bytes.Equal(frontier.Leaf, leaves[49][:]) {
		t.Errorf("size %d, frontier %v", size.Size_, frontier)
	}
	// An old state still gives its old answers.
	chaintest.Must0(t, c.Query(1, "Size", &types.QuerySizeRequest{}, &size))
	if size.Size_ != 20 {
		t.Errorf("size %d at height 1", size.Size_)
	}
	for method, request := range map[string]chaintest.Message{
		"Leaf":    &types.QueryLeafRequest{Position: 50},
		"Witness": &types.QueryWitnessRequest{Position: 49, Height: 3},
		"RootAt":  &types.QueryRootAtRequest{Height: 5},
		"Anchor":  &types.QueryAnchorRequest{Root: []byte{1}},
	} {
		if err := c.Query(0, method, request, &types.QueryParamsResponse{}); err == nil {
			t.Errorf("%s %v: no error", method, request)
		}
	}
}

func verify(t *testing.T, r types.QueryWitnessResponse, leaf, root kvshard.Node) {
	t.Helper()
	w := kvshard.Witness{Position: r.Position}
	for i := range w.Path {
		w.Path[i] = kvshard.Node(r.Path[i])
	}
	if err := w.Verify(root, leaf); err != nil || !bytes.Equal(r.Root, root[:]) || !bytes.Equal(r.Leaf, leaf[:]) {
		t.Errorf("witness of %d: %v", r.Position, err)
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		t.Run(mode.String(), func(t *testing.T) {
			params := withMode(mode)
			params.MaxCommitments = 3
			c := chaintest.New(t, chaintest.Config{Params: params})
			a := c.Accounts[0]
			short := chaintest.Append(a, kvshard.Node{1})
			short.Commitments[0] = short.Commitments[0][:31]
			c.MustBlock() // commits genesis
			before := c.Dump()
			for name, msg := range map[string]*types.MsgAppend{
				"not canonical": chaintest.Append(a, kvshard.Node{1}, kvshard.Node{31: 0xFF}),
				"short":         short,
				"none":          chaintest.Append(a),
				"too many":      chaintest.Append(a, make([]kvshard.Node, 4)...),
			} {
				r := c.Block(c.Tx(a, plenty, msg)).TxResults[0]
				if r.Code == 0 || r.Codespace != types.Codespace {
					t.Errorf("%s: code %d of %s: %s", name, r.Code, r.Codespace, r.Log)
				}
			}
			chaintest.SameDump(t, "refused", before, c.Dump())
			c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{1})))
		})
	}
}

// TestGasOfHashes: a transaction pays the parameter's price for each hash that
// the tree counts. Nothing else changes with the price.
func TestGasOfHashes(t *testing.T) {
	leaves := chaintest.Leaves(0, 37)
	var hashes uint64
	counted := chaintest.Must(kvshard.Open(kvtest.NewMemStore(), kvshard.WithObserver(func(s kvshard.Stats) { hashes += s.Hashes })))(t)
	chaintest.Must(counted.AppendBatch(leaves))(t)
	if hashes < 30 {
		t.Fatalf("%d hashes", hashes)
	}
	var free uint64
	for _, price := range []uint64{0, 1, 1 << 10} {
		params := types.DefaultParams()
		params.GasPerHash = price
		c := chaintest.New(t, chaintest.Config{Params: &params})
		c.MustBlock() // commits genesis
		ctx := c.Context().WithGasMeter(storetypes.NewInfiniteGasMeter())
		// The length of the parameters' record depends on the price.
		k := c.App.Commitment
		_, err := k.View(ctx)
		chaintest.Must0(t, err)
		opened := ctx.GasMeter().GasConsumed()
		_, _, err = k.Append(ctx, "", chaintest.Append(c.Accounts[0], leaves...).Commitments)
		chaintest.Must0(t, err)
		used := ctx.GasMeter().GasConsumed() - 2*opened
		if price == 0 {
			free = used
		}
		if used != free+price*hashes {
			t.Errorf("price %d: %d gas, want %d and %d hashes", price, used, free, hashes)
		}
	}
}

// TestModesAgree sends the same messages in both modes: gas differs, the tree
// does not.
func TestModesAgree(t *testing.T) {
	var dumps [][]string
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		c := chaintest.New(t, chaintest.Config{Accounts: 5, Params: withMode(mode)})
		c.MustBlock() // commits genesis
		for round := range 5 {
			var txs [][]byte
			for i, a := range c.Accounts {
				leaves := chaintest.Leaves(1000*round+100*i, 7+i)
				txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, leaves[:3]...), chaintest.Append(a, leaves[3:]...)))
			}
			_, size := c.Root()
			r := c.MustBlock(txs...)
			var got, want []string
			for i, tx := range r.TxResults {
				for _, e := range chaintest.TypedEvents[*types.EventAppend](t, tx.Events) {
					got = append(got, fmt.Sprintf("%d: %d at %d", i, e.Count, e.First))
				}
			}
			for _, e := range chaintest.TypedEvents[*types.EventAppendQueued](t, r.Events) {
				got = append(got, fmt.Sprintf("%d: %d at %d", e.TxIndex, e.Count, e.First))
			}
			for i := range txs {
				want = append(want, fmt.Sprintf("%d: 3 at %d", i, size), fmt.Sprintf("%d: %d at %d", i, 4+i, size+3))
				size += uint64(7 + i)
			}
			if !slices.Equal(got, want) {
				t.Errorf("append events %v, want %v", got, want)
			}
		}
		c.Check()
		var dump []string
		for _, record := range c.Dump() {
			if !strings.HasPrefix(record, "01 ") { // the parameters
				dump = append(dump, record)
			}
		}
		dumps = append(dumps, dump)
	}
	chaintest.SameDump(t, "direct and queue", dumps[0], dumps[1])
}

func TestAnchorsArePruned(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAnchors = 3
	c := chaintest.New(t, chaintest.Config{Params: &params})
	a := c.Accounts[0]
	var roots []kvshard.Node
	for i := range 8 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{byte(i + 10)})))
		root, _ := c.Root()
		roots = append(roots, root)
		c.Check()
	}
	kept := func(want ...int) {
		t.Helper()
		for i, root := range roots {
			anchor, err := c.App.Commitment.FindAnchor(c.Context(), root)
			expected := false
			for _, w := range want {
				expected = expected || w == i
			}
			if found := err == nil; found != expected || (found && anchor.Height != uint32(i+1)) || (!found && !errors.Is(err, collections.ErrNotFound)) {
				t.Errorf("anchor %d: %v, %v", i, anchor, err)
			}
		}
	}
	kept(5, 6, 7)
	if _, err := c.App.Commitment.AnchorAt(c.Context(), 5); !errors.Is(err, collections.ErrNotFound) {
		t.Errorf("anchor at 5: %v", err)
	}

	// Fewer anchors: each new anchor then drops two of the older ones.
	params.MaxAnchors = 1
	c.MustBlock(c.Tx(a, plenty, &types.MsgUpdateParams{Authority: a.Address().String(), Params: params}))
	kept(5, 6, 7)
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{99})))
	kept(7)
	c.Check()
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{98})))
	kept()
	c.Check()
}

// TestSameRootTwice appends the value that an absent leaf has: the size grows,
// the root stays.
func TestSameRootTwice(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAnchors = 2
	c := chaintest.New(t, chaintest.Config{Params: &params})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{1})))
	first, _ := c.Root()
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{2})))
	if root, size := c.Root(); root != first || size != 2 {
		t.Fatalf("root %s of %d", root, size)
	}
	c.Check()
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{3}))) // prunes height 1
	if anchor, err := c.App.Commitment.FindAnchor(c.Context(), first); err != nil || anchor.Height != 2 || anchor.Size_ != 2 {
		t.Errorf("anchor %v, %v; want that of height 2", anchor, err)
	}
	c.Check()
}

func TestParamsByAuthority(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{Accounts: 2})
	authority, other := c.Accounts[0], c.Accounts[1]
	params := types.DefaultParams()
	params.AppendMode = types.Queue
	params.GasPerHash = 7
	r := c.Block(c.Tx(other, plenty, &types.MsgUpdateParams{Authority: other.Address().String(), Params: params}))
	if r.TxResults[0].Code == 0 {
		t.Error("anyone may change parameters")
	}
	r = c.Block(c.Tx(authority, plenty, &types.MsgUpdateParams{Authority: authority.Address().String()}))
	if r.TxResults[0].Code == 0 {
		t.Error("unsound parameters are taken")
	}
	// The mode changes in the middle of a block.
	c.MustBlock(
		c.Tx(other, plenty, chaintest.Append(other, kvshard.Node{10})),
		c.Tx(authority, plenty, &types.MsgUpdateParams{Authority: authority.Address().String(), Params: params}),
		c.Tx(other, plenty, chaintest.Append(other, kvshard.Node{11})),
	)
	var got types.QueryParamsResponse
	chaintest.Must0(t, c.Query(0, "Params", &types.QueryParamsRequest{}, &got))
	if got.Params != params {
		t.Errorf("got %v", got.Params)
	}
	if _, size := c.Root(); size != 2 {
		t.Errorf("%d leaves", size)
	}
	c.Check()
}

// TestGenesisRoundTrip exports a chain and starts another one with it. The store
// is the same, byte for byte, and stays the same.
func TestGenesisRoundTrip(t *testing.T) {
	for _, place := range []string{"in genesis", "in a file"} {
		t.Run(place, func(t *testing.T) {
			options := simtestutil.AppOptionsMap{}
			home := t.TempDir()
			if place == "in a file" {
				chaintest.Must0(t, os.Mkdir(filepath.Join(home, "config"), 0o755))
				options["home"] = home
			}
			c := chaintest.New(t, chaintest.Config{Options: options})
			a := c.Accounts[0]
			for i := range 12 {
				c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 31)...)))
			}
			exported := chaintest.Must(c.App.Export(false, nil))(t)
			if place == "in a file" {
				files := chaintest.Must(filepath.Glob(filepath.Join(home, "config", "*")))(t)
				if len(files) != 1 || !bytes.Contains(exported.AppState, []byte(filepath.Base(files[0]))) {
					t.Errorf("files %v", files)
				}
			}
			d := chaintest.New(t, chaintest.Config{Options: options, State: exported.AppState, From: c, InitialHeight: exported.Height})
			for i := range 3 {
				for _, chain := range []*chaintest.Chain{c, d} {
					b := chain.Accounts[0]
					chain.MustBlock(chain.Tx(b, plenty, chaintest.Append(b, chaintest.Leaves(9000+i, 5)...)))
					chain.Check()
				}
				chaintest.SameDump(t, "after import", c.Dump(), d.Dump())
			}
			var old, imported types.QueryWitnessResponse
			chaintest.Must0(t, c.Query(0, "Witness", &types.QueryWitnessRequest{Position: 200, Height: 12}, &old))
			chaintest.Must0(t, d.Query(0, "Witness", &types.QueryWitnessRequest{Position: 200, Height: 12}, &imported))
			if old.String() != imported.String() {
				t.Error("another witness after the import")
			}
		})
	}
}

// TestGenesisIsWhole: "genesis validate" finds a field of genesis that is null,
// misspelled or missing, and a chain does not start with such a genesis.
func TestGenesisIsWhole(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(0, 40)...)))
	var state map[string]json.RawMessage
	chaintest.Must0(t, json.Unmarshal(chaintest.Must(c.App.Export(false, nil))(t).AppState, &state))
	good := string(state[types.ModuleName])
	module := commitment.AppModule{}
	validate := func(text string) error {
		return module.ValidateGenesis(c.App.Codec(), nil, json.RawMessage(text))
	}
	for _, text := range []string{good, string(module.DefaultGenesis(c.App.Codec()))} {
		if err := validate(text); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	}
	var parts struct {
		Params, Tree map[string]json.RawMessage
	}
	chaintest.Must0(t, json.Unmarshal([]byte(good), &parts))
	with := func(field, value string) string {
		tree := maps.Clone(parts.Tree)
		if tree[field] = json.RawMessage(value); value == "" {
			delete(tree, field)
		}
		return string(chaintest.Must(json.Marshal(map[string]any{"params": parts.Params, "tree": tree}))(t))
	}
	if err := validate(with("size", string(parts.Tree["size"]))); err != nil {
		t.Errorf("put together again: %v", err)
	}
	for name, text := range map[string]string{
		"null":          `null`,
		"empty":         `{}`,
		"two values":    good + "{}",
		"null tree":     strings.Replace(good, `"tree":{`, `"tree":null,"other":{`, 1),
		"null params":   strings.Replace(good, `"params":{`, `"params":null,"other":{`, 1),
		"misspelled":    strings.Replace(good, `"tree"`, `"treee"`, 1),
		"null root":     with("root", "null"),
		"no root":       with("root", ""),
		"null hash":     with("sha256", "null"),
		"null data":     with("data", "null"),
		"no data":       with("data", ""),
		"data no text":  with("data", "7"),
		"null records":  with("records", "null"),
		"file and data": with("file", `"x"`),
		"unknown field": with("leaves", "1"),
		"history null":  strings.Replace(good, `"history":{`, `"history":null,"other":{`, 1),
		"history cut":   strings.Replace(good, `"sizes":"ASg="`, `"sizes":"AQ=="`, 1),
		"history stays": strings.Replace(good, `"sizes":"ASg="`, `"sizes":"ASgAAQ=="`, 1),
		"history text":  strings.Replace(good, `"sizes":"ASg="`, `"sizes":7`, 1),
	} {
		// Without data the tree is one to preload: only the store tells that it is not there.
		toPreload := name == "null data" || name == "no data"
		if err := validate(text); (err == nil) != toPreload {
			t.Errorf("%s: %v", name, err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a chain began with it", name)
				}
			}()
			empty := chaintest.New(t, chaintest.Config{})
			commitment.NewAppModule(empty.App.Commitment).InitGenesis(empty.Context(), empty.App.Codec(), json.RawMessage(text))
		}()
	}
	// The import finds what the text alone cannot show.
	short := chaintest.New(t, chaintest.Config{})
	defer func() {
		if recover() == nil {
			t.Error("a chain began with a size of null")
		}
	}()
	commitment.NewAppModule(short.App.Commitment).InitGenesis(short.Context(), short.App.Codec(), json.RawMessage(with("size", "null")))
}

func TestGenesisRefuses(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(0, 40)...)))
	exported := chaintest.Must(c.App.Export(false, nil))(t)
	if _, err := c.App.Export(true, nil); err == nil {
		t.Error("a tree with checkpoints is exported for height zero")
	}
	var data bytes.Buffer
	good := chaintest.Must(c.App.Commitment.ExportTree(c.Context(), &data))(t)

	for name, change := range map[string]func(data []byte, g *types.GenesisTree) []byte{
		"a bit":      func(data []byte, g *types.GenesisTree) []byte { data[300] ^= 1; return data },
		"cut":        func(data []byte, g *types.GenesisTree) []byte { return data[:len(data)-1] },
		"more":       func(data []byte, g *types.GenesisTree) []byte { return append(data, 1, 9, 1, 9) },
		"root":       func(data []byte, g *types.GenesisTree) []byte { g.Root = make([]byte, 32); return data },
		"size":       func(data []byte, g *types.GenesisTree) []byte { g.Size_++; return data },
		"records":    func(data []byte, g *types.GenesisTree) []byte { g.Records--; return data },
		"huge value": func(data []byte, g *types.GenesisTree) []byte { return []byte{0xff, 0xff, 0xff, 0xff, 0x7f} },
	} {
		empty := chaintest.New(t, chaintest.Config{})
		want := good
		changed := change(bytes.Clone(data.Bytes()), &want)
		if err := empty.App.Commitment.ImportTree(empty.Context(), bytes.NewReader(changed), want); err == nil {
			t.Errorf("%s: imported", name)
		}
	}
	// The exported genesis has the hash of the same tree.
	var state map[string]json.RawMessage
	chaintest.Must0(t, json.Unmarshal(exported.AppState, &state))
	var written types.GenesisState
	c.App.Codec().MustUnmarshalJSON(state[types.ModuleName], &written)
	if written.Tree.String() != good.String() {
		t.Error("the export names another tree")
	}
	// A start at a height for which the tree already has a checkpoint.
	func() {
		defer func() {
			if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "initial_height") {
				t.Errorf("started below the newest checkpoint: %v", r)
			}
		}()
		chaintest.New(t, chaintest.Config{State: exported.AppState, From: c, InitialHeight: 1})
	}()
}

// TestRewind takes the tree and the anchors back, as an upgrade handler would.
// The store is as it was at that height, and the chain goes on.
func TestRewind(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	var then []string
	for i := range 8 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 41)...)))
		if c.Height() == 5 {
			then = c.Dump()
		}
	}
	ctx := c.Context()
	chaintest.Must0(t, c.App.Commitment.Rewind(ctx, 5))
	chaintest.SameDump(t, "rewound", then, chaintest.Records(t, chaintest.CoreStore{KVStore: ctx.KVStore(c.App.StoreKey(types.StoreKey))}))
	chaintest.Must0(t, c.App.Commitment.EndBlock(ctx.WithBlockHeight(9)))
	if message, broken := c.App.Commitment.Invariant(ctx); broken {
		t.Error(message)
	}
	if err := c.App.Commitment.Rewind(ctx, 7); !errors.Is(err, kvshard.ErrCheckpointNotFound) {
		t.Errorf("rewound to a height that is gone: %v", err)
	}
}

// TestLoweredMaxAnchors: a chain whose max_anchors was lowered has more anchors than
// allowed until the next appends drop them, two a block. Genesis and Rewind keep those
// that the tree has.
func TestLoweredMaxAnchors(t *testing.T) {
	for _, retainEvery := range []uint32{0, 3} {
		params := types.DefaultParams()
		params.RetainEvery = retainEvery
		c := chaintest.New(t, chaintest.Config{Params: &params})
		a := c.Accounts[0]
		for i := range 9 {
			c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(10*i, 10)...)))
		}
		params.MaxAnchors = 2
		c.MustBlock(c.Tx(a, plenty, &types.MsgUpdateParams{Authority: a.Address().String(), Params: params}))
		before := c.Dump()
		exported := chaintest.Must(c.App.Export(false, nil))(t)
		d := chaintest.New(t, chaintest.Config{State: exported.AppState, From: c, InitialHeight: exported.Height})
		d.MustBlock()
		d.Check()
		chaintest.SameDump(t, "after import", before, d.Dump())
		c.MustBlock()
		for i := range 4 {
			for _, chain := range []*chaintest.Chain{c, d} {
				b := chain.Accounts[0]
				chain.MustBlock(chain.Tx(b, plenty, chaintest.Append(b, chaintest.Leaves(9000+i, 5)...)))
				chain.Check()
			}
			chaintest.SameDump(t, "later", c.Dump(), d.Dump())
		}
		for _, height := range []uint32{6, 9} {
			e := chaintest.New(t, chaintest.Config{State: exported.AppState, From: c, InitialHeight: exported.Height})
			e.MustBlock()
			ctx := e.Context()
			chaintest.Must0(t, e.App.Commitment.Rewind(ctx, height))
			if message, broken := e.App.Commitment.Invariant(ctx); broken {
				t.Errorf("rewound to %d: %s", height, message)
			}
		}
	}
}

// TestMigration removes the anchors, since version 1 had none, and runs the
// migration through the module manager.
func TestMigration(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	for i := range 5 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 9)...)))
	}
	want := c.Dump()
	ctx := c.Context()
	kv := chaintest.CoreStore{KVStore: ctx.KVStore(c.App.StoreKey(types.StoreKey))}
	if removed := removeAll(t, kv, 2, 9); removed != 5+5+1+5 {
		t.Fatalf("%d records of anchors and sizes", removed)
	}
	withoutBounds(t, c, kv)
	migrate(t, c, ctx, 1)
	// What is before the oldest checkpoint cannot be known.
	want = slices.Insert(want, slices.IndexFunc(want, func(r string) bool { return r > "08" }), "08 = 0000000000000001")
	chaintest.SameDump(t, "after migration", want, chaintest.Records(t, kv))
	if message, broken := c.App.Commitment.Invariant(ctx); broken {
		t.Error(message)
	}
}

// withoutBounds has parameters in the store as version 3 wrote them.
func withoutBounds(t *testing.T, c *chaintest.Chain, kv chaintest.CoreStore) {
	t.Helper()
	var params types.Params
	chaintest.Must0(t, params.Unmarshal(chaintest.Must(kv.Get([]byte{1}))(t)))
	params.MaxQueuedPerBlock, params.MaxWaiting = 0, 0
	chaintest.Must0(t, kv.Set([]byte{1}, chaintest.Must(params.Marshal())(t)))
}

// TestMigrationOfBounds: version 3 had no bounds of the queue, and parameters without
// them are not valid. The defaults are set, and nothing else changes.
func TestMigrationOfBounds(t *testing.T) {
	for maxCommitments, bound := range map[uint32]uint32{1000: 16_384, 70_000: 70_000} {
		params := withMode(types.Queue)
		params.MaxCommitments, params.MaxQueuedPerBlock, params.GasPerHash = maxCommitments, bound, 7
		c := chaintest.New(t, chaintest.Config{Params: params})
		a := c.Accounts[0]
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(0, 9)...)))
		want := c.Dump()
		ctx := c.Context()
		kv := chaintest.CoreStore{KVStore: ctx.KVStore(c.App.StoreKey(types.StoreKey))}
		withoutBounds(t, c, kv)
		if slices.Equal(want, chaintest.Records(t, kv)) {
			t.Fatal("the bounds are still there")
		}
		migrate(t, c, ctx, 3)
		chaintest.SameDump(t, "after migration", want, chaintest.Records(t, kv))
	}
	// A bound that is there stays.
	params := withMode(types.Queue)
	params.MaxQueuedPerBlock, params.MaxWaiting = 2000, 5
	c := chaintest.New(t, chaintest.Config{Params: params})
	c.MustBlock()
	ctx, want := c.Context(), c.Dump()
	migrate(t, c, ctx, 3)
	chaintest.SameDump(t, "bounds that are there", want, chaintest.Records(t, chaintest.CoreStore{KVStore: ctx.KVStore(c.App.StoreKey(types.StoreKey))}))
}

// TestBoundsOfTheQueue: parameters under which the queue could not be emptied are
// refused, and the error names the field.
func TestBoundsOfTheQueue(t *testing.T) {
	for says, change := range map[string]func(*types.Params){
		"max_queued_per_block is 999: it must be at least max_commitments, 1000": func(p *types.Params) { p.MaxQueuedPerBlock = 999 },
		"max_waiting must be at least 1":                                         func(p *types.Params) { p.MaxWaiting = 0 },
	} {
		params := types.DefaultParams()
		change(&params)
		if err := params.Validate(); !errors.Is(err, types.ErrInvalidParams) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	params := types.DefaultParams()
	params.MaxQueuedPerBlock = params.MaxCommitments
	chaintest.Must0(t, params.Validate())
}

// removeAll removes the records whose keys begin with the bytes from first to below
// end.
func removeAll(t *testing.T, kv chaintest.CoreStore, first, end byte) int {
	t.Helper()
	var keys [][]byte
	for entry, err := range kvshard.Entries(kv, []byte{first}, []byte{end}) {
		chaintest.Must0(t, err)
		keys = append(keys, entry.Key)
	}
	for _, key := range keys {
		chaintest.Must0(t, kv.Delete(key))
	}
	return len(keys)
}

// migrate runs the migrations from an older version through the module manager.
func migrate(t *testing.T, c *chaintest.Chain, ctx sdk.Context, version uint64) {
	t.Helper()
	from := c.App.Modules.GetVersionMap()
	from[types.ModuleName] = version
	to := chaintest.Must(c.App.Modules.RunMigrations(ctx, c.App.Configurator(), module.VersionMap(from)))(t)
	if to[types.ModuleName] != commitment.ConsensusVersion {
		t.Errorf("version %d", to[types.ModuleName])
	}
}

// TestInvariantFindsDamage changes one bit of each record in turn.
func TestInvariantFindsDamage(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	for i := range 5 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 30)...)))
	}
	damaged := 0
	whole := chaintest.CoreStore{KVStore: c.Context().KVStore(c.App.StoreKey(types.StoreKey))}
	for entry, err := range kvshard.Entries(whole, []byte{2}, nil) {
		chaintest.Must0(t, err)
		ctx := c.Context()
		entry.Value[len(entry.Value)/2] ^= 1
		ctx.KVStore(c.App.StoreKey(types.StoreKey)).Set(entry.Key, entry.Value)
		if _, broken := c.App.Commitment.Invariant(ctx); !broken {
			t.Errorf("record %x is damaged and nothing is found", entry.Key)
		}
		damaged++
	}
	if damaged < 20 {
		t.Errorf("only %d records", damaged)
	}
}
