package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	shieldtypes "github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// bounded has a queue that appends ten commitments in one block.
func bounded() *types.Params {
	params := withMode(types.Queue)
	params.MaxCommitments, params.MaxQueuedPerBlock, params.MaxWaiting = 10, 10, 1000
	return params
}

func waiting(c *chaintest.Chain) types.QueryQueueResponse {
	c.T.Helper()
	var r types.QueryQueueResponse
	chaintest.Must0(c.T, c.Query(0, "Queue", &types.QueryQueueRequest{}, &r))
	return r
}

// without drops the records whose keys begin with these bytes.
func without(dump []string, prefixes ...string) []string {
	return slices.DeleteFunc(slices.Clone(dump), func(record string) bool { return slices.Contains(prefixes, record[:2]) })
}

// ofTree is the dump without the parameters and the queue.
func ofTree(c *chaintest.Chain) []string { return without(c.Dump(), "01", "09", "0a") }

func inOrder(c *chaintest.Chain, what string, want []kvshard.Node) {
	c.T.Helper()
	tree := chaintest.Must(c.App.Commitment.View(c.Context()))(c.T)
	size := chaintest.Must(tree.Size())(c.T)
	if size > uint64(len(want)) || size+waiting(c).Waiting != uint64(len(want)) {
		c.T.Fatalf("%s: %d leaves, %d wait, and %d were accepted", what, size, waiting(c).Waiting, len(want))
	}
	if got := chaintest.Must(tree.Nodes(0, 0, size))(c.T); !slices.Equal(got, want[:size]) {
		c.T.Errorf("%s: the leaves are in another order than they were accepted in", what)
	}
}

// A mirror is a chain in the mode Direct that gets, in each block, what another chain's
// EndBlock took from the queue. It ends with the same tree, anchors and sizes.
type mirror struct{ *chaintest.Chain }

func (m mirror) follow(r *abci.ResponseFinalizeBlock, accepted []kvshard.Node) {
	m.T.Helper()
	var txs [][]byte
	for _, e := range chaintest.TypedEvents[*types.EventAppendQueued](m.T, r.Events) {
		txs = append(txs, m.Tx(m.Accounts[0], plenty, chaintest.Append(m.Accounts[0], accepted[e.First:e.First+uint64(e.Count)]...)))
	}
	m.MustBlock(txs...)
}

