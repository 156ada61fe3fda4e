package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/kvtest"
)

var built string // the built command

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "kvshard-test-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		built = filepath.Join(dir, "kvshard")
		if out, err := exec.Command("go", "build", "-o", built, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

type result struct {
	out, err string
	code     int
}

// cli runs the built command in a directory.
func cli(t *testing.T, dir, stdin string, args ...string) result {
	t.Helper()
	c := exec.Command(built, args...)
	c.Dir, c.Stdin = dir, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// ok runs the command, which must succeed, and returns its output.
func ok(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	r := cli(t, dir, stdin, args...)
	if r.code != 0 {
		t.Fatalf("kvshard %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// okJSON runs the command with --output json and decodes what it prints.
func okJSON[T any](t *testing.T, dir, stdin string, args ...string) (v T) {
	t.Helper()
	out := ok(t, dir, stdin, append(args, "--output", "json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return v
}

// leaves makes some, pseudorandom and canonical.
func leaves(n int) []kvshard.Node {
	made := make([]kvshard.Node, n)
	for i := range made {
		for word := range 3 {
			x := (uint64(i) + uint64(word)<<40 + 1) * 0x9E3779B97F4A7C15
			binary.LittleEndian.PutUint64(made[i][8*word:], x^x>>29)
		}
	}
	return made
}

func raw(nodes []kvshard.Node) string {
	var b strings.Builder
	for _, n := range nodes {
		b.Write(n[:])
	}
	return b.String()
}

// want is the root that the library has for these leaves.
func want(t *testing.T, nodes []kvshard.Node) string {
	t.Helper()
	tree, err := kvshard.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.AppendBatch(nodes); err != nil {
		t.Fatal(err)
	}
	root, err := tree.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root.String()
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRealBlocks(t *testing.T) {
	t.Parallel()
	chain, err := realdata.Testnet()
	if err != nil {
		t.Fatal(err)
	}
	for _, backend := range []string{"goleveldb", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			dir := t.TempDir()
			ok(t, dir, "", "init", "--backend", backend)
			ok(t, dir, "", "append", testdata(t, "roots/testnet.json"))
			for _, b := range chain.Blocks {
				got := okJSON[source.State](t, dir, "", "root", "--at", fmt.Sprint(b.Height))
				if got.Root != b.RootAfter || got.Size != b.SizeAfter {
					t.Errorf("block %d: %+v", b.Height, got)
				}
			}
			again := ok(t, dir, "", "append", "--start", "0", testdata(t, "roots/testnet.json"))
			if !strings.Contains(again, "appended 0 leaves from position 8") {
				t.Error(again)
			}
			if out := ok(t, dir, "", "check"); !strings.Contains(out, "sound: 8 leaves") {
				t.Error(out)
			}
			if out := ok(t, dir, "", "dump"); !strings.Contains(out, "checkpoint 1842468 at size 8") {
				t.Error(out)
			}
			if out := ok(t, dir, "", "checkpoint"); strings.Count(out, "\n") != len(chain.Blocks) {
				t.Error(out)
			}
			if out := ok(t, dir, "", "stat"); !strings.Contains(out, "1842468        2   26252") {
				t.Error(out)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	nodes := leaves(40)
	var hex, array, stream strings.Builder
	array.WriteString("[ ")
	hex.WriteString("# commitments\r\n\n")
	for i, n := range nodes {
		fmt.Fprintf(&hex, "%s\n", n)
		if i > 0 {
			array.WriteString(",\n")
		}
		fmt.Fprintf(&array, "%q", n)
		fmt.Fprintf(&stream, "{\"commitments\": [%q]}\n", n)
	}
	array.WriteString("]")
	root := want(t, nodes)
	for name, text := range map[string]string{
		"hex": hex.String(), "array": array.String(), "stream": stream.String(), "raw": raw(nodes),
		"blocks.json": fmt.Sprintf(`{"blocks":[{"height":3,"commitments":%s,"root_after":%q}]}`, array.String(), root),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ok(t, dir, "", "init")
			write(t, dir, name, text)
			got := okJSON[source.State](t, dir, "", "append", name)
			if got.Root.String() != root || got.Size != 40 {
				t.Errorf("from a file: %+v", got)
			}
			ok(t, dir, "", "init", "--dir", "other")
			if got := okJSON[source.State](t, dir, text, "append", "--dir", "other"); got.Root.String() != root {
				t.Errorf("from standard input: %+v", got)
			}
		})
	}
}

func TestWitness(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(100)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes[:50]), "append", "--checkpoint", "9")
	ok(t, dir, raw(nodes[50:]), "append")
	now, then := want(t, nodes), want(t, nodes[:50])

	write(t, dir, "now.json", ok(t, dir, "", "witness", "7", "-o", "json"))
	if out := ok(t, dir, "", "verify", "now.json"); !strings.Contains(out, "the root is the proof's own") {
		t.Error(out)
	}
	if out := ok(t, dir, "", "verify", "now.json", "--root", now); strings.Contains(out, "own") {
		t.Error(out)
	}
	if r := cli(t, dir, "", "verify", "now.json", "--root", then); r.code != exit.No || !strings.Contains(r.out, "NOT valid") {
		t.Errorf("%+v", r)
	}
	ok(t, dir, "", "witness", "7", "--at", "9", "--binary", "--file", "then.bin")
	ok(t, dir, "", "verify", "then.bin", "--root", then, "--leaf", nodes[7].String())
	if r := cli(t, dir, "", "verify", "then.bin", "--root", now, "--leaf", nodes[7].String()); r.code != exit.No {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, "", "verify", "then.bin", "--root", then); r.code != exit.Usage || !strings.Contains(r.err, "give --leaf") {
		t.Errorf("%+v", r)
	}
	if out := ok(t, dir, "", "witness", "7"); !strings.Contains(out, "level  0, left  "+nodes[6].String()) {
		t.Error(out)
	}
	for _, bad := range []string{"", "{}", "{", "short", strings.Repeat("\xff", input.WitnessBytes)} {
		r := cli(t, dir, bad, "verify", "--root", now, "--leaf", nodes[7].String())
		if r.code != exit.Input {
			t.Errorf("verify %.10q: %+v", bad, r)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init", "--max-checkpoints", "2")
	ok(t, dir, raw(leaves(3)), "append", "--checkpoint", "1")
	ok(t, dir, "", "checkpoint", "--retain", "1")
	for _, id := range []string{"2", "3", "4"} {
		ok(t, dir, "", "checkpoint", id)
	}
	list := okJSON[[]source.Checkpoint](t, dir, "", "checkpoint")
	if fmt.Sprint(list) != "[{1 3 true} {3 3 false} {4 3 false}]" {
		t.Error(list)
	}
	ok(t, dir, "", "checkpoint", "--release", "1")
	ok(t, dir, "", "checkpoint", "--retain", "5")
	list = okJSON[[]source.Checkpoint](t, dir, "", "checkpoint")
	if list[0].ID == 1 || list[len(list)-1] != (source.Checkpoint{ID: 5, Size: 3, Retained: true}) {
		t.Error(list)
	}
	ok(t, dir, "", "check")
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(20)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes), "append", "--checkpoint", "10")
	write(t, dir, "raw.bin", raw(nodes))
	ok(t, dir, "", "init", "--dir", "ephemeral", "--retention", "ephemeral")
	ok(t, dir, raw(nodes), "append", "--dir", "ephemeral")
	modulus := "01000000ed302d991bf94c09fc98462200000000000000000000000000000040"
	wrongRoot := fmt.Sprintf(`{"height":11,"commitments":[%q],"root_after":%q}`, nodes[0], nodes[1])
	for _, c := range []struct {
		args  string
		stdin string
		code  int
		says  string
	}{
		{"bogus", "", exit.Usage, "unknown command"},
		{"root extra", "", exit.Usage, ""},
		{"root --bogus", "", exit.Usage, "kvshard root --help"},
		{"root --output xml", "", exit.Usage, "text or json"},
		{"root --progress loud", "", exit.Usage, "auto, bar, plain or off"},
		{"root --at x", "", exit.Usage, "checkpoint id"},
		{"init --backend rocks --dir x", "", exit.Usage, "goleveldb or pebble"},
		{"init --retention some --dir x", "", exit.Usage, "marked or ephemeral"},
		{"init --max-checkpoints 0 --dir x", "", exit.Usage, "at least 1"},
		{"init --prefix 0g --dir x", "", exit.Usage, "prefix"},
		{"append --format xml", "", exit.Usage, "auto, hex, json or raw"},
		{"append", modulus, exit.Input, "line 1"},
		{"append", "12\n", exit.Input, "line 1"},
		{"append", raw(nodes)[:33], exit.Input, "has 1 bytes"},
		{"append --format raw", strings.Repeat("\xff", 32), exit.Input, "commitment 0 of the input"},
		{"append", "[1]", exit.Input, "byte"},
		{"append", wrongRoot, exit.Input, "was not appended"},
		{"append nosuchfile", "", exit.Input, "nosuchfile"},
		{"append --start 21", "", exit.State, "only 20 leaves"},
		{"append --start 1 raw.bin", "", exit.State, "position 1 has the leaf"},
		{"checkpoint 10", "", exit.State, "above the newest"},
		{"checkpoint --retain 9", "", exit.State, ""},
		{"checkpoint --release 9", "", exit.NotFound, ""},
		{"init", "", exit.State, "already"},
		{"root --at 9", "", exit.NotFound, "checkpoint"},
		{"witness 20", "", exit.NotFound, "below the size"},
		{"witness 3 --dir ephemeral", "", exit.NotFound, "retention marked"},
		{"root --dir nowhere", "", exit.Store, "kvshard init"},
		{"root --db nowhere.db", "", exit.Store, "no database"},
		{"root --db nowhere", "", exit.Store, ".db"},
		{"append --db tree/tree.db", "", exit.Usage, "reading only"},
	} {
		r := cli(t, dir, c.stdin, strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || r.err == "" || r.out != "" {
			t.Errorf("kvshard %s: code %d, want %d and %q\n%s%s", c.args, r.code, c.code, c.says, r.out, r.err)
		}
		if strings.Contains(r.err, "goroutine") {
			t.Errorf("kvshard %s panicked: %s", c.args, r.err)
		}
		// In JSON, an error is JSON.
		r = cli(t, dir, c.stdin, append(strings.Fields(c.args), "--output=json")...)
		var failed struct {
			Error string
			Code  int
		}
		if strings.Contains(c.args, "bogus") || strings.Contains(c.args, "--output") {
			continue
		}
		if err := json.Unmarshal([]byte(r.err), &failed); err != nil || failed.Code != c.code || failed.Error == "" {
			t.Errorf("kvshard %s --output json: %v: %s", c.args, err, r.err)
		}
	}
	if r := cli(t, dir, "", "dump", "--values"); r.code != exit.Usage || !strings.Contains(r.err, "--output json") {
		t.Errorf("%+v", r)
	}
	if got := okJSON[source.State](t, dir, "", "root"); got.Size != 20 {
		t.Errorf("refused commands left %d leaves", got.Size)
	}
	ok(t, dir, "", "check")
}

func TestCheckFindsAndCannotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init", "--prefix", "6e")
	ok(t, dir, raw(leaves(40)), "append")
	db, err := disk.Open(filepath.Join(dir, "tree/tree.db"), disk.GoLevelDB)
	if err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "append"); r.code != exit.Store || !strings.Contains(r.err, "in use") {
		t.Errorf("a database in use: %+v", r)
	}
	if err := db.DeleteSync(append([]byte{0x6e, 0x0F}, 0, 0, 0, 0, 0, 0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := cli(t, dir, "", "check")
	if r.code != exit.No || !strings.Contains(r.out, "violations") {
		t.Errorf("%+v", r)
	}
	r = cli(t, dir, "", "check", "-o", "json")
	var found struct {
		Sound      bool
		Violations []violationView
	}
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || found.Sound || len(found.Violations) == 0 || r.code != exit.No {
		t.Errorf("%v %+v", err, r)
	}
	if r := cli(t, dir, "", "witness", "20"); r.code != exit.Store || !strings.Contains(r.err, "kvshard check") {
		t.Errorf("%+v", r)
	}
}

// An append that is interrupted, or killed, is continued with nothing lost
// and nothing twice.
func TestAppendInterrupted(t *testing.T) {
	t.Parallel()
	nodes := leaves(3*source.BatchLeaves/2 + 7)
	text := raw(nodes)
	root := want(t, nodes)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, os.Kill} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			ok(t, dir, "", "init")
			c := exec.Command(built, "append", "--checkpoint", "5")
			c.Dir = dir
			stdin, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var errs bytes.Buffer
			c.Stderr = &errs
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			// One whole batch, and a part of the next, which stays in memory.
			if _, err := io.WriteString(stdin, text[:32*(source.BatchLeaves+1000)]); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the first batch on disk", func() bool { return bytesIn(t, filepath.Join(dir, "tree/tree.db")) > 2<<20 })
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			err = c.Wait()
			if signal != os.Kill {
				if code := c.ProcessState.ExitCode(); code != exit.Interrupted || !strings.Contains(errs.String(), "--start 0 - --checkpoint 5") {
					t.Errorf("%v, code %d: %s", err, code, errs.String())
				}
			}
			if got := okJSON[source.State](t, dir, "", "root"); got.Size != source.BatchLeaves {
				t.Errorf("size %d on disk, want %d", got.Size, source.BatchLeaves)
			}
			// The same command would append the first batch again.
			if r := cli(t, dir, text, "append", "--checkpoint", "5"); r.code != exit.State || !strings.Contains(r.err, "kvshard append --dir tree --start 0 -, or --start 65536 for another input") {
				t.Errorf("%+v", r)
			}
			for range 2 { // the second time there is nothing left to do
				got := okJSON[source.State](t, dir, text, "append", "--start", "0", "--checkpoint", "5")
				if got.Size != uint64(len(nodes)) || got.Root.String() != root {
					t.Errorf("continued: %+v, want root %s", got, root)
				}
			}
			if list := okJSON[[]source.Checkpoint](t, dir, "", "checkpoint"); len(list) != 1 {
				t.Error(list)
			}
			ok(t, dir, raw(nodes[:1]), "append")
		})
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// bytesIn is how much a directory's files hold.
func bytesIn(t *testing.T, dir string) (sum int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // it may go meanwhile
			sum += info.Size()
		}
	}
	return sum
}

// What is left of an append can also be left as it is.
func TestAppendNotFinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(30)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes[:5]), "append", "--checkpoint", "1")
	block := func(height, from, to int, root kvshard.Node) string {
		list, err := json.Marshal(nodes[from:to])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"height":%d,"commitments":%s,"root_after":%q}`, height, list, root)
	}
	var right kvshard.Node
	if err := right.UnmarshalText([]byte(want(t, nodes[:10]))); err != nil {
		t.Fatal(err)
	}
	blocks := write(t, dir, "blocks.json", block(2, 5, 10, right)+block(3, 10, 15, nodes[0]))
	if r := cli(t, dir, "", "append", "blocks.json"); r.code != exit.Input || !strings.Contains(r.err, "5 leaves before it are on disk") || !strings.Contains(r.err, "--start 5 blocks.json") {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, raw(nodes[:1]), "append"); r.code != exit.State || !strings.Contains(r.err, "--start 5 blocks.json, or --start 10 for another input") {
		t.Errorf("%+v", r)
	}
	ok(t, dir, raw(nodes[10:12]), "append", "--start", "10")
	ok(t, dir, raw(nodes[12:13]), "append")
	ok(t, dir, "", "rewind", "2")
	if r := cli(t, dir, "", "append", "--start", "5", blocks); r.code != exit.Input {
		t.Errorf("%+v", r)
	}
	ok(t, dir, "", "rewind", "1") // before it began
	ok(t, dir, raw(nodes[5:8]), "append")
	if got := okJSON[source.State](t, dir, "", "root"); got.Root.String() != want(t, nodes[:8]) {
		t.Errorf("%+v", got)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	c := exec.Command(built, "append")
	c.Dir = dir
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	batch := raw(leaves(source.BatchLeaves))
	for range 3 {
		if _, err := io.WriteString(stdin, batch); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1200 * time.Millisecond)
	}
	_ = stdin.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err, errs.String())
	}
	if !strings.Contains(errs.String(), " leaves, ") || strings.Contains(errs.String(), "\r") {
		t.Errorf("plain lines: %q", errs.String())
	}
	// A bar has what is done, the rate and the time left, and goes when it is over.
	write(t, dir, "leaves.raw", batch+batch+batch)
	r := cli(t, dir, "", "append", "leaves.raw", "--progress", "bar")
	if r.code != 0 || !regexp.MustCompile(`append +\d+% \|[^|]*\| +\([\d./]+[^)]*leaves/s\) \[\d+s:\d+s\]`).MatchString(r.err) || !strings.HasSuffix(strings.TrimRight(r.err, " "), "\r") {
		t.Errorf("a bar: %q", r.err)
	}
}

// The gas of the last blocks is what they cost when they were made, also when
// each of them had to prune.
func TestStatGas(t *testing.T) {
	t.Parallel()
	for keep, want := range map[uint32]int{2: 0, 3: 1, 5: 2, 50: 2} {
		dir := t.TempDir()
		ok(t, dir, "", "init", "--max-checkpoints", fmt.Sprint(keep))
		db, err := disk.Open(filepath.Join(dir, "tree/tree.db"), disk.GoLevelDB)
		if err != nil {
			t.Fatal(err)
		}
		nodes := leaves(200)
		var blocks []blockStat
		for id := range uint32(20) {
			trace := kvtest.NewTraceStore(db)
			gas := kvtest.NewGasStore(trace, 0)
			block := blockStat{ID: id, Leaves: 10}
			tree, err := kvshard.Open(gas, kvshard.WithMaxCheckpoints(keep), kvshard.WithObserver(func(s kvshard.Stats) { block.Hashes += s.Hashes }))
			if err != nil {
				t.Fatal(err)
			}
			_, err = tree.AppendBatch(nodes[10*id : 10*id+10])
			if err = errors.Join(err, tree.Checkpoint(id)); err != nil {
				t.Fatal(err)
			}
			if _, err := tree.Root(); err != nil {
				t.Fatal(err)
			}
			block.Gas, block.Ops = gas.GasConsumed(), trace.Counts().Ops()
			block.Reads, block.Writes = trace.Counts().BytesRead, trace.Counts().BytesWritten
			blocks = append(blocks, block)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		got := okJSON[struct{ Blocks []blockStat }](t, dir, "", "stat", "--blocks", "2")
		if blocks = blocks[20-want:]; fmt.Sprint(got.Blocks) != fmt.Sprint(blocks) {
			t.Errorf("%d kept: %v, and they cost %v", keep, got.Blocks, blocks)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, c := range newCommand(&env{}).Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.Example == "" || c.Long == "" || !strings.Contains(c.Example, "kvshard "+c.Name()) {
			t.Errorf("%s has no worked example", c.Name())
		}
		out := ok(t, t.TempDir(), "", "help", c.Name())
		if !strings.Contains(out, "Examples:") || !strings.Contains(out, "--output") {
			t.Errorf("help %s: %s", c.Name(), out)
		}
	}
	if out := ok(t, t.TempDir(), "", "--version"); out != "kvshard version "+kvshard.Version()+"\n" {
		t.Error(out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := ok(t, t.TempDir(), "", "completion", shell); !strings.Contains(out, "kvshard") {
			t.Errorf("completion %s: %.80s", shell, out)
		}
	}
	if out := ok(t, t.TempDir(), "", "__complete", "init", "--backend", ""); !strings.Contains(out, "pebble") {
		t.Error(out)
	}
	dir := t.TempDir()
	ok(t, dir, "", "init")
	for _, id := range []string{"71", "72"} {
		ok(t, dir, raw(leaves(2)), "append", "--checkpoint", id)
	}
	for _, args := range [][]string{{"rewind", ""}, {"root", "--at", ""}, {"witness", "1", "--at", ""}, {"checkpoint", "--retain", ""}} {
		if out := ok(t, dir, "", append([]string{"__complete"}, args...)...); !strings.HasPrefix(out, "72\tsize 4\n71\tsize 2\n") {
			t.Errorf("%v: %s", args, out)
		}
	}
	if out := ok(t, t.TempDir(), "", "__complete", "rewind", ""); !strings.HasPrefix(out, ":") {
		t.Error(out)
	}
}

// The exit codes of the help are those of the documentation.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^  (\d+) +(.+)$`).FindAllStringSubmatch(long, -1)
	if len(lines) != 9 {
		t.Errorf("the help has %d codes", len(lines))
	}
	for _, m := range lines {
		if row := fmt.Sprintf("| %s | %s |\n", m[1], m[2]); !strings.Contains(string(text), row) {
			t.Errorf("docs/command.md lacks %s", row)
		}
	}
}

