package simulation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/testutil/simsx"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/kv"
	"github.com/cosmos/cosmos-sdk/types/module"
	simtypes "github.com/cosmos/cosmos-sdk/types/simulation"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/simulation"
	"github.com/kvshard/kvshard/x/commitment/types"
)

var (
	// seeds are of small trees, but for 18, whose tree is about to complete a subtree.
	seeds = []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}
	// firstHeights are first heights of chains, by the seed.
	firstHeights = []uint32{1, 7, 400}
)

// These tests name no package that one version of the SDK has at another place, and so run
// on all that go.mod allows.

// A stores is the module's store and its transient one.
type stores struct{ kv, transient *kvtest.MemStore }

func (s stores) OpenKVStore(context.Context) store.KVStore        { return tolerant{s.kv} }
func (s stores) OpenTransientStore(context.Context) store.KVStore { return s.transient }

// tolerant lets a write pass that changes nothing, as a chain's stores do.
type tolerant struct{ *kvtest.MemStore }

func (s tolerant) Set(key, value []byte) error {
	if bytes.Equal(s.Peek(key), value) {
		return nil
	}
	return s.MemStore.Set(key, value)
}

func (s tolerant) Delete(key []byte) error {
	if s.Peek(key) == nil {
		return nil
	}
	return s.MemStore.Delete(key)
}

func newKeeper() (keeper.Keeper, stores) {
	s := stores{kvtest.NewMemStore(), kvtest.NewMemStore()}
	return keeper.NewKeeper(cdc(), s, s, address.NewBech32Codec("cosmos"), authtypes.NewModuleAddress("gov").String()), s
}

func cdc() *codec.ProtoCodec { return codec.NewProtoCodec(codectypes.NewInterfaceRegistry()) }

func at(height int64) sdk.Context {
	return sdk.NewContext(nil, cmtproto.Header{Height: height}, false, nil)
}

// started returns a keeper of a chain that began with a random genesis.
func started(t *testing.T, seed int64, first uint32) (keeper.Keeper, stores, *types.GenesisState) {
	t.Helper()
	genesis, err := simulation.RandomGenesis(rand.New(rand.NewSource(seed)), first)
	if err != nil {
		t.Fatal(err)
	}
	k, s := newKeeper()
	height := int64(first)
	if first == 1 {
		height = 0 // as the SDK has it
	}
	if err := k.InitGenesis(at(height), *genesis); err != nil {
		t.Fatalf("seed %d, first height %d: %v", seed, first, err)
	}
	return k, s, genesis
}

// endBlock ends a block, and with it the transient store.
func endBlock(t *testing.T, k keeper.Keeper, s stores, height int64) {
	t.Helper()
	if err := k.EndBlock(at(height)); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.transient.Dump() {
		s.transient.Remove(p.Key)
	}
}

func sound(t *testing.T, k keeper.Keeper, ctx sdk.Context) {
	t.Helper()
	if message, broken := k.Invariant(ctx); broken {
		t.Fatal(message)
	}
}

// TestRandomGenesis: each random genesis begins a chain, which goes on, is exported and
// begins again; the same seed makes the same; and all shapes of a tree are among them.
func TestRandomGenesis(t *testing.T) {
	seen := map[string]int{}
	for _, seed := range seeds {
		first := firstHeights[seed%3]
		k, s, genesis := started(t, seed, first)
		again, err := simulation.RandomGenesis(rand.New(rand.NewSource(seed)), first)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := cdc().MustMarshalJSON(genesis), cdc().MustMarshalJSON(again); !bytes.Equal(a, b) {
			t.Fatalf("seed %d makes %s and %s", seed, a, b)
		}
		ctx := at(int64(first))
		sound(t, k, ctx)
		tree, err := kvshard.Open(s.kv)
		if err != nil {
			t.Fatal(err)
		}
		size, err := tree.Size()
		if err != nil {
			t.Fatal(err)
		}
		shapes(t, seen, tree, size, genesis)

		waiting, err := k.Waiting(ctx)
		if err != nil {
			t.Fatal(err)
		}
		saw(seen, "commitments that wait", waiting > 0)
		height := int64(first)
		for left := true; left && height < int64(first)+100; height++ {
			endBlock(t, k, s, height)
			sound(t, k, ctx)
			n, err := k.Waiting(ctx)
			if err != nil {
				t.Fatal(err)
			}
			left = n > 0
		}
		if _, err := keeper.NewMsgServer(k).Append(at(height), &types.MsgAppend{Sender: sdk.AccAddress("sender______________").String(), Commitments: [][]byte{make([]byte, 32)}}); err != nil {
			t.Fatal(err)
		}
		endBlock(t, k, s, height)
		sound(t, k, ctx)
		if after, appended, err := k.SizeAt(ctx, uint64(height)); after != size+waiting+1 || appended != uint64(height) || err != nil {
			t.Fatalf("%d leaves after height %d, %v, want %d after %d", after, appended, err, size+waiting+1, height)
		}
		exported, err := k.ExportGenesis(at(height))
		if err != nil {
			t.Fatal(err)
		}
		imported, to := newKeeper()
		if err := imported.InitGenesis(at(height+1), *exported); err != nil {
			t.Fatal(err)
		}
		if diff := s.kv.Diff(to.kv); diff != "" {
			t.Fatalf("seed %d, first height %d: the stores differ: %s", seed, first, diff)
		}
	}
	for _, shape := range []string{"a new chain", "checkpoints", "a retained checkpoint", "pruned checkpoints", "leaves behind the newest", "no history", "almost a subtree", "commitments that wait", "queue", "direct", "drain"} {
		if seen[shape] == 0 {
			t.Errorf("no genesis has: %s; %v", shape, seen)
		}
	}
}