// TestBoundOfTheQueue: blocks that bring less than, as much as and more than a block
// appends, with both executors, one of them executed twice. Each call is appended as a
// whole, in the order of acceptance, and no block appends more than its bound. The mode
// Direct makes the same store of the same calls at the same heights.
func TestBoundOfTheQueue(t *testing.T) {
	for executor, options := range executors {
		c := chaintest.New(t, chaintest.Config{Accounts: 6, Params: bounded(), Options: options})
		m := mirror{chaintest.New(t, chaintest.Config{Accounts: 6, Params: withMode(types.Direct)})}
		c.MustBlock()
		m.MustBlock()
		var accepted []kvshard.Node
		var places []string // of all calls, in order
		var appended []string
		var sizes, backlog []uint64
		for block, counts := range [][]int{{3, 4}, {5, 5}, {10}, {6, 6, 6, 6}, {}, {1}, {10, 10, 10, 10, 10, 10}, {7, 2}, {}, {}, {}, {}, {}, {}, {}, {}, {3}, {}} {
			var txs [][]byte
			for i, count := range counts {
				leaves := chaintest.Leaves(1000*block+100*i, count)
				accepted = append(accepted, leaves...)
				a := c.Accounts[i]
				half := count / 2
				if half == 0 {
					txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, leaves...)))
					places = append(places, fmt.Sprintf("%d/%d/0 %d", c.Height()+1, i, count))
					continue
				}
				txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, leaves[:half]...), chaintest.Append(a, leaves[half:]...)))
				places = append(places, fmt.Sprintf("%d/%d/0 %d", c.Height()+1, i, half), fmt.Sprintf("%d/%d/1 %d", c.Height()+1, i, count-half))
			}
			if block%3 == 0 { // executed, and then the node crashes
				c.Finalize(txs...)
				c.Reopen()
			}
			r := c.MustBlock(txs...)
			var here uint64
			for _, e := range chaintest.TypedEvents[*types.EventAppendQueued](t, r.Events) {
				appended = append(appended, fmt.Sprintf("%d/%d/%d %d", e.Height, e.TxIndex, e.MsgIndex, e.Count))
				here += uint64(e.Count)
				if e.OutsideTx || e.Origin != c.Accounts[e.TxIndex].Address().String() {
					t.Errorf("%s: block %d: %v", executor, block, e)
				}
			}
			if here > 10 {
				t.Errorf("%s: block %d appended %d", executor, block, here)
			}
			inOrder(c, fmt.Sprintf("%s: block %d", executor, block), accepted)
			c.Check()
			m.follow(r, accepted)
			chaintest.SameDump(t, fmt.Sprintf("%s: block %d", executor, block), ofTree(m.Chain), ofTree(c))
			_, size := c.Root()
			sizes, backlog = append(sizes, size), append(backlog, waiting(c).Waiting)
		}
		// Three and three of six each are 9 of 10: the next three do not fit.
		if want := []uint64{0, 0, 0, 15, 6, 0, 50, 49, 39, 29, 19, 9, 0, 0, 0, 0, 0, 0}; !slices.Equal(backlog, want) {
			t.Errorf("%s: %d wait, want %d; sizes %d", executor, backlog, want, sizes)
		}
		if !slices.Equal(appended, places) {
			t.Errorf("%s: appended %q, accepted %q", executor, appended, places)
		}
		chaintest.SameDump(t, executor+": drained", without(m.Dump(), "01"), without(c.Dump(), "01"))
	}
}

// TestPlacesOfAppendInABacklog: a module that appends at the begin and the end of each
// block, on either side of x/commitment, gets its place behind what waits. Proposals are
// dropped, and a node crashes in between.
func TestPlacesOfAppendInABacklog(t *testing.T) {
	for executor, options := range executors {
		options = maps.Clone(options)
		options[app.FlagOptimisticExecution] = true
		for _, behind := range []bool{false, true} {
			name := fmt.Sprintf("%s/behind=%v", executor, behind)
			c := chaintest.New(t, chaintest.Config{Accounts: 4, Params: bounded(), Options: options})
			c.MustBlock()
			var want []kvshard.Node
			waited := 0
			for block := range 20 {
				begin, end := chaintest.Leaves(1000*block, 2), chaintest.Leaves(1000*block+500, 1)
				pool := func() { withPool(c, appends(begin...), appends(end...), behind) }
				pool()
				want = append(want, begin...)
				var txs [][]byte
				if block < 6 {
					for i, a := range c.Accounts {
						leaves := chaintest.Leaves(1000*block+100+10*i, 2+i)
						txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, leaves...)))
						want = append(want, leaves...)
					}
				}
				want = append(want, end...)
				if block == 3 {
					c.Propose(txs[1:]...)
					c.Propose(txs...)
					c.Finalize(txs...)
					c.Reopen()
					pool()
				}
				c.Propose(txs...)
				r := c.MustBlock(txs...)
				here := 0
				for _, e := range chaintest.TypedEvents[*types.EventAppendQueued](t, r.Events) {
					here += int(e.Count)
					if e.OutsideTx != (e.Origin == "pool") {
						t.Errorf("%s: %v", name, e)
					}
					if e.OutsideTx {
						waited++
					}
				}
				if here > 10 {
					t.Errorf("%s: block %d appended %d from the queue", name, block, here)
				}
				inOrder(c, fmt.Sprintf("%s: block %d", name, block), want)
			}
			if n := waiting(c).Waiting; n != 0 || waited == 0 {
				t.Errorf("%s: %d wait at the end; %d calls of the module waited", name, n, waited)
			}
			withPool(c, nothing, nothing, behind)
			c.Propose()
			c.MustBlock()
			c.Check()
		}
	}
}

