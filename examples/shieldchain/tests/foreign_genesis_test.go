package tests

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestGenesisFromElsewhere: a chain begins with a tree that no chain made, whose
// checkpoints are not heights that appended: one is 0, some have the same size, one is
// retained, leaves come behind the newest. It goes on, is sound, and is exported and
// imported.
func TestGenesisFromElsewhere(t *testing.T) {
	type step struct {
		leaves int
		id     uint32
		retain bool
	}
	for name, steps := range map[string][]step{
		"checkpoint 0":             {{leaves: 3, id: 0}, {leaves: 4, id: 2}},
		"of the empty tree":        {{leaves: 0, id: 1}, {leaves: 4, id: 2}},
		"the same size":            {{leaves: 3, id: 0}, {leaves: 0, id: 1}, {leaves: 0, id: 4}, {leaves: 5, id: 7}, {leaves: 0, id: 8}},
		"retained, then others":    {{leaves: 3, id: 1, retain: true}, {leaves: 2, id: 5}, {leaves: 2, id: 6, retain: true}, {leaves: 2, id: 7}},
		"all retained":             {{leaves: 3, id: 1, retain: true}, {leaves: 5, id: 5, retain: true}},
		"leaves without an anchor": {{leaves: 3, id: 1}, {leaves: 66_000, id: 3}, {leaves: 4}},
		"no checkpoint":            {{leaves: 66_000}},
	} {
		t.Run(name, func(t *testing.T) {
			kv := kvtest.NewMemStore()
			tree := chaintest.Must(kvshard.Open(kv))(t)
			at := 0
			for i, s := range steps {
				if s.leaves > 0 {
					chaintest.Must(tree.AppendBatch(chaintest.Leaves(at, s.leaves)))(t)
					at += s.leaves
				}
				if s.id > 0 || i == 0 && len(steps) > 1 {
					chaintest.Must0(t, tree.Checkpoint(s.id))
				}
				if s.retain {
					chaintest.Must0(t, tree.RetainCheckpoint(s.id))
				}
			}
			var data bytes.Buffer
			state := chaintest.Must(keeper.WriteTree(tree, kv, 100, &data))(t)
			state.Data = data.Bytes()

			model := chaintest.New(t, chaintest.Config{})
			model.MustBlock()
			var genesis map[string]json.RawMessage
			exported := chaintest.Must(model.App.Export(false, nil))(t)
			chaintest.Must0(t, json.Unmarshal(exported.AppState, &genesis))
			genesis[types.ModuleName] = model.App.Codec().MustMarshalJSON(&types.GenesisState{Params: types.DefaultParams(), Tree: state})
			c := chaintest.New(t, chaintest.Config{State: chaintest.Must(json.Marshal(genesis))(t), From: model, InitialHeight: 20})
			a := c.Accounts[0]
			c.MustBlock()
			c.Check()
			c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(at, 5)...)))
			c.Check()
			anchor := chaintest.Must(c.App.Commitment.AnchorAt(c.Context(), 20))(t)
			if root := chaintest.Must(tree.Root())(t); !bytes.Equal(anchor.Root, root[:]) {
				t.Errorf("the anchor of the first height is %v", anchor)
			}

			exported = chaintest.Must(c.App.Export(false, nil))(t)
			d := chaintest.New(t, chaintest.Config{State: exported.AppState, From: c, InitialHeight: exported.Height})
			for _, chain := range []*chaintest.Chain{c, d} {
				chain.MustBlock(chain.Tx(chain.Accounts[0], plenty, chaintest.Append(chain.Accounts[0], chaintest.Leaves(at+9, 5)...)))
				chain.Check()
			}
			chaintest.SameDump(t, "after import", c.Dump(), d.Dump())
		})
	}
}
