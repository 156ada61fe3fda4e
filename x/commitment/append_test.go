package commitment_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cosmos/gogoproto/proto"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/testutil"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// leaves makes n leaves, numbered from the first; they look as random as commitments.
func leaves(first, n int) [][]byte { return testutil.Bytes(testutil.Leaves(first, n)) }

func appendOf(a *testutil.Account, commitments ...[]byte) *types.MsgAppend {
	return &types.MsgAppend{Sender: a.Address(), Commitments: commitments}
}

func genesisWith(change func(*types.Params)) *types.GenesisState {
	state := types.DefaultGenesisState()
	change(&state.Params)
	return state
}

// events returns those of one message.
func events[E proto.Message](t *testing.T, all []abci.Event) (found []E) {
	t.Helper()
	var none E
	for _, e := range all {
		if e.Type == types.EventType(none) {
			found = append(found, testutil.Must(types.ParseEvent(e))(t).(E))
		}
	}
	return found
}

// TestAppend: in both modes the leaves are in the order of transactions and messages, the
// root is that of a tree in memory, the events tell the positions, and each leaf is
// proven against each anchor that has it.
func TestAppend(t *testing.T) {
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		t.Run(mode.String(), func(t *testing.T) {
			c := testutil.New(t, testutil.Config{Accounts: 3, Genesis: genesisWith(func(p *types.Params) { p.AppendMode = mode })})
			model := testutil.Must(kvshard.Open(kvtest.NewMemStore()))(t)
			var all []kvshard.Node
			for block := range 4 {
				var txs [][]byte
				var want []string
				for i, a := range c.Accounts {
					first := leaves(1000*block+100*i, 2+i)
					second := leaves(1000*block+100*i+50, 1)
					txs = append(txs, c.Tx(a, appendOf(a, first...), appendOf(a, second...)))
					want = append(want, fmt.Sprintf("%d at %d", len(first), len(all)), fmt.Sprintf("1 at %d", len(all)+len(first)))
					for _, leaf := range append(first, second...) {
						all = append(all, kvshard.Node(leaf))
					}
				}
				r := c.MustBlock(txs...)
				var got []string
				for _, result := range r.TxResults {
					for _, e := range events[*types.EventAppend](t, result.Events) {
						got = append(got, fmt.Sprintf("%d at %d", e.Count, e.First))
					}
				}
				for _, e := range events[*types.EventAppendQueued](t, r.Events) {
					got = append(got, fmt.Sprintf("%d at %d", e.Count, e.First))
				}
				if !slices.Equal(got, want) {
					t.Errorf("block %d: %v, want %v", block, got, want)
				}
				size := testutil.Must(model.Size())(t)
				testutil.Must(model.AppendBatch(all[size:]))(t)
				root := testutil.Must(model.Root())(t)
				anchors := events[*types.EventAnchor](t, r.Events)
				if len(anchors) != 1 || kvshard.Node(anchors[0].Root) != root || anchors[0].Size_ != uint64(len(all)) {
					t.Errorf("block %d: anchor %v, want %s of %d", block, anchors, root, len(all))
				}
			}
			c.Check()
			proves(t, c, all)
		})
	}
}

// proves asks for the witness of each leaf in each anchor that has it.
func proves(t *testing.T, c *testutil.Chain, all []kvshard.Node) {
	t.Helper()
	client := c.Client()
	heights := testutil.Must(client.Heights(t.Context(), &types.QueryHeightsRequest{}))(t).Heights
	for _, h := range heights {
		anchor := testutil.Must(client.RootAt(t.Context(), &types.QueryRootAtRequest{Height: uint32(h.Height)}))(t).Anchor
		for position := range h.Size_ {
			r := testutil.Must(client.Witness(t.Context(), &types.QueryWitnessRequest{Position: position, Height: uint32(h.Height)}))(t)
			w := kvshard.Witness{Position: position}
			for i, node := range r.Path {
				w.Path[i] = kvshard.Node(node)
			}
			if err := w.Verify(kvshard.Node(anchor.Root), all[position]); err != nil {
				t.Errorf("height %d: position %d: %v", h.Height, position, err)
			}
		}
	}
}

// TestAppendRefuses: a transaction with a bad commitment changes nothing.
func TestAppendRefuses(t *testing.T) {
	c := testutil.New(t, testutil.Config{})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, appendOf(a, leaves(0, 3)...)))
	before := testutil.Must(c.Client().Root(t.Context(), &types.QueryRootRequest{}))(t)
	high := make([]byte, 32)
	for i := range high {
		high[i] = 0xFF
	}
	for name, bad := range map[string][][]byte{
		"not canonical": {high},
		"short":         {make([]byte, 31)},
		"none":          {},
		"too many":      leaves(0, 1001),
	} {
		r := c.Block(c.Tx(a, appendOf(a, leaves(9, 1)...), appendOf(a, bad...)))
		if r.TxResults[0].Codespace != types.Codespace {
			t.Errorf("%s: %v", name, r.TxResults[0])
		}
	}
	if after := testutil.Must(c.Client().Root(t.Context(), &types.QueryRootRequest{}))(t); after.String() != before.String() {
		t.Errorf("the tree changed: %v, %v", before, after)
	}
}

// TestOutsideOfTransactions: what a block's own code appends is appended at once, behind
// what the block's transactions queued.
func TestOutsideOfTransactions(t *testing.T) {
	c := testutil.New(t, testutil.Config{Genesis: genesisWith(func(p *types.Params) { p.AppendMode = types.Queue })})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, appendOf(a, leaves(0, 3)...)))
	ctx := c.Context().WithExecMode(7).WithTxBytes(nil) // sdk.ExecModeFinalize
	first, queued, err := c.Keeper.Append(ctx, "other", leaves(3, 2))
	if first != 3 || queued || err != nil {
		t.Errorf("first %d, queued %t, %v", first, queued, err)
	}
}

// TestGenesisAppends: what a module appends in genesis is in the tree at once, in both modes,
// before what the first block's transactions bring.
func TestGenesisAppends(t *testing.T) {
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		c := testutil.New(t, testutil.Config{
			Genesis: genesisWith(func(p *types.Params) { p.AppendMode = mode }),
			AfterGenesis: func(ctx sdk.Context, k keeper.Keeper) error {
				first, queued, err := k.Append(ctx, "pool", leaves(0, 2))
				if first != 0 || queued {
					t.Errorf("%s: genesis appends at %d, queued %t", mode, first, queued)
				}
				return err
			},
		})
		a := c.Accounts[0]
		c.MustBlock(c.Tx(a, appendOf(a, leaves(2, 3)...)))
		c.Check()
		got := testutil.Must(c.Client().Nodes(t.Context(), &types.QueryNodesRequest{}))(t)
		if !slices.EqualFunc(got.Nodes, leaves(0, 5), bytes.Equal) {
			t.Errorf("%s: the leaves are in another order", mode)
		}
	}
}