// appends appends leaves that no transaction brought, at once or behind what waits.
func appends(leaves ...kvshard.Node) func(context.Context, keeper.Keeper) error {
	return func(ctx context.Context, k keeper.Keeper) error {
		var commitments [][]byte
		for i := range leaves {
			commitments = append(commitments, leaves[i][:])
		}
		_, _, err := k.Append(ctx, "pool", commitments)
		return err
	}
}

// TestQueueIsFull: while too many commitments wait, transactions are refused, in a
// simulation too; when fewer wait, the next is taken. Lowering the bound drops nothing.
func TestQueueIsFull(t *testing.T) {
	params := bounded()
	params.MaxWaiting = 20
	c := chaintest.New(t, chaintest.Config{Accounts: 6, Params: params})
	a := c.Accounts[0]
	c.MustBlock()
	fill := func(txs int) (want int) {
		var block [][]byte
		for i := range txs {
			block = append(block, c.Tx(c.Accounts[i], plenty, chaintest.Append(c.Accounts[i], chaintest.Leaves(int(c.Height())*1000+100*i, 10)...)))
		}
		c.MustBlock(block...)
		return 10 * txs
	}
	full := func(want bool, says string) {
		t.Helper()
		if r := waiting(c); r.Full != want {
			t.Errorf("%v", r)
		}
		tx := c.Sign(a, plenty, chaintest.Append(a, kvshard.Node{5}))
		_, _, err := c.App.Simulate(tx)
		if !want {
			chaintest.Must0(t, err)
			return
		}
		a.Sequence++
		r := c.Block(tx).TxResults[0]
		if r.Codespace != types.Codespace || r.Code != 6 || !strings.Contains(r.Log, says) || !errors.Is(err, types.ErrQueueFull) {
			t.Errorf("code %d of %s: %s; simulated: %v", r.Code, r.Codespace, r.Log, err)
		}
	}
	accepted := fill(3) // 10 are appended, 20 wait
	if r := waiting(c); r.Waiting != 20 || r.Next != 10 || !r.Full {
		t.Errorf("%v", r)
	}
	full(true, "20 commitments wait from earlier blocks, and at 20 no more are taken: send the transaction again in a later block")
	full(false, "")
	accepted += fill(6) // 10 waited and 10 of them were appended, 60 wait
	if r := waiting(c); r.Waiting != 60 || r.Next != 10 {
		t.Errorf("%v", r)
	}
	params.MaxWaiting = 7
	c.MustBlock(c.Tx(a, plenty, &types.MsgUpdateParams{Authority: a.Address().String(), Params: *params}))
	full(true, "50 commitments wait from earlier blocks, and at 7 no more are taken")
	for range 4 {
		c.MustBlock()
	}
	full(false, "")
	if _, size := c.Root(); size != uint64(accepted) {
		t.Errorf("%d leaves, %d were accepted", size, accepted)
	}
	c.Check()
}

