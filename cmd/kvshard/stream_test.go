package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/stream"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/treestate"
	"github.com/kvshard/kvshard/internal/realdata"
)

func TestExportImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(1000)
	ok(t, dir, "", "init", "--max-checkpoints", "3")
	for i := range 5 {
		ok(t, dir, raw(nodes[200*i:200*i+200]), "append", "--checkpoint", fmt.Sprint(i+1))
		if i == 0 {
			ok(t, dir, "", "checkpoint", "1", "--retain")
		}
	}
	before := ok(t, dir, "", "dump", "--output", "json", "--values")
	for _, form := range []string{"records", "leaves"} {
		file := form + ".kvx"
		out := ok(t, dir, "", "export", "--form", form, file)
		if !strings.Contains(out, "exported 1000 leaves") {
			t.Error(out)
		}
		ok(t, dir, "", "import", file, "--dir", form, "--backend", "pebble")
		if after := ok(t, dir, "", "dump", "--dir", form, "--output", "json", "--values"); before != after {
			t.Errorf("%s: the imported records differ", form)
		}
		if out := ok(t, dir, "", "diff", "tree", form); !strings.Contains(out, "no record differs") {
			t.Error(out)
		}
		if out := ok(t, dir, "", "export", "--form", form, "-", "--dir", form); out != read(t, dir, file) {
			t.Errorf("%s: the export of the import is another stream", form)
		}
		ok(t, dir, read(t, dir, file), "import", "--dir", form+"-under", "--prefix", "aabb")
		ok(t, dir, "", "check", "--dir", form+"-under")
		if r := cli(t, dir, "", "import", file, "--dir", form); r.code != exit.State {
			t.Errorf("into a tree: %+v", r)
		}
	}
	if entries, _ := filepath.Glob(filepath.Join(dir, "*", "*ing*")); len(entries) > 0 {
		t.Error(entries)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An import takes about as long as appending the leaves at once does: in one
// run, in turns, the best of each.
func TestImportSpeed(t *testing.T) {
	const count = 1 << 18
	dir := t.TempDir()
	write(t, dir, "leaves.raw", raw(leaves(count)))
	ok(t, dir, "", "init")
	ok(t, dir, "", "append", "leaves.raw", "--checkpoint", "1")
	best := map[string]time.Duration{}
	timed := func(name string, args ...string) {
		started := time.Now()
		ok(t, dir, "", args...)
		if taken := time.Since(started); best[name] == 0 || taken < best[name] {
			best[name] = taken
		}
	}
	ok(t, dir, "", "export", "records.kvx")
	ok(t, dir, "", "export", "--form", "leaves", "leaves.kvx")
	for i := range 3 {
		into := fmt.Sprint(i)
		ok(t, dir, "", "init", "--dir", "bulk"+into)
		timed("append", "append", "leaves.raw", "--checkpoint", "1", "--dir", "bulk"+into)
		timed("records", "import", "records.kvx", "--dir", "records"+into)
		timed("leaves", "import", "leaves.kvx", "--dir", "leaves"+into)
	}
	for _, form := range []string{"records", "leaves"} {
		ratio := float64(best[form]) / float64(best["append"])
		t.Logf("import of %d %s: %.2f times the append", count, form, ratio)
		if ratio > 2 {
			t.Errorf("the import of %s takes %v, and the append %v", form, best[form], best["append"])
		}
	}
}

// Whatever is wrong with a stream, nothing of it stays.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(100)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes), "append", "--checkpoint", "7")
	for _, form := range []string{"records", "leaves"} {
		good := ok(t, dir, "", "export", "--form", form)
		// again makes the stream with another header or other content, and a
		// right sum: what only verifying the tree can find.
		again := func(change func(*stream.Header), from, to string) string {
			r, err := stream.NewReader(strings.NewReader(good))
			if err != nil {
				t.Fatal(err)
			}
			h := r.Header
			if change != nil {
				change(&h)
			}
			text, err := json.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(good, "}")
			body = good[len(good)-len(body):]
			for !json.Valid([]byte(good[13 : len(good)-len(body)])) {
				_, rest, _ := strings.Cut(body, "}")
				body = rest
			}
			body = strings.Replace(body[:len(body)-33], from, to, 1)
			made := stream.Magic + "\x01" + string([]byte{byte(len(text)), byte(len(text) >> 8), 0, 0}) + string(text) + body
			sum := sha256.Sum256([]byte(made))
			return made + "\x00" + string(sum[:])
		}
		if again(nil, "", "") != good {
			t.Fatal("a stream made again is another one")
		}
		leaf, other := string(nodes[40][:]), string(nodes[41][:])
		bad := map[string]string{
			"nothing":         "",
			"another file":    "hello, world, this is no stream",
			"version":         strings.Replace(good, "X\x01", "X\x02", 1),
			"no end":          good[:len(good)-33],
			"half":            good[:len(good)/2],
			"a bit":           good[:len(good)-500] + string(good[len(good)-500]^1) + good[len(good)-499:],
			"more":            good + "x",
			"form":            strings.Replace(good, `"form":"`+form, `"form":"`+form[:len(form)-1]+"z", 1),
			"another leaf":    again(nil, leaf, other),
			"no node":         again(nil, leaf, strings.Repeat("\xff", 32)),
			"root":            again(func(h *stream.Header) { h.Root[0] ^= 1 }, "", ""),
			"size":            again(func(h *stream.Header) { h.Size++ }, "", ""),
			"checkpoint root": again(func(h *stream.Header) { h.Checkpoints[0].Root[0] ^= 1 }, "", ""),
			"checkpoint size": again(func(h *stream.Header) { h.Checkpoints[0].Size-- }, "", ""),
			"no checkpoint":   again(func(h *stream.Header) { h.Checkpoints = nil }, "", ""),
			"one more":        again(func(h *stream.Header) { h.Checkpoints = append(h.Checkpoints, h.Checkpoints...) }, "", ""),
		}
		for name, text := range bad {
			r := cli(t, dir, text, "import", "--dir", "refused")
			if r.code != exit.Input || r.err == "" || strings.Contains(r.err, "goroutine") {
				t.Errorf("%s, %s: %+v", form, name, r)
			}
			if name == "no end" || name == "half" { // the rest may come
				if !strings.Contains(r.err, "the same command goes on there") {
					t.Errorf("%s, %s: %s", form, name, r.err)
				}
				if r := cli(t, dir, "", "root", "--dir", "refused"); r.code != exit.Store {
					t.Errorf("%s, %s: %+v", form, name, r)
				}
				if err := os.RemoveAll(filepath.Join(dir, "refused")); err != nil {
					t.Fatal(err)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "refused*")); len(left) > 0 {
				t.Fatalf("%s, %s left %v", form, name, left)
			}
		}
	}
	ok(t, dir, "", "init", "--dir", "ephemeral", "--retention", "ephemeral")
	ok(t, dir, raw(nodes), "append", "--dir", "ephemeral")
	if r := cli(t, dir, "", "export", "--form", "leaves", "--dir", "ephemeral", "x.kvx"); r.code != exit.State || !strings.Contains(r.err, "--form records") {
		t.Errorf("%+v", r)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "x.kvx*")); len(left) > 0 {
		t.Error(left)
	}
	ok(t, dir, "", "export", "--dir", "ephemeral", "e.kvx")
	ok(t, dir, "", "import", "--dir", "e2", "e.kvx")
}

