package main

import (
	"testing"
	"time"

	"github.com/cosmos/cosmos-sdk/client/tx"
	"github.com/cosmos/cosmos-sdk/store/v2/rootmulti"
	"github.com/cosmos/cosmos-sdk/testutil/network"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/client/light"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestByRPCAlone starts the chain, appends two commitments and proves both, with nothing
// but the node's RPC: the anchor's record against the application hash of a header, and
// each leaf against the anchor by its witness.
func TestByRPCAlone(t *testing.T) {
	config, err := network.DefaultConfigWithAppConfig(appConfig())
	if err != nil {
		t.Fatal(err)
	}
	config.NumValidators = 1
	config.TimeoutCommit = 500 * time.Millisecond
	chain, err := network.New(t, t.TempDir(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Cleanup()
	if err := chain.WaitForNextBlock(); err != nil {
		t.Fatal(err)
	}
	validator := chain.Validators[0]
	node := validator.RPCClient

	leaves := []kvshard.Node{{1}, {2}}
	message := &types.MsgAppend{Sender: validator.Address.String(), Commitments: [][]byte{leaves[0][:], leaves[1][:]}}
	clientCtx := validator.ClientCtx.WithFromAddress(validator.Address).WithFromName(validator.Moniker).WithSkipConfirmation(true).WithBroadcastMode("sync")
	factory := tx.Factory{}.WithTxConfig(clientCtx.TxConfig).WithKeybase(clientCtx.Keyring).WithAccountRetriever(clientCtx.AccountRetriever).
		WithChainID(config.ChainID).WithGas(200_000).WithFees("2000stake").WithFromName(validator.Moniker)
	if err := tx.BroadcastTx(clientCtx, factory, message); err != nil {
		t.Fatal(err)
	}

	var size types.QuerySizeResponse
	for size.Size_ < 2 {
		if err := chain.WaitForNextBlock(); err != nil {
			t.Fatal(err)
		}
		if err := light.Query(t.Context(), node, 0, "Size", &types.QuerySizeRequest{}, &size); err != nil {
			t.Fatal(err)
		}
		if height, err := chain.LatestHeight(); err != nil || height > 20 {
			t.Fatalf("%d leaves at height %d, %v", size.Size_, height, err)
		}
	}
	height, err := chain.LatestHeight()
	if err != nil {
		t.Fatal(err)
	}
	next := height + 1 // its header has the hash of the state after height
	if _, err := chain.WaitForHeight(next); err != nil {
		t.Fatal(err)
	}
	header, err := node.Commit(t.Context(), &next)
	if err != nil {
		t.Fatal(err)
	}
	client := light.At(node, height, header.AppHash, rootmulti.DefaultProofRuntime())
	for position, leaf := range leaves {
		anchor, err := client.Leaf(t.Context(), uint64(position), leaf)
		if err != nil || anchor.Size_ != 2 {
			t.Errorf("position %d: anchor %v, %v", position, anchor, err)
		}
	}
	if _, err := client.Leaf(t.Context(), 0, leaves[1]); err == nil {
		t.Error("another leaf is proven")
	}
}

// TestCommands: each query and the message of x/commitment has a command.
func TestCommands(t *testing.T) {
	root, err := rootCommand()
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"query", "commitment", "root"}, {"query", "commitment", "witness"}, {"tx", "commitment", "append"}, {"tx", "commitment", "append-file"}, {"start"}} {
		if command, _, err := root.Find(words); err != nil || command.Name() != words[len(words)-1] {
			t.Errorf("%v: %v", words, err)
		}
	}
}