// TestDrainBeforeDirect: the mode Direct begins when nothing is queued any more, so what
// was queued comes first.
func TestDrainBeforeDirect(t *testing.T) {
	for executor, options := range executors {
		params := bounded()
		c := chaintest.New(t, chaintest.Config{Accounts: 4, Params: params, Options: options})
		authority := c.Accounts[0]
		c.MustBlock()
		var want []kvshard.Node
		next := 0
		tx := func(i, count int) []byte {
			leaves := chaintest.Leaves(next, count)
			next += count
			want = append(want, leaves...)
			return c.Tx(c.Accounts[i], plenty, chaintest.Append(c.Accounts[i], leaves...))
		}
		set := func(mode types.AppendMode) []byte {
			changed := *params
			changed.AppendMode = mode
			return c.Tx(authority, plenty, &types.MsgUpdateParams{Authority: authority.Address().String(), Params: changed})
		}
		mode := func(want types.AppendMode) {
			t.Helper()
			var r types.QueryParamsResponse
			chaintest.Must0(t, c.Query(0, "Params", &types.QueryParamsRequest{}, &r))
			if r.Params.AppendMode != want {
				t.Errorf("%s: mode %s, want %s", executor, r.Params.AppendMode, want)
			}
			c.Check()
		}
		// Nothing waits: within the block.
		c.MustBlock(tx(1, 3), set(types.Direct), tx(2, 2))
		inOrder(c, executor+": in one block", want)
		mode(types.Direct)
		c.MustBlock(tx(1, 3), set(types.Queue), tx(2, 2))
		inOrder(c, executor+": to the queue", want)
		mode(types.Queue)
		// 15 wait.
		c.MustBlock(tx(1, 10), tx(2, 10), set(types.Direct), tx(3, 5))
		inOrder(c, executor+": a backlog", want)
		mode(types.Drain)
		c.MustBlock(tx(1, 3), set(types.Direct), tx(2, 5))
		inOrder(c, executor+": a backlog that grows", want)
		mode(types.Drain)
		c.MustBlock(set(types.Queue))
		mode(types.Queue)
		c.MustBlock(tx(1, 10), tx(2, 2), set(types.Drain), tx(3, 2))
		mode(types.Drain)
		for waiting(c).Waiting > 0 {
			mode(types.Drain)
			c.MustBlock()
			inOrder(c, executor+": drained", want)
		}
		mode(types.Direct)
		if r := c.MustBlock(tx(1, 4)); len(chaintest.TypedEvents[*types.EventAppend](t, r.TxResults[0].Events)) != 1 {
			t.Errorf("%s: not appended at once", executor)
		}
		inOrder(c, executor+": direct", want)
		// A queue of which nothing is left leaves no trace.
		if dump := c.Dump(); !slices.Equal(dump, without(dump, "09", "0a")) {
			t.Errorf("%s: the queue left records", executor)
		}
	}
}

// backlog is a chain with 35 commitments that wait.
func backlog(t *testing.T, params *types.Params) *chaintest.Chain {
	t.Helper()
	c := chaintest.New(t, chaintest.Config{Accounts: 5, Params: params})
	c.MustBlock()
	var txs [][]byte
	for i, a := range c.Accounts {
		txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 9)...)))
	}
	c.MustBlock(txs...) // height 2: 9 are appended, 36 wait
	c.MustBlock(c.Tx(c.Accounts[0], plenty, chaintest.Append(c.Accounts[0], chaintest.Leaves(1000, 8)...)))
	if n := waiting(c).Waiting; n != 35 {
		t.Fatalf("%d wait", n)
	}
	return c
}

// TestGenesisWithABacklog: what waits is part of genesis. The new chain has the same
// store, and appends the same in the same blocks.
func TestGenesisWithABacklog(t *testing.T) {
	c := backlog(t, bounded())
	exported := chaintest.Must(c.App.Export(false, nil))(t)
	d := chaintest.New(t, chaintest.Config{State: exported.AppState, From: c, InitialHeight: exported.Height})
	for block := range 5 {
		var responses []*abci.ResponseFinalizeBlock
		for _, chain := range []*chaintest.Chain{c, d} {
			a := chain.Accounts[1]
			responses = append(responses, chain.MustBlock(chain.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(5000+10*block, 4)...))))
			chain.Check()
		}
		chaintest.SameDump(t, fmt.Sprintf("block %d after the import", block), c.Dump(), d.Dump())
		events := func(i int) string {
			return fmt.Sprint(chaintest.TypedEvents[*types.EventAppendQueued](t, responses[i].Events))
		}
		if events(0) != events(1) {
			t.Errorf("block %d: %s and %s", block, events(0), events(1))
		}
	}
}

