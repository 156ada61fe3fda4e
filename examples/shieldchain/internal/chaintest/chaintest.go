// Package chaintest runs shieldchain in a test's process. It is the real
// application over IAVL on goleveldb; tests make the blocks.
package chaintest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/gogoproto/proto"

	corestore "cosmossdk.io/core/store"
	"cosmossdk.io/log/v2"
	"cosmossdk.io/math"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/app"
	shieldtypes "github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// ChainID of every chain made here.
const ChainID = "shieldchain-test"

// An Account signs transactions.
type Account struct {
	Key      *secp256k1.PrivKey
	Number   uint64
	Sequence uint64
}

// Address of the account.
func (a *Account) Address() sdk.AccAddress { return sdk.AccAddress(a.Key.PubKey().Address()) }

// A Chain is one node of a chain, and its accounts.
type Chain struct {
	T        testing.TB
	App      *app.App
	Accounts []*Account
	Dir      string
	Options  simtestutil.AppOptionsMap

	db           dbm.DB
	height       int64
	minGasPrices string
}

// Config of a chain.
type Config struct {
	// Accounts with coins, 1 by default.
	Accounts int
	// Params of x/commitment, types.DefaultParams by default.
	Params *types.Params
	// Shield are the params of x/shield, shieldtypes.DefaultParams by default.
	Shield *shieldtypes.Params
	// MinGasPrices of the node, as "1stake"; none by default.
	MinGasPrices string
	// Options as they come from flags and app.toml.
	Options simtestutil.AppOptionsMap
	// InitialHeight, 1 by default.
	InitialHeight int64
	// State and Accounts of another chain, from Export.
	State json.RawMessage
	From  *Chain
}

// New makes a chain in a directory that belongs to the test.
func New(t testing.TB, c Config) *Chain {
	t.Helper()
	chain := &Chain{T: t, Dir: t.TempDir(), Options: c.Options, minGasPrices: c.MinGasPrices}
	if chain.Options == nil {
		chain.Options = simtestutil.AppOptionsMap{}
	}
	chain.open()
	t.Cleanup(chain.close)

	state := c.State
	if c.From == nil {
		state = chain.genesis(c)
	} else {
		for _, a := range c.From.Accounts {
			copied := *a
			chain.Accounts = append(chain.Accounts, &copied)
		}
	}
	if c.InitialHeight == 0 {
		c.InitialHeight = 1
	}
	chain.height = c.InitialHeight - 1
	// The authority is the first account, so the tests have its key.
	params := *simtestutil.DefaultConsensusParams
	params.Block = &cmtproto.BlockParams{MaxBytes: 20_000_000, MaxGas: -1}
	params.Authority = &cmtproto.AuthorityParams{Authority: chain.Accounts[0].Address().String()}
	_, err := chain.App.InitChain(&abci.RequestInitChain{
		ChainId: ChainID, Time: genesisTime, InitialHeight: c.InitialHeight,
		ConsensusParams: &params, Validators: []abci.ValidatorUpdate{}, AppStateBytes: state,
	})
	Must0(t, err)
	return chain
}

func (c *Chain) genesis(cfg Config) json.RawMessage {
	c.T.Helper()
	var accounts []authtypes.GenesisAccount
	var balances []banktypes.Balance
	for i := range max(cfg.Accounts, 1) {
		a := &Account{Key: secp256k1.GenPrivKeyFromSecret(fmt.Appendf(nil, "account %d", i)), Number: uint64(i)}
		c.Accounts = append(c.Accounts, a)
		accounts = append(accounts, authtypes.NewBaseAccount(a.Address(), a.Key.PubKey(), a.Number, 0))
		balances = append(balances, banktypes.Balance{Address: a.Address().String(), Coins: sdk.NewCoins(sdk.NewCoin(sdk.DefaultBondDenom, math.NewInt(1e15)))})
	}
	validator := cmttypes.NewValidator(validatorKey.PubKey(), 1)
	state, err := simtestutil.GenesisStateWithValSet(c.App.Codec(), c.App.DefaultGenesis(),
		cmttypes.NewValidatorSet([]*cmttypes.Validator{validator}), accounts, balances...)
	Must0(c.T, err)
	commitment := types.DefaultGenesisState()
	if cfg.Params != nil {
		commitment.Params = *cfg.Params
	}
	state[types.ModuleName] = c.App.Codec().MustMarshalJSON(commitment)
	shield := shieldtypes.DefaultGenesis()
	if cfg.Shield != nil {
		shield.Params = *cfg.Shield
	}
	state[shieldtypes.ModuleName] = c.App.Codec().MustMarshalJSON(&shield)
	return Must(json.Marshal(state))(c.T)
}

