package commitment_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/testutil"
	"github.com/kvshard/kvshard/x/commitment/types"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func urlOf(b []byte) string { return url.QueryEscape(base64Of(b)) }

// TestGenesis: a chain that starts from another's genesis has the same tree and anchors,
// and goes on as it does.
func TestGenesis(t *testing.T) {
	c := testutil.New(t, testutil.Config{Genesis: genesisWith(func(p *types.Params) { p.MaxAnchors, p.RetainEvery = 3, 2 })})
	for block := range 6 {
		a := c.Accounts[0]
		c.MustBlock(c.Tx(a, appendOf(a, leaves(100*block, 30)...)))
	}
	exported := c.Export()
	d := testutil.New(t, testutil.Config{Genesis: exported, InitialHeight: c.Height() + 1})
	d.Accounts[0].Sequence = 0
	for _, chain := range []*testutil.Chain{c, d} {
		a := chain.Accounts[0]
		chain.MustBlock(chain.Tx(a, appendOf(a, leaves(1000, 5)...)))
		chain.Check()
	}
	if a, b := c.Export(), d.Export(); a.String() != b.String() {
		t.Errorf("after the import, %v and %v", a, b)
	}
}

// TestGenesisWithoutHistory: of leaves that were there before the first height, the chain
// knows no more if that is 1 than if it is another. The SDK has height 0 then.
func TestGenesisWithoutHistory(t *testing.T) {
	for first, size := range map[int64]int{1: 65_600, 2: 10, 20: 10} {
		kv := kvtest.NewMemStore()
		tree := testutil.Must(kvshard.Open(kv))(t)
		testutil.Must(tree.AppendBatch(make([]kvshard.Node, size)))(t)
		var data bytes.Buffer
		state := testutil.Must(keeper.WriteTree(tree, kv, 100, &data))(t)
		state.Data = data.Bytes()
		c := testutil.New(t, testutil.Config{Genesis: &types.GenesisState{Params: types.DefaultParams(), Tree: state}, InitialHeight: first})
		c.MustBlock()
		c.Check()
		if from, err := c.Keeper.KnownFrom(c.Context()); int64(from) != first || err != nil {
			t.Errorf("first height %d: sizes are known from %d, %v", first, from, err)
		}
		if size, _, err := c.Keeper.SizeAt(c.Context(), uint64(first)-1); !errors.Is(err, keeper.ErrHeightUnknown) {
			t.Errorf("first height %d: %d leaves before it, %v", first, size, err)
		}
		subtrees := testutil.Must(keeper.NewQueryServer(c.Keeper).SubtreeRoots(c.Context(), &types.QuerySubtreeRootsRequest{}))(t)
		for _, subtree := range subtrees.Roots {
			if subtree.CompletingHeight != 0 {
				t.Errorf("first height %d: height %d completed a subtree that was there before", first, subtree.CompletingHeight)
			}
		}
	}
}

// TestGenesisNamesTheField: what is wrong with genesis is said with the field's name.
func TestGenesisNamesTheField(t *testing.T) {
	c := testutil.New(t, testutil.Config{})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, appendOf(a, leaves(0, 40)...)))
	good := string(c.Codec.MustMarshalJSON(c.Export()))
	module := commitment.AppModule{}
	validate := func(text string) error { return module.ValidateGenesis(c.Codec, nil, json.RawMessage(text)) }
	for _, text := range []string{good, string(module.DefaultGenesis(c.Codec))} {
		testutil.Must0(t, validate(text))
	}
	for field, change := range map[string][2]string{
		"params: max_anchors":      {`"max_anchors":100`, `"max_anchors":0`},
		"params: max_commitments":  {`"max_commitments":1000`, `"max_commitments":0`},
		"params: unknown append":   {`"APPEND_MODE_DIRECT"`, `7`},
		"tree: root: ":             {`"tree":{"root":"`, `"tree":{"root":"AAAA`},
		"tree: sha256: ":           {`"sha256":"`, `"sha256":"AAAA`},
		"tree: size: ":             {`"records":"`, `"records":"0","records":"`},
		"history: sizes: height n": {`"sizes":"ASg="`, `"sizes":"ASgAAQ=="`},
		"history: sizes: size num": {`"sizes":"ASg="`, `"sizes":"AQ=="`},
		`unknown field "treee"`:    {`"tree"`, `"treee"`},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if field == "tree: size: " {
			text = cut(good, `"records":"`)
		}
		if text == good {
			t.Fatalf("%s: there is no %s in %s", field, change[0], good)
		}
		if err := validate(text); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, text := range []string{"", "null", "{}", good + "{}", good[:len(good)-1]} {
		if err := validate(text); err == nil {
			t.Errorf("%.20q… is valid", text)
		}
	}
}

// cut empties the string that follows.
func cut(text, start string) string {
	i := strings.Index(text, start) + len(start)
	value := ""
	if strings.HasPrefix(start, `"records"`) {
		value = "0"
	}
	return text[:i] + value + text[i+strings.Index(text[i:], `"`):]
}

// TestGenesisKnownFrom: a history cannot begin above the chain's first height. It would hide
// the anchors of the heights in between.
func TestGenesisKnownFrom(t *testing.T) {
	c := testutil.New(t, testutil.Config{})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, appendOf(a, leaves(0, 40)...)))
	for knownFrom, want := range map[uint64]bool{0: true, 1: true, 2: true, 3: false, 1<<64 - 1: false} {
		state := c.Export()
		state.History.KnownFrom = knownFrom
		var got error
		testutil.New(t, testutil.Config{InitialHeight: 2, AfterGenesis: func(ctx sdk.Context, k keeper.Keeper) error {
			cached, _ := ctx.CacheContext()
			got = k.InitGenesis(cached, *state)
			return nil
		}})
		if (got == nil) != want || !want && !strings.Contains(got.Error(), "history: known_from is height") {
			t.Errorf("known_from %d: %v", knownFrom, got)
		}
	}
}