// TestGenesisRefusesABadBacklog: the error names the field.
func TestGenesisRefusesABadBacklog(t *testing.T) {
	c := backlog(t, bounded())
	var state map[string]json.RawMessage
	chaintest.Must0(t, json.Unmarshal(chaintest.Must(c.App.Export(false, nil))(t).AppState, &state))
	for says, change := range map[string]func(*types.GenesisState){
		"waiting: number 1: commitments: 287 bytes":                                  func(g *types.GenesisState) { g.Waiting[1].Commitments = g.Waiting[1].Commitments[:287] },
		"waiting: number 2: commitments: 0 bytes":                                    func(g *types.GenesisState) { g.Waiting[2].Commitments = nil },
		"waiting: number 0: commitments: number 3":                                   func(g *types.GenesisState) { g.Waiting[0].Commitments[3*32+31] = 0xFF },
		"waiting: number 2: height: 1 is below":                                      func(g *types.GenesisState) { g.Waiting[2].Height = 1 },
		"waiting: 35 commitments wait, and params.append_mode is APPEND_MODE_DIRECT": func(g *types.GenesisState) { g.Params.AppendMode = types.Direct },
		"waiting: 35 commitments wait for a tree of":                                 func(g *types.GenesisState) { g.Tree.Size_ = 1<<32 - 34 },
	} {
		var genesis types.GenesisState
		c.App.Codec().MustUnmarshalJSON(state[types.ModuleName], &genesis)
		chaintest.Must0(t, genesis.Validate())
		change(&genesis)
		if err := (commitment.AppModule{}).ValidateGenesis(c.App.Codec(), nil, c.App.Codec().MustMarshalJSON(&genesis)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	// The height of a call is known only where the chain starts.
	var genesis types.GenesisState
	c.App.Codec().MustUnmarshalJSON(state[types.ModuleName], &genesis)
	genesis.Waiting[3].Height = 4
	empty := chaintest.New(t, chaintest.Config{})
	if err := empty.App.Commitment.InitGenesis(empty.Context().WithBlockHeight(4), genesis); err == nil || !strings.Contains(err.Error(), "waiting: number 3 was accepted at height 4, the chain starts at 4: set initial_height above it") {
		t.Error(err)
	}
}

// TestDamagedBacklog: records of the queue that are damaged or gone are an error of
// EndBlock and of the invariant, and no panic; and nothing was written before it.
func TestDamagedBacklog(t *testing.T) {
	c := backlog(t, bounded())
	store := c.App.StoreKey(types.StoreKey)
	var first, second kvshard.Entry
	for entry, err := range kvshard.Entries(chaintest.CoreStore{KVStore: c.Context().KVStore(store)}, []byte{10}, []byte{11}) {
		chaintest.Must0(t, err)
		if first.Key == nil {
			first = entry
		} else if second.Key == nil {
			second = entry
		}
	}
	for name, change := range map[string]func(set func(key, value []byte)){
		"more wait than there are":   func(set func(key, value []byte)) { set([]byte{9}, []byte{0, 0, 0, 0, 0, 0, 0, 36}) },
		"a number of another length": func(set func(key, value []byte)) { set([]byte{9}, []byte{35}) },
		"a huge number":              func(set func(key, value []byte)) { set([]byte{9}, bytes.Repeat([]byte{0xFF}, 8)) },
		"the first is gone":          func(set func(key, value []byte)) { set(first.Key, nil) },
		"no message":                 func(set func(key, value []byte)) { set(first.Key, []byte{0xFF, 0xFF}) },
		"an empty message":           func(set func(key, value []byte)) { set(first.Key, []byte{8, 1}) },
		"cut":                        func(set func(key, value []byte)) { set(first.Key, first.Value[:len(first.Value)-1]) },
		"not canonical": func(set func(key, value []byte)) {
			value := bytes.Clone(first.Value)
			value[len(value)-1] = 0xFF
			set(first.Key, value)
		},
		"fewer wait than there are": func(set func(key, value []byte)) { set([]byte{9}, []byte{0, 0, 0, 0, 0, 0, 0, 8}) },
		"another one in between": func(set func(key, value []byte)) {
			set(append(bytes.Clone(second.Key[:8]), second.Key[8]+1), second.Value)
		},
		"the heights turned": func(set func(key, value []byte)) { set(second.Key, append([]byte{8, 1}, second.Value[2:]...)) },
	} {
		ctx := c.Context()
		kv := ctx.KVStore(store)
		change(func(key, value []byte) {
			if kv.Delete(key); value != nil {
				kv.Set(key, value)
			}
		})
		if _, broken := c.App.Commitment.Invariant(ctx); !broken {
			t.Errorf("%s: the invariant finds nothing", name)
		}
		before := chaintest.Records(t, chaintest.CoreStore{KVStore: kv})
		err := c.App.Commitment.EndBlock(ctx.WithBlockHeight(4))
		switch name {
		case "another one in between", "the heights turned", "more wait than there are":
			continue // this block does not come to it
		}
		if err == nil {
			t.Errorf("%s: EndBlock appends", name)
		}
		chaintest.SameDump(t, name, before, chaintest.Records(t, chaintest.CoreStore{KVStore: kv}))
	}
}

// TestDamagedBlockQueue: so is a damaged record of the transient store.
func TestDamagedBlockQueue(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{Params: bounded()})
	c.MustBlock()
	call := &types.QueuedCall{Height: 2, Commitments: make([]byte, 64)}
	good := chaintest.Must(types.PackCall(nil, call))(t)
	for name, record := range map[string][2][]byte{
		"good":                {make([]byte, 8), good},
		"good, two calls":     {make([]byte, 8), append(bytes.Clone(good), good...)},
		"a key":               {make([]byte, 7), good},
		"a short counter":     {{0}, make([]byte, 7)},
		"cut":                 {make([]byte, 8), good[:len(good)-1]},
		"more":                {make([]byte, 8), append(bytes.Clone(good), 1)},
		"a huge length":       {make([]byte, 8), bytes.Repeat([]byte{0xFF}, 9)},
		"an endless length":   {make([]byte, 8), bytes.Repeat([]byte{0xFF}, 11)},
		"no commitments":      {make([]byte, 8), {2, 8, 1}},
		"a part of one":       {make([]byte, 8), chaintest.Must(types.PackCall(nil, &types.QueuedCall{Commitments: make([]byte, 33)}))(t)},
		"one that is no leaf": {make([]byte, 8), chaintest.Must(types.PackCall(nil, &types.QueuedCall{Commitments: bytes.Repeat([]byte{0xFF}, 32)}))(t)},
	} {
		queue := kvtest.NewMemStore()
		queue.Put(record[0], record[1])
		ctx := c.Context().WithBlockHeight(2)
		kv := chaintest.CoreStore{KVStore: ctx.KVStore(c.App.StoreKey(types.StoreKey))}
		k := keeper.NewKeeper(c.App.Codec(), service{kv}, queueIn{queue}, nil, "")
		if err := k.EndBlock(ctx); (err == nil) != strings.HasPrefix(name, "good") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRewindOfABacklog: what is left is a beginning of what was accepted.
func TestRewindOfABacklog(t *testing.T) {
	c := backlog(t, bounded()) // accepted at 2: 45, at 3: 8
	ctx := c.Context()
	k := c.App.Commitment
	size := func() uint64 { return chaintest.Must(chaintest.Must(k.View(ctx))(t).Size())(t) }
	check := func(what string, leaves, wait uint64) {
		t.Helper()
		if got := chaintest.Must(k.Waiting(ctx))(t); size() != leaves || got != wait {
			t.Errorf("%s: %d leaves, %d wait; want %d and %d", what, size(), got, leaves, wait)
		}
		if message, broken := k.Invariant(ctx); broken {
			t.Errorf("%s: %s", what, message)
		}
	}
	check("before", 18, 35)
	// Height 3 appended nine of height 2: all behind them goes.
	chaintest.Must0(t, k.Rewind(ctx, 2))
	check("to 2", 9, 0)
	// Nothing was appended after height 3: what it accepted stays.
	ctx = c.Context()
	chaintest.Must0(t, k.Rewind(ctx, 3))
	check("to 3", 18, 35)
	// A block that accepted, and that appended nothing: what it accepted goes.
	var genesis types.GenesisState
	chaintest.Must0(t, func() error {
		state, err := k.ExportGenesis(ctx)
		if err == nil {
			genesis = *state
		}
		return err
	}())
	genesis.Waiting[3].Height = 4
	empty := chaintest.New(t, chaintest.Config{})
	ctx, k = empty.Context().WithBlockHeight(9), empty.App.Commitment
	chaintest.Must0(t, k.InitGenesis(ctx, genesis))
	check("imported", 18, 35)
	chaintest.Must0(t, k.Rewind(ctx, 3))
	check("without height 4", 18, 27)
	genesis.Waiting = genesis.Waiting[3:]
	empty = chaintest.New(t, chaintest.Config{})
	ctx, k = empty.Context().WithBlockHeight(9), empty.App.Commitment
	chaintest.Must0(t, k.InitGenesis(ctx, genesis))
	chaintest.Must0(t, k.Rewind(ctx, 3))
	check("nothing left", 18, 0)
	if _, err := k.AnchorAt(ctx, 2); err != nil {
		t.Error(err)
	}
	if err := k.Rewind(ctx, 7); !errors.Is(err, kvshard.ErrCheckpointNotFound) {
		t.Error(err)
	}
}

// TestLongCallIsAppended: a call that is longer than the bound, because the bounds were
// lowered while it waited, is appended alone. So the queue always moves.
func TestLongCallIsAppended(t *testing.T) {
	params := bounded()
	params.MaxCommitments, params.MaxQueuedPerBlock = 30, 30
	c := chaintest.New(t, chaintest.Config{Accounts: 3, Params: params})
	c.MustBlock()
	params.MaxCommitments, params.MaxQueuedPerBlock = 5, 5
	txs := [][]byte{}
	for i, a := range c.Accounts {
		txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 20)...)))
	}
	a := c.Accounts[0]
	c.MustBlock(append(txs, c.Tx(a, plenty, &types.MsgUpdateParams{Authority: a.Address().String(), Params: *params}))...)
	for _, want := range []uint64{40, 20, 0} {
		if r := waiting(c); r.Waiting != want {
			t.Errorf("%v, want %d", r, want)
		}
		c.MustBlock()
	}
	c.Check()
}