func saw(seen map[string]int, shape string, is bool) {
	if is {
		seen[shape]++
	}
}

func shapes(t *testing.T, seen map[string]int, tree *kvshard.Tree, size uint64, genesis *types.GenesisState) {
	t.Helper()
	saw := func(shape string, is bool) { saw(seen, shape, is) }
	var count int
	var newest kvshard.Checkpoint
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			t.Fatal(err)
		}
		newest, count = checkpoint, count+1
		saw("a retained checkpoint", checkpoint.Retained)
	}
	saw("a new chain", size == 0)
	saw("checkpoints", count > 1)
	saw("leaves behind the newest", newest.Size < size)
	saw("no history", genesis.History == nil)
	saw("almost a subtree", size > 1<<types.SubtreeLevel-100)
	saw("queue", genesis.Params.AppendMode == types.Queue)
	saw("drain", genesis.Params.AppendMode == types.Drain)
	saw("direct", genesis.Params.AppendMode == types.Direct)
	if genesis.History != nil {
		sizes, err := genesis.History.Unpack()
		if err != nil {
			t.Fatal(err)
		}
		saw("pruned checkpoints", len(sizes) > count)
	}
}

// TestRandomizedGenState is what the SDK's simulations call.
func TestRandomizedGenState(t *testing.T) {
	state := &module.SimulationState{Rand: rand.New(rand.NewSource(3)), Cdc: cdc(), GenState: map[string]json.RawMessage{}}
	commitment.AppModule{}.GenerateGenesisState(state)
	if err := (commitment.AppModule{}).ValidateGenesis(cdc(), nil, state.GenState[types.ModuleName]); err != nil {
		t.Fatal(err)
	}
}

// TestDecodeStore: every record of a store is named, and read.
func TestDecodeStore(t *testing.T) {
	registry := simtypes.StoreDecoderRegistry{}
	commitment.AppModule{}.RegisterStoreDecoder(registry)
	decode := registry[types.StoreKey]
	seen := map[string]bool{}
	for _, seed := range seeds {
		first := firstHeights[seed%3]
		k, s, _ := started(t, seed, first)
		var pairs []kvtest.Pair
		pairs = append(pairs, s.kv.Dump()...)
		for height := int64(first); height < int64(first)+30; height++ {
			_, err := keeper.NewMsgServer(k).Append(at(height), &types.MsgAppend{Sender: sdk.AccAddress("sender______________").String(), Commitments: [][]byte{make([]byte, 32)}})
			if err != nil && !errors.Is(err, types.ErrQueueFull) {
				t.Fatal(err)
			}
			endBlock(t, k, s, height)
		}
		for _, p := range append(pairs, s.kv.Dump()...) {
			text := decode(kv.Pair{Key: p.Key, Value: p.Value}, kv.Pair{Key: p.Key})
			a, b, _ := strings.Cut(text, "\n")
			// What is wrong with a value would stand behind it.
			if !strings.HasPrefix(a, "A: ") || strings.Contains(a, "unknown") || strings.Contains(a, " (") || !strings.HasSuffix(b, ": none\n") {
				t.Fatalf("record %s is %q", p, text)
			}
			kind := kvshard.ParseRecordKey(p.Key).Kind.String()
			if kind == "unknown" || kind == "" {
				kind = fmt.Sprint(p.Key[0])
			}
			seen[kind] = true
		}
	}
	for _, kind := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "shard", "cap", "checkpoint", "retained", "tip", "summary", "prunable", "quad"} {
		if !seen[kind] {
			t.Errorf("no record of kind %s was decoded: %v", kind, seen)
		}
	}
}