// A mark that was removed as of a checkpoint is no leaf's business until that one
// is pruned: from leaves alone it would come back.
func TestExportLeavesKeepsRemovedMarks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, raw(leaves(20)), "append", "--checkpoint", "1")
	ok(t, dir, "", "checkpoint", "--retain", "1")
	db, err := disk.Open(filepath.Join(dir, "tree/tree.db"), disk.GoLevelDB)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := kvshard.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := tree.RemoveMark(4, 1); err != nil || !removed {
		t.Fatal(removed, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "export", "--form", "leaves", "x.kvx"); r.code != exit.State || !strings.Contains(r.err, "--form records") {
		t.Errorf("%+v", r)
	}
	ok(t, dir, "", "export", "x.kvx")
	ok(t, dir, "", "import", "x.kvx", "--dir", "copy")
	ok(t, dir, "", "diff", "tree", "copy")
}

func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(source.BatchLeaves + 50_000)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes), "append", "--checkpoint", "7")
	for _, form := range []string{"records", "leaves"} {
		for _, signal := range []os.Signal{os.Interrupt, os.Kill} {
			t.Run(form+" "+signal.String(), func(t *testing.T) {
				stream := ok(t, dir, "", "export", "--form", form)
				into := fmt.Sprintf("%s-%v", form, signal)
				c := exec.Command(built, "import", "--dir", into)
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
				if _, err := io.WriteString(stdin, stream[:len(stream)-100_000]); err != nil {
					t.Fatal(err)
				}
				staged := filepath.Join(dir, into, stagingPrefix+"*", source.DatabaseName)
				waitFor(t, "a part of it on disk", func() bool {
					found, _ := filepath.Glob(staged)
					return len(found) == 1 && bytesIn(t, found[0]) > 1<<20
				})
				_ = c.Process.Signal(signal)
				_ = c.Wait()
				if code := c.ProcessState.ExitCode(); signal == os.Interrupt && code != exit.Interrupted {
					t.Errorf("code %d: %s", code, errs.String())
				}
				if r := cli(t, dir, "", "root", "--dir", into); r.code != exit.Store || !strings.Contains(r.err, "there is no tree") {
					t.Errorf("a half import is there under its name: %+v", r)
				}
				if half, _ := filepath.Glob(staged); len(half) != 1 {
					t.Fatal(half)
				}
				ok(t, dir, stream, "import", "--dir", into)
				if out := ok(t, dir, "", "diff", "tree", into); !strings.Contains(out, "no record differs") {
					t.Error(out)
				}
			})
		}
	}
}

