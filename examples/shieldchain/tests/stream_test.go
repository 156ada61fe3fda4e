package tests

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmos/cosmos-sdk/runtime"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"

	corestore "cosmossdk.io/core/store"

	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestGenesisIsTheCommandsStream: the command imports the file that a chain exported,
// and a chain starts from the file that the command exported. It is the same file.
func TestGenesisIsTheCommandsStream(t *testing.T) {
	dir := t.TempDir()
	command := filepath.Join(dir, "kvshard")
	build := exec.Command("go", "build", "-o", command, ".")
	build.Dir = "../../../cmd/kvshard"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kvshardIn := func(args ...string) string {
		t.Helper()
		c := exec.Command(command, args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("kvshard %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	home := t.TempDir()
	chaintest.Must0(t, os.Mkdir(filepath.Join(home, "config"), 0o755))
	options := simtestutil.AppOptionsMap{"home": home}
	c := chaintest.New(t, chaintest.Config{Options: options})
	a := c.Accounts[0]
	for i := range 5 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 31)...)))
	}
	exported := chaintest.Must(c.App.Export(false, nil))(t)
	files := chaintest.Must(filepath.Glob(filepath.Join(home, "config", "*.kvx")))(t)
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}

	kvshardIn("import", "--dir", "copy", files[0])
	if root, size := c.Root(); !strings.Contains(kvshardIn("root", "--dir", "copy"), root.String()) || size != 155 {
		t.Errorf("another root than %s of %d", root, size)
	}
	kvshardIn("check", "--dir", "copy")
	again := filepath.Join(home, "config", "again.kvx")
	kvshardIn("export", "--dir", "copy", again)
	if !bytes.Equal(chaintest.Must(os.ReadFile(again))(t), chaintest.Must(os.ReadFile(files[0]))(t)) {
		t.Error("the command exports another stream than the chain")
	}

	tree := chaintest.Must(keeper.ReadTree(chaintest.Must(os.Open(again))(t)))(t)
	tree.File = filepath.Base(again)
	var state map[string]json.RawMessage
	chaintest.Must0(t, json.Unmarshal(exported.AppState, &state))
	var genesis types.GenesisState
	c.App.Codec().MustUnmarshalJSON(state[types.ModuleName], &genesis)
	genesis.Tree = tree
	state[types.ModuleName] = c.App.Codec().MustMarshalJSON(&genesis)
	d := chaintest.New(t, chaintest.Config{Options: options, State: chaintest.Must(json.Marshal(state))(t), From: c, InitialHeight: exported.Height})
	for _, chain := range []*chaintest.Chain{c, d} {
		b := chain.Accounts[0]
		chain.MustBlock(chain.Tx(b, plenty, chaintest.Append(b, chaintest.Leaves(9000, 5)...)))
		chain.Check()
	}
	chaintest.SameDump(t, "after the command's stream", c.Dump(), d.Dump())

	leaves := filepath.Join(dir, "leaves.kvx")
	kvshardIn("export", "--dir", "copy", "--form", "leaves", leaves)
	if _, err := keeper.ReadTree(chaintest.Must(os.Open(leaves))(t)); err == nil || !strings.Contains(err.Error(), "one of records") {
		t.Errorf("a stream of leaves: %v", err)
	}
}

// A queueIn is a transient store made by a test.
type queueIn struct{ corestore.KVStore }

func (q queueIn) OpenTransientStore(context.Context) corestore.KVStore { return q.KVStore }

// TestQueueThatCannotBeRead: if a block's queue cannot be read to its end, the block
// appends nothing, not a part.
func TestQueueThatCannotBeRead(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{Params: withMode(types.Queue)})
	c.MustBlock()
	queue := kvtest.NewMemStore()
	drained := []byte{0}
	fill := func() {
		if chaintest.Must(queue.Has(drained))(t) {
			chaintest.Must0(t, queue.Delete(drained)) // a new block
		}
		for i := range uint64(3) {
			call := &types.QueuedCall{Height: 2, MsgIndex: uint32(i), Commitments: append([]byte{byte(i)}, make([]byte, 31)...)}
			queue.Put(binary.BigEndian.AppendUint64(nil, i), chaintest.Must(types.PackCall(nil, call))(t))
		}
	}
	endBlock := func(queue corestore.KVStore) (uint64, error) {
		fill()
		ctx := c.Context().WithBlockHeight(2)
		k := keeper.NewKeeper(c.App.Codec(), runtime.NewKVStoreService(c.App.StoreKey(types.StoreKey)), queueIn{queue}, nil, "")
		err := k.EndBlock(ctx)
		return chaintest.Must(chaintest.Must(k.View(ctx))(t).Size())(t), err
	}
	if size, err := endBlock(queue); err != nil || size != 3 {
		t.Fatalf("%d leaves, %v", size, err)
	}
	if n := queue.Len(); n != 1 || !chaintest.Must(queue.Has(drained))(t) {
		t.Fatalf("%d records are left, want that of how many were appended", n)
	}
	for _, mode := range []kvtest.FaultMode{kvtest.FaultBreak, kvtest.FaultError} {
		for at := 1; ; at++ {
			faulty := kvtest.NewFaultStore(queue, kvtest.Fault{At: at, Mode: mode})
			size, err := endBlock(faulty)
			if !faulty.Fired() {
				if at < 3 {
					t.Errorf("%v: only %d faults", mode, at-1)
				}
				break
			}
			if size != 0 || !errors.Is(err, kvtest.ErrInjected) {
				t.Errorf("%s: %d leaves, %v", faulty, size, err)
			}
		}
	}
	if open := queue.OpenIterators(); open != 0 {
		t.Errorf("%d iterators are open", open)
	}
}