// TestBundleAtAFullQueue: a payment that is refused because too much waits leaves nothing
// behind, and is taken when less waits.
func TestBundleAtAFullQueue(t *testing.T) {
	params := bounded()
	params.MaxWaiting = 1
	s := begin(t, chaintest.Config{Accounts: 3, Params: params})
	var txs [][]byte
	for i, a := range s.Accounts {
		txs = append(txs, s.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 10)...)))
	}
	s.MustBlock(txs...) // 20 wait
	before, coins := s.DumpOf(shieldtypes.StoreKey), s.DumpOf("bank")
	r := s.Block(s.Tx(s.Accounts[0], plenty, s.msg("shield"))).TxResults[0]
	if r.Code != 6 || r.Codespace != types.Codespace {
		t.Errorf("code %d of %s: %s", r.Code, r.Codespace, r.Log)
	}
	chaintest.SameDump(t, "x/shield, refused", before, s.DumpOf(shieldtypes.StoreKey))
	chaintest.SameDump(t, "x/bank, refused", coins, s.DumpOf("bank"))
	s.MustBlock()
	s.MustBlock(s.Tx(s.Accounts[0], plenty, s.msg("shield")))
	if slices.Equal(before, s.DumpOf(shieldtypes.StoreKey)) {
		t.Error("the payment was not taken")
	}
	s.Check()
}