func TestRewind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(60)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes[:20]), "append", "--checkpoint", "1")
	before := ok(t, dir, "", "dump", "--output", "json", "--values")
	ok(t, dir, raw(nodes[20:]), "append", "--checkpoint", "2")
	got := okJSON[source.State](t, dir, "", "rewind", "1")
	if got.Size != 20 || got.Root.String() != want(t, nodes[:20]) {
		t.Errorf("%+v", got)
	}
	if after := ok(t, dir, "", "dump", "--output", "json", "--values"); before != after {
		t.Error("the rewind left a trace")
	}
	if r := cli(t, dir, "", "rewind", "2"); r.code != exit.NotFound {
		t.Errorf("%+v", r)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(1000)
	for _, tree := range []string{"a", "b"} {
		ok(t, dir, "", append([]string{"init", "--dir", tree}, map[string][]string{"a": {"--prefix", "01"}}[tree]...)...)
		ok(t, dir, raw(nodes[:500]), "append", "--dir", tree, "--checkpoint", "1")
		ok(t, dir, raw(nodes[500:900]), "append", "--dir", tree, "--checkpoint", "2")
		if tree == "b" {
			nodes[977][0] ^= 1
		}
		ok(t, dir, raw(nodes[900:]), "append", "--dir", tree, "--checkpoint", "3")
	}
	if out := ok(t, dir, "", "diff", "a", "a"); !strings.Contains(out, "no record differs") {
		t.Error(out)
	}
	r := cli(t, dir, "", "diff", "a", "b")
	for _, says := range []string{
		"same up to checkpoint 2, different from checkpoint 3",
		"first differing shard 61: leaves 976 to 991; first differing leaf 977",
		"shard(61)   575 bytes   575 bytes",
	} {
		if r.code != exit.No || !strings.Contains(r.out, says) {
			t.Errorf("want %q: %+v", says, r)
		}
	}
	r = cli(t, dir, "", "diff", "a", "b", "--output", "json", "--limit", "1")
	var d difference
	if err := json.Unmarshal([]byte(r.out), &d); err != nil || *d.Leaf != 977 || len(d.Records) != 1 || d.Differing < 2 || d.OnlyA != 0 {
		t.Errorf("%v %s", err, r.out)
	}
	ok(t, dir, "", "rewind", "2", "--dir", "a")
	if r := cli(t, dir, "", "diff", "a", "b"); !strings.Contains(r.out, "only in B") || !strings.Contains(r.out, "absent") {
		t.Errorf("%+v", r)
	}
	// A store that is broken can be compared, too.
	db, err := disk.Open(filepath.Join(dir, "a/tree.db"), disk.GoLevelDB)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.SetSync([]byte{1, 0x13}, []byte("broken")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "diff", "a", "b"); r.code != exit.No || !strings.Contains(r.out, "unsupported version") {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, "", "diff", "a", "nowhere"); r.code != exit.Store {
		t.Errorf("%+v", r)
	}
}

