// Package testutil runs the smallest chain with x/commitment in a test's process, on the
// SDK that the test is compiled with.
package testutil

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"

	"cosmossdk.io/core/address"
	"cosmossdk.io/depinject"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/server"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// ChainID of every chain made here.
const ChainID = "commitment-test"

// Gas is plenty for a transaction of a test.
const Gas = 50_000_000

var (
	start     = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	validator = ed25519.GenPrivKeyFromSecret([]byte("validator")).PubKey()
)

// An Account signs transactions.
type Account struct {
	Key      *secp256k1.PrivKey
	Number   uint64
	Sequence uint64
}

// Address of the account, in Bech32.
func (a *Account) Address() string { return sdk.AccAddress(a.Key.PubKey().Address()).String() }

// Config of a chain.
type Config struct {
	// Accounts with coins, 1 by default.
	Accounts int
	// Genesis of x/commitment, types.DefaultGenesisState by default.
	Genesis *types.GenesisState
	// InitialHeight, 1 by default.
	InitialHeight int64
	// Options of the keeper.
	Options []keeper.Option
	// DB of the node, one in memory by default.
	DB dbm.DB
	// BaseApp options.
	BaseApp []func(*baseapp.BaseApp)
	// AfterGenesis is called where the modules' genesis ends, as the last module's is.
	AfterGenesis func(ctx sdk.Context, k keeper.Keeper) error
}

// A Chain is one node over a database, whose blocks the test makes.
type Chain struct {
	T          testing.TB
	App        *runtime.App
	Keeper     keeper.Keeper
	Codec      codec.Codec
	Amino      *codec.LegacyAmino
	Interfaces codectypes.InterfaceRegistry
	TxConfig   client.TxConfig
	Addresses  address.Codec
	Accounts   []*Account

	config  Config
	builder *runtime.AppBuilder
	height  int64
}

// New makes a chain. The first block has the state of genesis.
func New(t testing.TB, c Config) *Chain {
	t.Helper()
	chain := Open(t, c)
	height := max(c.InitialHeight, 1)
	_, err := chain.App.InitChain(&abci.RequestInitChain{
		ChainId: ChainID, Time: start, InitialHeight: height, ConsensusParams: simtestutil.DefaultConsensusParams,
		AppStateBytes: chain.genesis(chain.builder, c),
	})
	Must0(t, err)
	chain.height = height - 1
	return chain
}

// Open makes a node over its database, and begins no chain: one that has stopped, or one
// that has no genesis yet.
func Open(t testing.TB, c Config) *Chain {
	t.Helper()
	if c.DB == nil {
		c.DB = dbm.NewMemDB()
	}
	chain := &Chain{T: t, config: c}
	chain.open()
	chain.height = chain.App.LastBlockHeight()
	return chain
}

// Restart makes the node anew over its database, as after a stop.
func (c *Chain) Restart() {
	c.T.Helper()
	c.open()
	c.height = c.App.LastBlockHeight()
}

// open makes the application over the database.
func (c *Chain) open() {
	c.T.Helper()
	// A logger of the SDK that the test is compiled with, whatever its package is.
	logger := Must(server.CreateSDKLogger(server.NewDefaultContext(), io.Discard))(c.T)
	supply := depinject.Supply(logger, c.config.Options)
	Must0(c.T, depinject.Inject(depinject.Configs(AppConfig(), supply),
		&c.builder, &c.Keeper, &c.Codec, &c.Amino, &c.Interfaces, &c.TxConfig, &c.Addresses))
	c.App = build(c.builder, c.config.DB, append([]func(*baseapp.BaseApp){baseapp.SetChainID(ChainID)}, c.config.BaseApp...)...)
	if after := c.config.AfterGenesis; after != nil {
		c.App.SetInitChainer(func(ctx sdk.Context, request *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
			response, err := c.App.InitChainer(ctx, request)
			return response, errors.Join(err, after(ctx, c.Keeper))
		})
	}
	Must0(c.T, c.App.Load(true))
}

// build makes the application. Since SDK 0.55 there is no writer that traces the stores.
func build(builder any, db dbm.DB, options ...func(*baseapp.BaseApp)) *runtime.App {
	switch b := builder.(type) {
	case interface {
		Build(dbm.DB, ...func(*baseapp.BaseApp)) *runtime.App
	}:
		return b.Build(db, options...)
	case interface {
		Build(dbm.DB, io.Writer, ...func(*baseapp.BaseApp)) *runtime.App
	}:
		return b.Build(db, nil, options...)
	}
	panic(fmt.Sprintf("this version of the SDK builds applications in another way: %T", builder))
}