func (c *Chain) open() {
	c.T.Helper()
	var err error
	c.db, err = dbm.NewGoLevelDB("application", c.Dir, nil)
	Must0(c.T, err)
	c.App, err = app.New(log.NewNopLogger(), c.db, true, c.Options, baseapp.SetChainID(ChainID), baseapp.SetMinGasPrices(c.minGasPrices))
	Must0(c.T, err)
}

func (c *Chain) close() {
	if err := c.App.Close(); err != nil {
		c.T.Error(err)
	}
	_ = c.db.Close() // the application closed it
}

// Reopen stops the node and starts it again from its disk.
func (c *Chain) Reopen() {
	c.T.Helper()
	c.close()
	c.open()
	c.height = c.App.LastBlockHeight()
}

// Rollback goes back to the state after a height, as `shieldd rollback` does,
// and starts again.
func (c *Chain) Rollback(height int64) {
	c.T.Helper()
	Must0(c.T, c.App.CommitMultiStore().RollbackToVersion(height))
	c.Reopen()
}

// Height of the newest block.
func (c *Chain) Height() int64 { return c.height }

// Tx signs a transaction of one account and raises the account's sequence.
func (c *Chain) Tx(a *Account, gas uint64, msgs ...sdk.Msg) []byte {
	c.T.Helper()
	tx := c.Sign(a, gas, msgs...)
	a.Sequence++
	return tx
}

// Sign signs a transaction with the account's present sequence.
func (c *Chain) Sign(a *Account, gas uint64, msgs ...sdk.Msg) []byte {
	c.T.Helper()
	return c.SignWithFee(a, gas, 0, msgs...)
}

// SignWithFee signs a transaction that pays a fee.
func (c *Chain) SignWithFee(a *Account, gas uint64, fee int64, msgs ...sdk.Msg) []byte {
	c.T.Helper()
	// The transaction has a memo of random length: make it the same each time.
	tx, err := simtestutil.GenSignedMockTx(rand.New(rand.NewSource(1)), c.App.TxConfig(), msgs, sdk.NewCoins(sdk.NewInt64Coin(sdk.DefaultBondDenom, fee)), gas, ChainID,
		[]uint64{a.Number}, []uint64{a.Sequence}, a.Key)
	Must0(c.T, err)
	return Must(c.App.TxConfig().TxEncoder()(tx))(c.T)
}

// Append returns the message that appends the leaves.
func Append(a *Account, leaves ...kvshard.Node) *types.MsgAppend {
	msg := &types.MsgAppend{Sender: a.Address().String()}
	for i := range leaves {
		msg.Commitments = append(msg.Commitments, bytes.Clone(leaves[i][:]))
	}
	return msg
}

// Finalize executes the next block without committing it.
func (c *Chain) Finalize(txs ...[]byte) *abci.ResponseFinalizeBlock {
	c.T.Helper()
	c.height++
	return Must(c.App.FinalizeBlock(&abci.RequestFinalizeBlock{Height: c.height, Time: genesisTime.Add(time.Duration(c.height) * time.Second), Txs: txs, ProposerAddress: validatorKey.PubKey().Address()}))(c.T)
}

// Propose gives the node a proposal for the next height. With optimistic execution it
// begins to execute it, and drops what it did of an earlier proposal.
func (c *Chain) Propose(txs ...[]byte) {
	c.T.Helper()
	height := c.height + 1
	answer := Must(c.App.ProcessProposal(&abci.RequestProcessProposal{Height: height, Time: genesisTime.Add(time.Duration(height) * time.Second), Txs: txs, ProposerAddress: validatorKey.PubKey().Address()}))(c.T)
	if answer.Status != abci.ResponseProcessProposal_ACCEPT {
		c.T.Fatalf("the proposal: %v", answer.Status)
	}
}

// Commit commits the block that was executed.
func (c *Chain) Commit() {
	c.T.Helper()
	_, err := c.App.Commit()
	Must0(c.T, err)
}

// Block makes the next block.
func (c *Chain) Block(txs ...[]byte) *abci.ResponseFinalizeBlock {
	c.T.Helper()
	response := c.Finalize(txs...)
	c.Commit()
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

// CheckTx offers a transaction to the mempool.
func (c *Chain) CheckTx(tx []byte, kind abci.CheckTxType) *abci.ResponseCheckTx {
	c.T.Helper()
	return Must(c.App.CheckTx(&abci.RequestCheckTx{Tx: tx, Type: kind}))(c.T)
}

// Balance of an address, in the committed state.
func (c *Chain) Balance(address sdk.AccAddress) int64 {
	return c.App.Bank.GetBalance(c.Context(), address, sdk.DefaultBondDenom).Amount.Int64()
}

// Message is a generated message.
type Message interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
	Reset()
}