// TestDecodedText is how some records look.
func TestDecodedText(t *testing.T) {
	params := types.DefaultParams()
	value, err := params.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	eight := []byte{0, 0, 0, 0, 0, 0, 0, 9}
	for _, test := range []struct {
		key, value []byte
		want       string
	}{
		{types.ParamsPrefix, value, "params: " + params.String()},
		{types.SubtreeKey(3), eight, "height that completed subtree 3: 9"},
		{append(types.SizePrefix.Bytes(), eight...), eight, "size after height 9: 9"},
		{append(types.SizePrefix.Bytes(), eight...), eight[1:], "size after height 9: 00000000000009 (7 bytes, a number has 8)"},
		{append(types.SizePrefix.Bytes(), eight...), nil, "size after height 9: none"},
		{append(types.RootPrefix.Bytes(), 0xAB), eight, "height of root ab: 9"},
		{[]byte{0x0E, 1}, []byte{2}, "unknown key 0e01: 02"},
	} {
		text := simulation.DecodeStore(kv.Pair{Key: test.key, Value: test.value}, kv.Pair{Key: test.key})
		if a, _, _ := strings.Cut(text, "\n"); strings.TrimSpace(strings.TrimPrefix(a, "A: ")) != strings.TrimSpace(test.want) {
			t.Errorf("record %x = %x is %q, want %q", test.key, test.value, a, test.want)
		}
	}
}

// TestDecodeDamaged: whatever a record holds, a simulation can show it.
func TestDecodeDamaged(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for first := range 256 {
		for _, length := range []int{0, 1, 8, 40} {
			key := append([]byte{byte(first)}, make([]byte, length)...)
			value := make([]byte, 1+r.Intn(40))
			r.Read(value)
			for _, p := range []kv.Pair{{Key: key, Value: value}, {Key: key}} {
				if text := simulation.DecodeStore(p, p); strings.Count(text, "\n") != 2 {
					t.Errorf("record %x = %x is %q", key, value, text)
				}
			}
		}
	}
}

type accountSource struct{}

func (accountSource) GetModuleAddress(name string) sdk.AccAddress {
	return authtypes.NewModuleAddress(name)
}

type balances struct{}

func (balances) SpendableCoins(context.Context, sdk.AccAddress) sdk.Coins { return nil }
func (balances) IsSendEnabledDenom(context.Context, string) bool          { return true }

// TestMessages: those that must succeed do, those that must be refused are, and proposals
// set parameters that are valid.
func TestMessages(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	accounts := simtypes.RandomAccounts(r, 3)
	k, s, _ := started(t, 5, 7)
	server, queries := keeper.NewMsgServer(k), keeper.NewQueryServer(k)
	height := int64(7)
	factory := func(f simsx.SimMsgFactoryX) sdk.Msg {
		data := simsx.NewChainDataSource(at(height), r, accountSource{}, balances{}, address.NewBech32Codec("cosmos"), accounts...)
		_, msg := f.Create()(at(height), data, simsx.NewBasicSimulationReporter())
		return msg
	}
	refusals := map[string]int{}
	for range 200 {
		update := factory(simulation.MsgUpdateParamsFactory()).(*types.MsgUpdateParams)
		if _, err := server.UpdateParams(at(height), update); err != nil {
			t.Fatal(err)
		}
		appended := simulation.MsgAppendFactory(queries)
		_, err := server.Append(at(height), factory(appended).(*types.MsgAppend))
		if handled := appended.DeliveryResultHandler()(err); handled != nil {
			t.Fatal(handled)
		}
		if appended.DeliveryResultHandler()(errors.New("another")) == nil {
			t.Fatal("a message that fails is taken for one that succeeds")
		}
		before := s.kv.Clone()
		refused := simulation.MsgAppendRefusedFactory(queries)
		_, err = server.Append(at(height), factory(refused).(*types.MsgAppend))
		handle := refused.DeliveryResultHandler()
		if handled := handle(err); handled != nil {
			t.Fatal(handled)
		}
		if handle(nil) == nil || handle(errors.New("another")) == nil {
			t.Fatal("a message that succeeds, or fails with another error, is taken for a refused one")
		}
		if diff := before.Diff(s.kv); diff != "" {
			t.Fatalf("a refused message wrote: %s", diff)
		}
		refusals[fmt.Sprintf("%T %v", err, errors.Is(err, types.ErrTooMany))]++
		endBlock(t, k, s, height)
		height++
	}
	if len(refusals) != 2 {
		t.Errorf("refusals: %v", refusals)
	}
	sound(t, k, at(height))
}

// TestOperations: the module registers its messages, of their types and weights.
func TestOperations(t *testing.T) {
	weights := simsx.ParamWeightSource(simtypes.AppParams{"op_weight_msg_append": json.RawMessage("7")})
	k, _ := newKeeper()
	operations, proposals := simsx.NewUnorderedRegistry(), simsx.NewUnorderedRegistry()
	commitment.NewAppModule(k).WeightedOperationsX(weights, operations)
	commitment.NewAppModule(k).ProposalMsgsX(weights, proposals)
	var got []string
	for _, o := range append(operations.Elements(), proposals.Elements()...) {
		got = append(got, fmt.Sprintf("%d %s", o.Weight, sdk.MsgTypeURL(o.Factory.MsgType())))
	}
	const want = "7 /kvshard.commitment.v1.MsgAppend, 20 /kvshard.commitment.v1.MsgAppend, 100 /kvshard.commitment.v1.MsgUpdateParams"
	if strings.Join(got, ", ") != want {
		t.Errorf("operations %q, want %q", got, want)
	}
}
