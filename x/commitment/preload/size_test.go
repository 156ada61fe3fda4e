package preload_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/viper"

	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/server"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/preload"
	"github.com/kvshard/kvshard/x/commitment/testutil"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestSize starts a chain from a large tree in three ways, and prints what each needs: an
// import by InitGenesis, a preload, and a state-sync from a node that has the tree. All
// three have the same tree in the end. KVSHARD_GENESIS_LEAVES has its size (make
// genesis-size: ten million).
func TestSize(t *testing.T) {
	leaves := 20_000
	if text := os.Getenv("KVSHARD_GENESIS_LEAVES"); text != "" {
		leaves = testutil.Must(strconv.Atoi(text))(t)
	}
	m := &measurement{T: t, leaves: leaves}
	dir := t.TempDir()
	stream := filepath.Join(dir, "tree.kvx")
	g := &types.GenesisState{Params: types.DefaultParams()}
	m.phase("a tree and its stream", func() { g.Tree = writeStream(t, stream, leaves) })

	inGenesis := *g
	inGenesis.Tree.File = filepath.Base(stream)
	var root []byte
	m.node("import", func(db dbm.DB) {
		var c *testutil.Chain
		m.phase("InitChain, which imports the file", func() {
			c = testutil.New(t, testutil.Config{Genesis: &inGenesis, InitialHeight: 2, DB: db, Options: []keeper.Option{keeper.WithGenesisDir(dir)}})
		})
		m.phase("its first block", func() { block(c) })
		root = rootOf(c)
	})

	m.node("preload", func(db dbm.DB) {
		m.phase("preload", func() {
			in := testutil.Must(os.Open(stream))(t)
			defer in.Close()
			testutil.Must0(t, preload.Tree(db, types.StoreKey, 2, in, g.Tree))
		})
		if leaves > 1_000_000 && m.peak > 400<<20 {
			t.Errorf("a preload took %d MiB: its memory grows with the tree", m.peak>>20)
		}
		var c *testutil.Chain
		config := testutil.Config{Genesis: g, InitialHeight: 2, DB: db, BaseApp: server.DefaultBaseappOptions(nodeOptions(t))}
		m.phase("InitChain, which checks the tree", func() { c = testutil.New(t, config) })
		m.phase("its first block", func() { block(c) })
		if got := rootOf(c); !bytes.Equal(got, root) {
			t.Errorf("root %x after a preload, %x after an import", got, root)
		}
		m.phase("a snapshot", func() {
			testutil.Must(c.App.SnapshotManager().Create(uint64(c.Height())))(t)
		})
		m.stateSync(c)
	})
}

// stateSync restores a new node from the snapshot of another, as CometBFT has it done.
func (m *measurement) stateSync(c *testutil.Chain) {
	t := m.T
	m.node("state-sync", func(db dbm.DB) {
		var restored *testutil.Chain
		m.phase("state-sync", func() {
			restored = testutil.Open(t, testutil.Config{DB: db, BaseApp: server.DefaultBaseappOptions(nodeOptions(t))})
			snapshot := testutil.Must(c.App.ListSnapshots(&abci.RequestListSnapshots{}))(t).Snapshots[0]
			offered := testutil.Must(restored.App.OfferSnapshot(&abci.RequestOfferSnapshot{Snapshot: snapshot}))(t)
			if offered.Result != abci.ResponseOfferSnapshot_ACCEPT {
				t.Fatal(offered)
			}
			for i := range snapshot.Chunks {
				chunk := testutil.Must(c.App.LoadSnapshotChunk(&abci.RequestLoadSnapshotChunk{Height: snapshot.Height, Format: snapshot.Format, Chunk: i}))(t)
				applied := testutil.Must(restored.App.ApplySnapshotChunk(&abci.RequestApplySnapshotChunk{Index: i, Chunk: chunk.Chunk}))(t)
				if applied.Result != abci.ResponseApplySnapshotChunk_ACCEPT {
					t.Fatal(applied)
				}
			}
		})
		if want, got := c.App.LastCommitID(), restored.App.LastCommitID(); got.Version != want.Version || !bytes.Equal(got.Hash, want.Hash) {
			t.Errorf("the node that synced is at %v, the other at %v", got, want)
		}
		restored.Accounts = c.Accounts
		restored.Restart()
		next := block(restored)
		c.Accounts[0].Sequence--
		if want := block(c); !bytes.Equal(next, want) {
			t.Errorf("the block after a state-sync has the application hash %x, and %x without", next, want)
		}
	})
}

// nodeOptions are those of a node in a new home.
func nodeOptions(t *testing.T) *viper.Viper {
	t.Helper()
	v := viper.New()
	v.Set(flags.FlagHome, t.TempDir())
	v.Set(flags.FlagChainID, testutil.ChainID)
	v.Set(server.FlagPruning, "default")
	v.Set(server.FlagStateSyncSnapshotKeepRecent, 1)
	return v
}

func rootOf(c *testutil.Chain) []byte {
	root, err := c.Keeper.View(c.Context())
	testutil.Must0(c.T, err)
	node, err := root.Root()
	testutil.Must0(c.T, err)
	return node[:]
}

// writeStream makes a tree on disk and writes its stream.
func writeStream(t *testing.T, path string, n int) types.GenesisTree {
	t.Helper()
	dir := t.TempDir()
	db := testutil.Must(dbm.NewDB("tree", dbm.GoLevelDBBackend, dir))(t)
	defer os.RemoveAll(dir)
	defer db.Close()
	tree := testutil.Must(kvshard.Open(db))(t)
	const batch = 1 << 16
	for first := 0; first < n; first += batch {
		testutil.Must(tree.AppendBatch(testutil.Leaves(first, min(batch, n-first))))(t)
	}
	testutil.Must0(t, tree.Checkpoint(1))
	file := testutil.Must(os.Create(path))(t)
	state := testutil.Must(keeper.WriteTree(tree, db, types.DefaultParams().MaxAnchors, file))(t)
	testutil.Must0(t, file.Close())
	return state
}

// A measurement prints seconds and memory of one phase after the other.
type measurement struct {
	*testing.T
	leaves int
	peak   uint64 // bytes that were resident in the last phase
}

// node runs f over a database on disk.
func (m *measurement) node(name string, f func(dbm.DB)) {
	m.Helper()
	dir := m.TempDir()
	db := testutil.Must(dbm.NewDB("application", dbm.GoLevelDBBackend, dir))(m.T)
	defer os.RemoveAll(dir)
	defer db.Close()
	f(db)
	m.Logf("%s: %d bytes on disk", name, bytesIn(m.T, dir))
}

func (m *measurement) phase(name string, f func()) {
	m.Helper()
	debug.FreeOSMemory()
	resetPeak()
	begun := time.Now()
	f()
	taken := time.Since(begun)
	m.peak = resident("VmHWM")
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	m.Logf("%d leaves, %s: %.1f s, peak of the process %d MiB, heap that stays %d MiB", m.leaves, name, taken.Seconds(), m.peak>>20, now.HeapAlloc>>20)
}

// resetPeak makes Linux count the peak of the resident memory anew.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// resident is a line of /proc/self/status in bytes, 0 on other systems.
func resident(what string) uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\n"+what+":")
	var kib uint64
	if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil && err != io.EOF {
		return 0
	}
	return kib << 10
}

func bytesIn(t *testing.T, dir string) (sum int64) {
	t.Helper()
	testutil.Must0(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	}))
	return sum
}