func (c *Chain) genesis(builder *runtime.AppBuilder, cfg Config) []byte {
	c.T.Helper()
	var accounts []authtypes.GenesisAccount
	var balances []banktypes.Balance
	for i := range max(cfg.Accounts, 1) {
		a := &Account{Key: secp256k1.GenPrivKeyFromSecret(fmt.Appendf(nil, "account %d", i)), Number: uint64(i)}
		c.Accounts = append(c.Accounts, a)
		accounts = append(accounts, authtypes.NewBaseAccount(a.Key.PubKey().Address().Bytes(), a.Key.PubKey(), a.Number, 0))
		balances = append(balances, banktypes.Balance{Address: a.Address(), Coins: sdk.NewCoins(sdk.NewInt64Coin(sdk.DefaultBondDenom, 1_000_000_000))})
	}
	key, err := cmtKey()
	Must0(c.T, err)
	validators := cmttypes.NewValidatorSet([]*cmttypes.Validator{cmttypes.NewValidator(key, 1)})
	state, err := simtestutil.GenesisStateWithValSet(c.Codec, builder.DefaultGenesis(), validators, accounts, balances...)
	Must0(c.T, err)
	if cfg.Genesis != nil {
		state[types.ModuleName] = c.Codec.MustMarshalJSON(cfg.Genesis)
	}
	return Must(json.Marshal(state))(c.T)
}

// Height of the newest block.
func (c *Chain) Height() int64 { return c.height }

// Tx signs a transaction and raises the account's sequence.
func (c *Chain) Tx(a *Account, messages ...sdk.Msg) []byte {
	c.T.Helper()
	// The transaction has a memo of random length: make it the same each time.
	tx, err := simtestutil.GenSignedMockTx(rand.New(rand.NewSource(1)), c.TxConfig, messages, nil, Gas, ChainID,
		[]uint64{a.Number}, []uint64{a.Sequence}, a.Key)
	Must0(c.T, err)
	a.Sequence++
	return Must(c.TxConfig.TxEncoder()(tx))(c.T)
}

// Block makes the next block.
func (c *Chain) Block(txs ...[]byte) *abci.ResponseFinalizeBlock {
	c.T.Helper()
	c.height++
	response, err := c.App.FinalizeBlock(&abci.RequestFinalizeBlock{
		Height: c.height, Time: start.Add(time.Duration(c.height) * time.Second), Txs: txs, ProposerAddress: validator.Address(),
	})
	Must0(c.T, err)
	_, err = c.App.Commit()
	Must0(c.T, err)
	return response
}

// MustBlock makes the next block; all transactions must succeed.
func (c *Chain) MustBlock(txs ...[]byte) *abci.ResponseFinalizeBlock {
	c.T.Helper()
	response := c.Block(txs...)
	for i, r := range response.TxResults {
		if r.Code != 0 {
			c.T.Fatalf("height %d, transaction %d: code %d of %s: %s", c.height, i, r.Code, r.Codespace, r.Log)
		}
	}
	return response
}

// Context over the committed state. What is written to it is lost.
func (c *Chain) Context() sdk.Context {
	ctx, _ := c.App.NewContext(true).WithBlockHeight(c.height).CacheContext()
	return ctx
}

// Client asks the committed state.
func (c *Chain) Client() types.QueryClient {
	helper := baseapp.NewQueryServerTestHelper(c.Context(), c.Interfaces)
	Must0(c.T, keeper.RegisterQueries(helper, c.Keeper))
	return types.NewQueryClient(helper)
}

// Check runs the module's invariant.
func (c *Chain) Check() {
	c.T.Helper()
	if message, broken := c.Keeper.Invariant(c.Context()); broken {
		c.T.Error(message)
	}
}

// Export returns the module's genesis.
func (c *Chain) Export() *types.GenesisState {
	c.T.Helper()
	return Must(c.Keeper.ExportGenesis(c.Context()))(c.T)
}

// Must returns the value or ends the test.
func Must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		Must0(t, err)
		return value
	}
}

// Must0 ends the test if there is an error.
func Must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Leaves makes n leaves, numbered from the first; they look as random as commitments.
func Leaves(first, n int) []kvshard.Node {
	made := make([]kvshard.Node, n)
	for i := range made {
		made[i] = sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(first+i)))
		made[i][31] &= 0x3F // below the modulus
	}
	return made
}

// Bytes are the leaves as a message has them.
func Bytes(leaves []kvshard.Node) (made [][]byte) {
	for _, leaf := range leaves {
		made = append(made, leaf[:])
	}
	return made
}
