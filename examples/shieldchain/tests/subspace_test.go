package tests

import (
	"strings"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestNoSubspace: nobody lists a store over the RPC. A single record is answered.
func TestNoSubspace(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	c.MustBlock(c.Tx(c.Accounts[0], plenty, chaintest.Append(c.Accounts[0], chaintest.Leaves(0, 3)...)))
	c.MustBlock()
	ask := func(path string) *abci.ResponseQuery {
		return chaintest.Must(c.App.Query(t.Context(), &abci.RequestQuery{Path: path, Data: types.NewestKey(), Height: 2}))(t)
	}
	for _, path := range []string{"/store/commitment/subspace", "/store/bank/subspace", "store/commitment/subspace"} {
		if r := ask(path); r.Code == 0 || len(r.Value) > 0 || !strings.Contains(r.Log, "switched off") {
			t.Errorf("%s: %v", path, r)
		}
	}
	// Other spellings are no paths.
	for _, path := range []string{"", "/", "//store/commitment/subspace", "/store//commitment/subspace", "/store/commitment/subspace/", "/store/commitment//subspace", "/Store/commitment/subspace", "/store/commitment/x/subspace"} {
		if r := ask(path); r.Code == 0 || len(r.Value) > 0 {
			t.Errorf("%s: %v", path, r)
		}
	}
	if r := ask("/store/commitment/key"); r.Code != 0 || len(r.Value) == 0 {
		t.Errorf("a record: %v", r)
	}
}