func TestFrontier(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list, err := realdata.Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		frontier := kvshard.Frontier{Size: f.Size, Leaf: f.Leaf}
		for _, ommer := range f.Ommers {
			frontier.Ommers = append(frontier.Ommers, ommer)
		}
		encoded, err := treestate.Encode(frontier)
		if err != nil {
			t.Fatal(err)
		}
		text, root := hex.EncodeToString(encoded), kvshard.Node(f.Root)
		reversed := root
		for i := range root {
			reversed[i] = root[31-i]
		}
		id := fmt.Sprint(f.Height)
		zcash := `{"hash":"00","height":` + id + `,"time":1,"sapling":{"commitments":{"finalState":"00"}},` +
			`"orchard":{"commitments":{"finalRoot":"` + reversed.String() + `","finalState":"` + text + `"}}}`
		for i, args := range [][]string{
			{text, "--checkpoint", id, "--root", root.String()},
			{"@" + write(t, dir, "zcash.json", zcash)},
			{"@" + write(t, dir, "rpc.json", `{"result":`+zcash+`,"error":null,"id":1}`)},
			{"@" + write(t, dir, "lightd.json", `{"network":"main","height":`+id+`,"orchardTree":"`+text+`"}`)},
		} {
			tree := fmt.Sprintf("%d-%d", f.Height, i)
			ok(t, dir, "", "init", "--dir", tree)
			got := okJSON[source.State](t, dir, "", append([]string{"frontier", "--dir", tree, "--import-treestate"}, args...)...)
			if got.Root != root || got.Size != f.Size || *got.Checkpoint != f.Height {
				t.Errorf("%d: %+v", i, got)
			}
			if out := ok(t, dir, "", "frontier", "--treestate", "--dir", tree); out != text+"\n" {
				t.Errorf("%d: %s", i, out)
			}
			own := ok(t, dir, "", "frontier", "--dir", tree, "-o", "json")
			ok(t, dir, "", "init", "--dir", tree+"-again")
			ok(t, dir, own, "frontier", "--dir", tree+"-again", "--import-treestate", "-", "--checkpoint", id)
			ok(t, dir, "", "diff", tree, tree+"-again")
			ok(t, dir, raw(leaves(50)), "append", "--dir", tree)
			ok(t, dir, "", "check", "--dir", tree)
			ok(t, dir, "", "witness", fmt.Sprint(f.Size), "--dir", tree)
			if r := cli(t, dir, "", "witness", "1", "--dir", tree); r.code != exit.NotFound {
				t.Errorf("%+v", r)
			}
		}
	}
	ok(t, dir, "", "init")
	good := "01" + leaves(1)[0].String() + "0000"
	for _, c := range []struct {
		args string
		code int
	}{
		{"frontier --import-treestate zz --checkpoint 1", exit.Input},
		{"frontier --import-treestate 0102 --checkpoint 1", exit.Input},
		{"frontier --import-treestate 01" + strings.Repeat("f", 64) + "0000 --checkpoint 1", exit.Input},
		{"frontier --import-treestate " + good, exit.Usage},
		{"frontier --import-treestate " + good + " --checkpoint x", exit.Usage},
		{"frontier --import-treestate " + good + " --checkpoint 1 --root " + leaves(1)[0].String(), exit.Input},
		{"frontier --import-treestate @nowhere --checkpoint 1", exit.Input},
		{"frontier --checkpoint 1", exit.Usage},
	} {
		if r := cli(t, dir, "", strings.Fields(c.args)...); r.code != c.code || r.err == "" {
			t.Errorf("%s: %+v", c.args, r)
		}
	}
	if got := okJSON[source.State](t, dir, "", "root"); got.Size != 0 {
		t.Error("a refused frontier stayed")
	}
	ok(t, dir, "", "frontier", "--import-treestate", good, "--checkpoint", "1")
	if r := cli(t, dir, "", "frontier", "--import-treestate", good, "--checkpoint", "2"); r.code != exit.State {
		t.Errorf("%+v", r)
	}
}
