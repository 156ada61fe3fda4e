package preload_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
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

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/server"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/dbstore"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/preload"
	"github.com/kvshard/kvshard/x/commitment/testutil"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestSize starts a chain from a large tree in three ways, and prints what each needs: an
// import by InitGenesis, a preload, and a state-sync from a node that has the tree. All
// three have the same tree in the end. KVSHARD_GENESIS_LEAVES has its size (make
// genesis-size: ten million), or KVSHARD_GENESIS_STREAM a stream with one checkpoint, 1.
//
// Each step is a process of its own, because memory that a step gave back can stay with
// its process.
func TestSize(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, streamName)
	if given := os.Getenv("KVSHARD_GENESIS_STREAM"); given != "" {
		testutil.Must0(t, os.Symlink(given, name))
	} else {
		leaves := 20_000
		if text := os.Getenv("KVSHARD_GENESIS_LEAVES"); text != "" {
			leaves = testutil.Must(strconv.Atoi(text))(t)
		}
		writeStream(t, name, leaves)
	}
	in := testutil.Must(os.Open(name))(t)
	tree := testutil.Must(keeper.ReadTree(in))(t)
	testutil.Must0(t, in.Close())
	testutil.Must0(t, os.WriteFile(filepath.Join(dir, "tree.json"), testutil.Must(json.Marshal(tree))(t), 0o644))
	for _, step := range steps {
		c := exec.Command(os.Args[0], "-test.run=^TestStep$", "-test.v", "-test.timeout=2h")
		c.Env = append(os.Environ(), "KVSHARD_STEP="+step.name, "KVSHARD_STEP_DIR="+dir)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", step.name, err, out)
		}
		for line := range strings.Lines(string(out)) {
			if _, figures, found := strings.Cut(line, "figures: "); found {
				t.Log(strings.TrimSpace(figures))
			}
		}
	}
	for _, step := range []string{"preload", "state-sync"} {
		if got, want := root(t, dir, step), root(t, dir, "import"); got != want {
			t.Errorf("the root is %s after a %s, and %s after an import", got, step, want)
		}
	}
}

const streamName = "tree.kvx"

var steps = []struct {
	name string
	run  func(m *measurement)
}{
	{"preload", preloadStep}, {"begin", beginStep}, {"snapshot", snapshotStep}, {"state-sync", syncStep}, {"import", importStep},
}

// TestStep is one step of TestSize.
func TestStep(t *testing.T) {
	name, dir := os.Getenv("KVSHARD_STEP"), os.Getenv("KVSHARD_STEP_DIR")
	if name == "" {
		t.Skip("TestSize runs it, in a process of its own")
	}
	m := &measurement{T: t, dir: dir, genesis: &types.GenesisState{Params: types.DefaultParams()}}
	testutil.Must0(t, json.Unmarshal(testutil.Must(os.ReadFile(filepath.Join(dir, "tree.json")))(t), &m.genesis.Tree))
	for _, step := range steps {
		if step.name == name {
			step.run(m)
			return
		}
	}
	t.Fatalf("there is no step %q", name)
}

func importStep(m *measurement) {
	g := *m.genesis
	g.Tree.File = streamName
	db := m.open("import")
	var c *testutil.Chain
	m.phase("InitChain, which imports the file", func() {
		c = testutil.New(m.T, testutil.Config{Genesis: &g, InitialHeight: 2, DB: db, Options: []keeper.Option{keeper.WithGenesisDir(m.dir)}})
	})
	m.phase("its first block", func() { block(c) })
	m.ended("import", c)
}

func preloadStep(m *measurement) {
	db := m.open("preload")
	m.phase("preload", func() {
		in := testutil.Must(os.Open(filepath.Join(m.dir, streamName)))(m.T)
		defer in.Close()
		testutil.Must0(m.T, preload.Tree(db, types.StoreKey, 2, in, m.genesis.Tree))
	})
	if m.peak > 400<<20 {
		m.Errorf("a preload took %d MiB: its memory grows with the tree", m.peak>>20)
	}
}

func beginStep(m *measurement) {
	var c *testutil.Chain
	config := testutil.Config{Genesis: m.genesis, InitialHeight: 2, DB: m.open("preload")}
	m.phase("InitChain, which checks the preloaded tree", func() { c = testutil.New(m.T, config) })
	m.phase("its first block", func() { block(c) })
	m.ended("preload", c)
}