// nodeDB is a node's application.db: two versions of a module's IAVL tree,
// one of another module.
func nodeDB(t *testing.T, dir, backend string, prefix []byte) (roots [2]string) {
	t.Helper()
	db, err := disk.Open(filepath.Join(dir, "application.db"), backend)
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) *iavl.MutableTree {
		store := iavl.NewMutableTree(iavldb.NewWrapper(dbm.NewPrefixDB(db, []byte("s/k:"+name+"/"))), 1000, false, iavl.NewNopLogger())
		if _, err := store.Load(); err != nil {
			t.Fatal(err)
		}
		return store
	}
	nodes := leaves(300)
	notes, bank := open("notes"), open("bank")
	for i, batch := range [][]kvshard.Node{nodes[:100], nodes[100:]} {
		if _, err := notes.Set([]byte("params"), []byte{byte(i + 1)}); err != nil {
			t.Fatal(err)
		}
		tree, err := kvshard.Open(iavlStore{notes}, kvshard.WithPrefix(prefix))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tree.AppendBatch(batch); err != nil {
			t.Fatal(err)
		}
		if err := tree.Checkpoint(uint32(i + 1)); err != nil {
			t.Fatal(err)
		}
		root, err := tree.Root()
		if err != nil {
			t.Fatal(err)
		}
		roots[i] = root.String()
		for _, store := range []*iavl.MutableTree{notes, bank} {
			if _, err := bank.Set([]byte{1}, []byte{byte(i + 1)}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := store.SaveVersion(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return roots
}

type iavlStore struct{ tree *iavl.MutableTree }

func (s iavlStore) Get(key []byte) ([]byte, error) { return s.tree.Get(key) }
func (s iavlStore) Has(key []byte) (bool, error)   { return s.tree.Has(key) }
func (s iavlStore) Set(key, value []byte) error    { _, err := s.tree.Set(key, value); return err }
func (s iavlStore) Delete(key []byte) error        { _, _, err := s.tree.Remove(key); return err }
func (s iavlStore) Iterator(start, end []byte) (dbm.Iterator, error) {
	return s.tree.Iterator(start, end, true)
}
func (s iavlStore) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return s.tree.Iterator(start, end, false)
}

func TestNodeDatabase(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"goleveldb", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			dir := t.TempDir()
			roots := nodeDB(t, dir, backend, []byte{7})
			before := listing(t, filepath.Join(dir, "application.db"))
			node := []string{"--db", "application.db", "--backend", backend, "--store", "notes", "--prefix", "07"}
			at := func(height string, args ...string) []string {
				return append(append(args, node...), "--height", height)
			}
			for i, height := range []string{"1", "2", "0"} {
				got := okJSON[source.State](t, dir, "", at(height, "root")...)
				if got.Root.String() != roots[min(i, 1)] {
					t.Errorf("height %s: %+v, want %v", height, got, roots)
				}
				ok(t, dir, "", at(height, "check")...)
			}
			write(t, dir, "p.json", ok(t, dir, "", at("1", "witness", "42", "-o", "json")...))
			ok(t, dir, "", "verify", "p.json", "--root", roots[0])
			ok(t, dir, "", at("2", "stat")...)
			ok(t, dir, "", at("2", "dump")...)
			for _, c := range []struct {
				args []string
				code int
			}{
				{at("3", "root"), exit.Store},
				{at("1", "append"), exit.Usage},
				{at("1", "checkpoint", "7"), exit.Usage},
				{[]string{"root", "--db", "application.db", "--backend", backend, "--store", "gov"}, exit.Store},
				{[]string{"root", "--db", "application.db", "--backend", backend, "--height", "1"}, exit.Usage},
			} {
				if r := cli(t, dir, "", c.args...); r.code != c.code {
					t.Errorf("%v: %+v", c.args, r)
				}
			}
			if after := listing(t, filepath.Join(dir, "application.db")); before != after {
				t.Errorf("reading changed the files:\n%s\n%s", before, after)
			}
		})
	}
}

// listing has names and contents of a database's files, but for its logs.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		if e.Name() == "LOG" || e.Name() == "LOCK" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %x\n", e.Name(), sha256.Sum256(data))
	}
	return b.String()
}

// shell gives a line to the shell.
func shell(t *testing.T, dir, line string) string {
	t.Helper()
	c := exec.Command("sh", "-c", line)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", line, err, out)
	}
	return string(out)
}
