package tests

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// A poolModule is a module that accepts notes of its own at the beginning and the end of
// each block, as a shielded pool or a bridge does.
type poolModule struct {
	keeper     keeper.Keeper
	begin, end func(context.Context, keeper.Keeper) error
}

func (poolModule) Name() string        { return "pool" }
func (poolModule) IsAppModule()        {}
func (poolModule) IsOnePerModuleType() {}
func (m poolModule) BeginBlock(ctx context.Context) error {
	return m.begin(ctx, m.keeper)
}
func (m poolModule) EndBlock(ctx context.Context) error { return m.end(ctx, m.keeper) }

func nothing(context.Context, keeper.Keeper) error { return nil }

// appendsOwn appends leaves that no transaction brought.
func appendsOwn(leaves ...kvshard.Node) func(context.Context, keeper.Keeper) error {
	return func(ctx context.Context, k keeper.Keeper) error {
		var commitments [][]byte
		for i := range leaves {
			commitments = append(commitments, leaves[i][:])
		}
		_, queued, err := k.Append(ctx, "pool", commitments)
		if err == nil && queued {
			err = fmt.Errorf("queued outside a transaction")
		}
		return err
	}
}

// withPool adds a module to the chain's application, before or behind x/commitment.
func withPool(c *chaintest.Chain, begin, end func(context.Context, keeper.Keeper) error, behind bool) {
	modules := c.App.Modules
	modules.Modules["pool"] = poolModule{c.App.Commitment, begin, end}
	place := func(order []string) []string {
		order = slices.DeleteFunc(slices.Clone(order), func(name string) bool { return name == "pool" })
		at := max(0, slices.Index(order, types.ModuleName))
		if behind {
			at++
		}
		return slices.Insert(order, min(at, len(order)), "pool")
	}
	modules.OrderBeginBlockers = place(modules.OrderBeginBlockers)
	modules.OrderEndBlockers = place(modules.OrderEndBlockers)
}

// TestPlacesOfAppend: in both modes, whichever place of a block a module appends at, and
// on which side of x/commitment, each accepted leaf is in the tree, in the order in which
// it was accepted, and in the anchor of its height or, behind x/commitment, of the next.
func TestPlacesOfAppend(t *testing.T) {
	leaf := func(block, place, i int) kvshard.Node { return chaintest.Leaves(100*block+10*place+i, 1)[0] }
	for executor, options := range executors {
		options = maps.Clone(options)
		options[app.FlagOptimisticExecution] = true
		for _, behind := range []bool{false, true} {
			var dumps [][]string
			for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
				name := fmt.Sprintf("%s/%s/behind=%v", executor, mode, behind)
				c := chaintest.New(t, chaintest.Config{Accounts: 3, Params: withMode(mode), Options: options})
				var want []kvshard.Node
				for block := range 6 {
					withPool(c, appendsOwn(leaf(block, 0, 0), leaf(block, 0, 1)), appendsOwn(leaf(block, 9, 0)), behind)
					want = append(want, leaf(block, 0, 0), leaf(block, 0, 1))
					var txs [][]byte
					for i, a := range c.Accounts {
						first, second := leaf(block, 1+i, 0), leaf(block, 1+i, 1)
						txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, first), chaintest.Append(a, second)))
						want = append(want, first, second)
					}
					want = append(want, leaf(block, 9, 0))
					switch block {
					case 2: // another proposal is executed, in part or as a whole
						c.Propose(txs[1:]...)
					case 4: // executed, and then the node crashes
						c.Propose(txs...)
						c.Finalize(txs...)
						c.Reopen()
						withPool(c, appendsOwn(leaf(block, 0, 0), leaf(block, 0, 1)), appendsOwn(leaf(block, 9, 0)), behind)
					}
					c.Propose(txs...)
					c.MustBlock(txs...)
					anchored := uint64(len(want))
					if behind {
						anchored--
					}
					anchor := chaintest.Must(c.App.Commitment.AnchorAt(c.Context(), uint64(c.Height())))(t)
					if anchor.Size_ != anchored || int64(anchor.Height) != c.Height() {
						t.Errorf("%s: block %d: anchor %v, want one of %d leaves", name, block, anchor, anchored)
					}
				}
				tree := chaintest.Must(c.App.Commitment.View(c.Context()))(t)
				if got := chaintest.Must(tree.Nodes(0, 0, uint64(len(want))))(t); !slices.Equal(got, want) {
					t.Errorf("%s: the leaves are in another order", name)
				}
				if _, size := c.Root(); size != uint64(len(want)) {
					t.Errorf("%s: %d leaves, %d were accepted", name, size, len(want))
				}
				if !behind {
					c.Check()
				}
				// What came behind x/commitment has its anchor at the next height.
				withPool(c, nothing, nothing, behind)
				c.Propose()
				c.MustBlock()
				c.Check()
				if anchor := chaintest.Must(c.App.Commitment.AnchorAt(c.Context(), uint64(c.Height())))(t); anchor.Size_ != uint64(len(want)) {
					t.Errorf("%s: anchor %v of %d leaves", name, anchor, len(want))
				}
				dumps = append(dumps, slices.DeleteFunc(c.Dump(), func(record string) bool { return record[:2] == "01" }))
			}
			chaintest.SameDump(t, executor+": direct and queue", dumps[0], dumps[1])
		}
	}
}
