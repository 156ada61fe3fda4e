package preload_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/viper"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/server"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/preload"
	"github.com/kvshard/kvshard/x/commitment/testutil"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// streamOf makes a tree of n leaves, with a checkpoint at each of the heights, and returns
// its stream and a genesis that names it, without file and data.
func streamOf(t *testing.T, n int, heights ...uint32) ([]byte, *types.GenesisState) {
	t.Helper()
	kv := kvtest.NewMemStore()
	tree := testutil.Must(kvshard.Open(kv))(t)
	for i, height := range heights {
		testutil.Must(tree.AppendBatch(testutil.Leaves(n*i/len(heights), n*(i+1)/len(heights)-n*i/len(heights))))(t)
		testutil.Must0(t, tree.Checkpoint(height))
	}
	if len(heights) == 0 {
		testutil.Must(tree.AppendBatch(testutil.Leaves(0, n)))(t)
	}
	var data bytes.Buffer
	state := testutil.Must(keeper.WriteTree(tree, kv, types.DefaultParams().MaxAnchors, &data))(t)
	return data.Bytes(), &types.GenesisState{Params: types.DefaultParams(), Tree: state}
}

// loaded is a database with the tree, for a chain that begins at a height.
func loaded(t *testing.T, data []byte, g *types.GenesisState, height int64) dbm.DB {
	t.Helper()
	db := dbm.NewMemDB()
	testutil.Must0(t, preload.Tree(db, types.StoreKey, height, bytes.NewReader(data), g.Tree))
	return db
}

// pruned keeps two heights, and removes the others every ten.
func pruned(t *testing.T) func(*baseapp.BaseApp) {
	t.Helper()
	v := viper.New()
	v.Set(server.FlagPruning, "everything")
	return baseapp.SetPruning(testutil.Must(server.GetPruningOptionsFromFlags(v))(t))
}

// block makes a block that appends, and returns the application's hash.
func block(c *testutil.Chain) []byte {
	a := c.Accounts[0]
	return c.MustBlock(c.Tx(a, &types.MsgAppend{Sender: a.Address(), Commitments: testutil.Bytes(testutil.Leaves(1<<30+int(c.Height()), 5))})).AppHash
}

// TestPreload: two nodes that preload one stream agree on the application's hash at each
// height, also after a restart of one and with other pruning. A chain whose InitGenesis
// imports the stream has the same tree, anchors and history.
func TestPreload(t *testing.T) {
	for _, c := range []struct {
		leaves int
		first  int64
		at     []uint32
	}{
		{1, 2, nil}, {15, 2, nil}, {16, 2, nil}, {17, 3, []uint32{2}}, {300, 100, []uint32{7, 98, 99}}, {70_000, 2, []uint32{1}},
	} {
		data, g := streamOf(t, c.leaves, c.at...)
		config := testutil.Config{Genesis: g, InitialHeight: c.first}
		config.DB = loaded(t, data, g, c.first)
		one := testutil.New(t, config)
		config.DB, config.BaseApp = loaded(t, data, g, c.first), []func(*baseapp.BaseApp){pruned(t)}
		other := testutil.New(t, config)
		inGenesis := *g
		inGenesis.Tree.Data = data
		imported := testutil.New(t, testutil.Config{Genesis: &inGenesis, InitialHeight: c.first})
		for i := range 25 {
			if i%7 == 2 {
				other.Restart()
			}
			hashes := [][]byte{block(one), block(other), block(imported)}
			if !bytes.Equal(hashes[0], hashes[1]) {
				t.Fatalf("%d leaves, height %d: application hashes %x", c.leaves, one.Height(), hashes)
			}
		}
		for _, chain := range []*testutil.Chain{one, other} {
			chain.Check()
			if a, b := chain.Export(), imported.Export(); a.String() != b.String() {
				t.Errorf("%d leaves: the preloaded chain has %v, the one of genesis %v", c.leaves, a, b)
			}
		}
		one.Restart()
		one.Check()
	}
}

// refused is the error with which a chain does not begin.
func refused(t *testing.T, c testutil.Config) (err error) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	testutil.New(t, c)
	return nil
}

