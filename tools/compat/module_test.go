//go:build !sdk050

package compat

import (
	"math/rand"
	"testing"

	appv1 "cosmossdk.io/api/cosmos/app/v1alpha1"
	"cosmossdk.io/core/appconfig"
	"cosmossdk.io/depinject"
	"cosmossdk.io/log"
	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/testutil/configurator"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/gogoproto/proto"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// withModule adds x/commitment, which needs SDK 0.53.
func withModule(config *configurator.Config) {
	config.ModuleConfigs[types.ModuleName] = &appv1.ModuleConfig{Name: types.ModuleName, Config: appconfig.WrapAny(&commitment.ModuleConfig{})}
	config.EndBlockersOrder = append(config.EndBlockersOrder, types.ModuleName)
	config.InitGenesisOrder = append(config.InitGenesisOrder, types.ModuleName)
}

// startModule opens an application with x/commitment over the database in a folder.
func startModule(t *testing.T, dir string) (app *App, txs client.TxConfig, stop func()) {
	t.Helper()
	app = &App{}
	modules := configurator.NewAppConfig(
		configurator.AuthModule(),
		configurator.BankModule(),
		configurator.StakingModule(),
		configurator.TxModule(),
		configurator.ConsensusModule(),
		withModule,
	)
	var builder *runtime.AppBuilder
	config := depinject.Configs(modules, depinject.Supply(log.NewNopLogger()))
	if err := depinject.Inject(config, &builder, &app.codec, &txs); err != nil {
		t.Fatal(err)
	}
	db := must(dbm.NewGoLevelDB("application", dir, nil))(t)
	app.App = builder.Build(db, nil, baseapp.SetChainID(ChainID))
	if err := app.Load(true); err != nil {
		t.Fatal(err)
	}
	return app, txs, func() {
		t.Helper()
		if err := app.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// query asks x/commitment at a height.
func query[Response proto.Message](t *testing.T, app *App, height int64, method string, request proto.Message, response Response) Response {
	t.Helper()
	answer := must(app.Query(t.Context(), &abci.RequestQuery{
		Path: "/kvshard.commitment.v1.Query/" + method, Data: must(proto.Marshal(request))(t), Height: height,
	}))(t)
	if answer.Code != 0 {
		t.Fatalf("%s at height %d: %s", method, height, answer.Log)
	}
	if err := proto.Unmarshal(answer.Value, response); err != nil {
		t.Fatal(err)
	}
	return response
}

// TestModule: x/commitment in an application that depinject puts together. Transactions
// bring the commitments of real Zcash blocks, one block each. The anchors are Zcash's
// roots, again after the application was closed and opened, and prove the leaves.
func TestModule(t *testing.T) {
	blocks := must(realdata.Testnet())(t).Blocks
	dir := t.TempDir()
	app, txs, stop := startModule(t, dir)
	initChain(t, app)
	key := secp256k1.GenPrivKeyFromSecret([]byte("compat"))
	sender := sdk.AccAddress(key.PubKey().Address())

	var leaves []kvshard.Node
	sequence := uint64(0)
	for _, b := range blocks {
		var brought [][]byte
		message := &types.MsgAppend{Sender: sender.String()}
		for _, leaf := range b.Commitments {
			message.Commitments = append(message.Commitments, leaf[:])
			leaves = append(leaves, leaf)
		}
		if len(message.Commitments) > 0 {
			tx := must(simtestutil.GenSignedMockTx(rand.New(rand.NewSource(1)), txs, []sdk.Msg{message}, nil, 50_000_000, ChainID,
				[]uint64{0}, []uint64{sequence}, key))(t)
			brought = append(brought, must(txs.TxEncoder()(tx))(t))
			sequence++
		}
		result := must(app.FinalizeBlock(&abci.RequestFinalizeBlock{Height: app.LastBlockHeight() + 1, Txs: brought}))(t)
		for _, executed := range result.TxResults {
			if executed.Code != 0 {
				t.Fatalf("block %d: %s", b.Height, executed.Log)
			}
		}
		must(app.Commit())(t)
	}
	stop()
	app, _, stop = startModule(t, dir)
	defer func() { stop() }()

	newest := app.LastBlockHeight()
	if newest != int64(len(blocks)) {
		t.Fatalf("opened again, the application is at height %d, it was closed at %d", newest, len(blocks))
	}
	for i, b := range blocks {
		if b.SizeAfter == 0 {
			continue // there is no anchor yet
		}
		got := query(t, app, newest, "RootAt", &types.QueryRootAtRequest{Height: uint32(i + 1)}, &types.QueryRootAtResponse{})
		if root := must(kvshard.NodeFromBytes(got.Anchor.Root))(t); root != kvshard.Node(b.RootAfter) {
			t.Errorf("height %d has the anchor %s, Zcash's block %d has %s", i+1, root, b.Height, kvshard.Node(b.RootAfter))
		}
	}
	for position, leaf := range leaves {
		got := query(t, app, newest, "Witness", &types.QueryWitnessRequest{Position: uint64(position)}, &types.QueryWitnessResponse{})
		witness := kvshard.Witness{Position: uint64(position)}
		for level, node := range got.Path {
			witness.Path[level] = must(kvshard.NodeFromBytes(node))(t)
		}
		if err := witness.Verify(kvshard.Node(blocks[len(blocks)-1].RootAfter), leaf); err != nil {
			t.Error(err)
		}
	}
}