func snapshotStep(m *measurement) {
	c := m.provider()
	m.phase("a snapshot", func() { testutil.Must(c.App.SnapshotManager().Create(uint64(c.Height())))(m.T) })
}

// provider is the node that preloaded, with its snapshots.
func (m *measurement) provider() *testutil.Chain {
	return testutil.Open(m.T, testutil.Config{DB: m.open("preload"), BaseApp: nodeOptions(filepath.Join(m.dir, "provider"))})
}

// syncStep restores a new node from the snapshot of another, as CometBFT has it done.
func syncStep(m *measurement) {
	t, c, db := m.T, m.provider(), m.open("state-sync")
	var restored *testutil.Chain
	config := testutil.Config{DB: db, BaseApp: nodeOptions(filepath.Join(m.dir, "synced"))}
	m.phase("state-sync", func() {
		restored = testutil.Open(t, config)
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
	// The node starts as after a state-sync, and both execute the same block.
	config.BaseApp = nodeOptions(filepath.Join(m.dir, "again"))
	restored = testutil.Open(t, config)
	if next, want := restored.MustBlock().AppHash, c.MustBlock().AppHash; !bytes.Equal(next, want) {
		t.Errorf("the block after a state-sync has the application hash %x, and %x without", next, want)
	}
	m.ended("state-sync", restored)
}

// nodeOptions are those of a node with that home.
func nodeOptions(home string) []func(*baseapp.BaseApp) {
	v := viper.New()
	v.Set(flags.FlagHome, home)
	v.Set(flags.FlagChainID, testutil.ChainID)
	v.Set(server.FlagPruning, "default")
	v.Set(server.FlagStateSyncSnapshotKeepRecent, 1)
	return server.DefaultBaseappOptions(v)
}

// ended notes the root of a chain for TestSize, and the bytes of its database.
func (m *measurement) ended(step string, c *testutil.Chain) {
	view := testutil.Must(c.Keeper.View(c.Context()))(m.T)
	node := testutil.Must(view.Root())(m.T)
	testutil.Must0(m.T, os.WriteFile(rootFile(m.dir, step), []byte(node.String()), 0o644))
	m.Logf("figures: %s: %d MB on disk", step, testutil.Must(dbstore.BytesIn(filepath.Join(m.dir, step)))(m.T)/1_000_000)
}

func rootFile(dir, step string) string { return filepath.Join(dir, step+".root") }

func root(t *testing.T, dir, step string) string {
	t.Helper()
	return string(testutil.Must(os.ReadFile(rootFile(dir, step)))(t))
}

// writeStream makes a tree on disk and writes its stream.
func writeStream(t *testing.T, path string, n int) {
	t.Helper()
	dir := t.TempDir()
	db := testutil.Must(dbm.NewDB("tree", dbm.GoLevelDBBackend, dir))(t)
	defer db.Close()
	tree := testutil.Must(kvshard.Open(db))(t)
	const batch = 1 << 16
	for first := 0; first < n; first += batch {
		testutil.Must(tree.AppendBatch(testutil.Leaves(first, min(batch, n-first))))(t)
	}
	testutil.Must0(t, tree.Checkpoint(1))
	file := testutil.Must(os.Create(path))(t)
	testutil.Must(keeper.WriteTree(tree, db, types.DefaultParams().MaxAnchors, file))(t)
	testutil.Must0(t, file.Close())
}

// A measurement prints seconds and memory of a step.
type measurement struct {
	*testing.T
	dir     string
	genesis *types.GenesisState // without the stream
	peak    uint64              // bytes that were resident in the last phase
}

// open opens the database of a node on disk.
func (m *measurement) open(node string) dbm.DB {
	m.Helper()
	db := testutil.Must(dbm.NewDB("application", dbm.GoLevelDBBackend, filepath.Join(m.dir, node)))(m.T)
	m.Cleanup(func() { _ = db.Close() })
	return db
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
	m.Logf("figures: %s: %.1f s, peak of the process %d MiB, heap that stays %d MiB", name, taken.Seconds(), m.peak>>20, now.HeapAlloc>>20)
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