// TestPreloadRefused: what is not the tree of genesis is found, in the preload or when the
// chain begins, and after a failed preload the right one succeeds.
func TestPreloadRefused(t *testing.T) {
	data, g := streamOf(t, 5000)
	want := func(err error, text string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v; want %q", err, text)
		}
	}
	load := func(db dbm.DB, height int64, data []byte, tree types.GenesisTree) error {
		return preload.Tree(db, types.StoreKey, height, bytes.NewReader(data), tree)
	}
	db := dbm.NewMemDB()
	want(load(db, 1, data, g.Tree), "set initial_height to 2 or more")
	want(load(db, 2, data[:len(data)-1], g.Tree), "ends too early")
	want(load(db, 2, data[:len(data)/2], g.Tree), "ends too early")
	damaged := slices.Clone(data)
	damaged[len(data)/2]++
	if err := load(db, 2, damaged, g.Tree); err == nil {
		t.Error("a damaged stream was preloaded")
	}
	otherData, other := streamOf(t, 5001)
	want(load(db, 2, otherData, g.Tree), "genesis names")
	empty, none := streamOf(t, 0)
	want(load(db, 2, empty, none.Tree), "no record")

	// What is in the database and what genesis says do not fit.
	begin := testutil.Config{Genesis: g, InitialHeight: 2}
	want(refused(t, begin), "preload it")
	begin.DB = loaded(t, otherData, other, 2)
	want(refused(t, begin), "preload it")
	inGenesis := *g
	inGenesis.Tree.Data = data
	for _, with := range []*types.GenesisState{&inGenesis, types.DefaultGenesisState()} {
		want(refused(t, testutil.Config{Genesis: with, InitialHeight: 2, DB: loaded(t, data, g, 2)}), "has a tree already")
	}
	fewer := *g
	fewer.Params.MaxAnchors = 7
	want(refused(t, testutil.Config{Genesis: &fewer, InitialHeight: 2, DB: loaded(t, data, g, 2)}), "max_anchors 7")
	// A damaged record with the sums of the damage: the hashes tell.
	damagedData, unsound := unsound(t, 5000)
	want(refused(t, testutil.Config{Genesis: unsound, InitialHeight: 2, DB: loaded(t, damagedData, unsound, 2)}), "shard")

	// The database of the failures above takes the right one.
	testutil.Must0(t, load(db, 2, data, g.Tree))
	begin.DB = db
	c := testutil.New(t, begin)
	block(c)
	c.Check()
	want(load(db, 2, data, g.Tree), "has blocks")
	c.Restart()
	block(c)
}

// unsound is the stream of a tree one of whose leaves was changed in its record.
func unsound(t *testing.T, n int) ([]byte, *types.GenesisState) {
	t.Helper()
	kv := kvtest.NewMemStore()
	tree := testutil.Must(kvshard.Open(kv))(t)
	testutil.Must(tree.AppendBatch(testutil.Leaves(0, n)))(t)
	record, _, err := kvshard.ReadRecord(kv, kvshard.RecordName{Kind: kvshard.KindShard, Index: 3})
	testutil.Must0(t, err)
	record.Value = slices.Clone(record.Value)
	record.Value[bytes.Index(record.Value, testutil.Leaves(3*16+2, 1)[0][:])]++
	testutil.Must0(t, kvshard.WriteRecord(kv, record))
	var data bytes.Buffer
	state := testutil.Must(keeper.WriteTree(tree, kv, types.DefaultParams().MaxAnchors, &data))(t)
	return data.Bytes(), &types.GenesisState{Params: types.DefaultParams(), Tree: state}
}

// TestCommand: the command reads genesis.json and writes the database of its home.
func TestCommand(t *testing.T) {
	data, g := streamOf(t, 1000)
	home := t.TempDir()
	for _, dir := range []string{"config", "data"} {
		testutil.Must0(t, os.Mkdir(filepath.Join(home, dir), 0o755))
	}
	file := filepath.Join(home, "tree.kvx")
	testutil.Must0(t, os.WriteFile(file, data, 0o644))
	c := testutil.New(t, testutil.Config{})
	run := func(g *types.GenesisState, height int64, args ...string) (string, error) {
		state := testutil.Must(json.Marshal(map[string]json.RawMessage{types.ModuleName: c.Codec.MustMarshalJSON(g)}))(t)
		genesis := genutiltypes.NewAppGenesisWithVersion(testutil.ChainID, state)
		genesis.InitialHeight = height
		testutil.Must0(t, genesis.SaveAs(filepath.Join(home, "config", "genesis.json")))
		node := server.NewDefaultContext()
		node.Config.SetRoot(home)
		node.Viper.Set("app-db-backend", "goleveldb")
		ctx := context.WithValue(context.Background(), server.ServerContextKey, node)
		clientCtx := client.Context{}.WithCodec(c.Codec)
		cmd := preload.Cmd(types.StoreKey)
		cmd.SetContext(context.WithValue(ctx, client.ClientContextKey, &clientCtx))
		cmd.SetArgs(args)
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		var out bytes.Buffer
		cmd.SetOut(&out)
		err := cmd.Execute()
		return out.String(), err
	}
	inGenesis := *g
	inGenesis.Tree.Data = data
	if _, err := run(&inGenesis, 5, file); err == nil || !strings.Contains(err.Error(), "empty both") {
		t.Error(err)
	}
	if _, err := run(g, 5, file+"x"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	for range 2 { // again does no harm
		if out, err := run(g, 5, file); err != nil || !strings.Contains(out, "of 1000 leaves") || !strings.Contains(out, "begins at height 5") {
			t.Error(out, err)
		}
	}
	db := testutil.Must(dbm.NewDB("application", dbm.GoLevelDBBackend, filepath.Join(home, "data")))(t)
	defer db.Close()
	block(testutil.New(t, testutil.Config{Genesis: g, InitialHeight: 5, DB: db}))
	if _, err := run(g, 5, file); err == nil {
		t.Error("it preloaded into a database that is open")
	}
}