// Query asks a node's x/commitment as a client does; height 0 is the newest.
func (c *Chain) Query(height int64, method string, request, response Message) error {
	return c.Ask(height, "/kvshard.commitment.v1.Query/"+method, request, response)
}

// Ask asks the node as a client does; height 0 is the newest.
func (c *Chain) Ask(height int64, path string, request, response Message) error {
	data, err := request.Marshal()
	if err != nil {
		return err
	}
	answer, err := c.App.Query(c.T.Context(), &abci.RequestQuery{Path: path, Data: data, Height: height})
	if err != nil {
		return err
	}
	if answer.Code != 0 {
		return fmt.Errorf("code %d: %s", answer.Code, answer.Log)
	}
	response.Reset()
	return response.Unmarshal(answer.Value)
}

// Root is the committed tree's root and size.
func (c *Chain) Root() (kvshard.Node, uint64) {
	c.T.Helper()
	var r types.QueryRootResponse
	Must0(c.T, c.Query(0, "Root", &types.QueryRootRequest{}, &r))
	return kvshard.Node(r.Root), r.Size_
}

// Context returns a context over the committed state; what is written to it is
// lost.
func (c *Chain) Context() sdk.Context {
	return sdk.NewContext(c.App.CommitMultiStore().CacheMultiStore(), cmtproto.Header{Height: c.height}, false, log.NewNopLogger())
}

// Dump returns all records of x/commitment's committed store.
func (c *Chain) Dump() []string {
	c.T.Helper()
	return c.DumpOf(types.StoreKey)
}

// DumpOf returns all records of a module's committed store.
func (c *Chain) DumpOf(store string) []string {
	c.T.Helper()
	return Records(c.T, CoreStore{c.Context().KVStore(c.App.StoreKey(store))})
}

// Records returns all records of a store.
func Records(t testing.TB, kv corestore.KVStore) (records []string) {
	t.Helper()
	for entry, err := range kvshard.Entries(kv, nil, nil) {
		Must0(t, err)
		records = append(records, fmt.Sprintf("%x = %x", entry.Key, entry.Value))
	}
	return records
}

// A CoreStore adapts a store as the SDK's runtime does. The runtime's own
// adapter is not exported for other stores.
type CoreStore struct{ storetypes.KVStore }

// Get calls the store's Get.
func (s CoreStore) Get(key []byte) ([]byte, error) { return s.KVStore.Get(key), nil }

// Has calls the store's Has.
func (s CoreStore) Has(key []byte) (bool, error) { return s.KVStore.Has(key), nil }

// Set calls the store's Set.
func (s CoreStore) Set(key, value []byte) error { s.KVStore.Set(key, value); return nil }

// Delete calls the store's Delete.
func (s CoreStore) Delete(key []byte) error { s.KVStore.Delete(key); return nil }

// Iterator calls the store's Iterator.
func (s CoreStore) Iterator(start, end []byte) (corestore.Iterator, error) {
	return s.KVStore.Iterator(start, end), nil
}

// ReverseIterator calls the store's ReverseIterator.
func (s CoreStore) ReverseIterator(start, end []byte) (corestore.Iterator, error) {
	return s.KVStore.ReverseIterator(start, end), nil
}

// Check runs the modules' invariants.
func (c *Chain) Check() {
	c.T.Helper()
	if messages, broken := c.App.CheckState(); broken {
		c.T.Error(messages)
	}
}

// Events returns the events of a kind as attribute maps.
func Events(events []abci.Event, kind string) (found []map[string]string) {
	for _, e := range events {
		if e.Type == kind {
			m := map[string]string{}
			for _, a := range e.Attributes {
				m[a.Key] = a.Value
			}
			found = append(found, m)
		}
	}
	return found
}

// TypedEvents returns the events that are a message of x/commitment.
func TypedEvents[E proto.Message](t testing.TB, events []abci.Event) (found []E) {
	t.Helper()
	var none E
	for _, e := range events {
		if e.Type == types.EventType(none) {
			found = append(found, Must(types.ParseEvent(e))(t).(E))
		}
	}
	return found
}

// Leaves makes n leaves, numbered from the first; they look as random as
// commitments.
func Leaves(from, n int) []kvshard.Node {
	leaves := make([]kvshard.Node, n)
	for i := range leaves {
		leaves[i] = sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(from+i)))
		leaves[i][31] &= 0x3F // below the modulus
	}
	return leaves
}

// Must returns the value or ends the test.
func Must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// Must0 ends the test on an error.
func Must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// SameDump fails the test if two stores differ.
func SameDump(t testing.TB, what string, a, b []string) {
	t.Helper()
	if !slices.Equal(a, b) {
		t.Errorf("%s: %d and %d records, not the same", what, len(a), len(b))
	}
}
