package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// blocksOf makes blocks of ten leaves each.
func blocksOf(nodes []kvshard.Node, first uint32) string {
	var b strings.Builder
	for i := 0; i < len(nodes); i += 10 {
		list, err := json.Marshal(nodes[i:min(i+10, len(nodes))])
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "{\"height\":%d,\"commitments\":%s}\n", first+uint32(i/10), list)
	}
	return b.String()
}

// flips copies a tree, and flips one bit in a file of its database.
func flipped(t *testing.T, from, name string, at int64, bit uint) (copied string) {
	t.Helper()
	copied = filepath.Join(t.TempDir(), "tree")
	if err := os.CopyFS(copied, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(copied, source.DatabaseName, name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[at] ^= 1 << bit
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return copied
}

// TestFlippedBits flips one bit at many places of each file of a database, one
// at a time. No command may answer for a tree with fewer leaves as if it were
// whole; check says what is lost, and export --salvage takes out what is left.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	const size = 600
	nodes := clitest.Leaves(size)
	for _, backend := range []string{"goleveldb", "pebble"} {
		dir := t.TempDir()
		ok(t, dir, "", "init", "--backend", backend)
		ok(t, dir, blocksOf(nodes, 1), "append")
		whole := filepath.Join(dir, "tree")
		root := okJSON[source.State](t, dir, "", "root").Root
		entries, err := os.ReadDir(filepath.Join(whole, source.DatabaseName))
		if err != nil {
			t.Fatal(err)
		}
		journals, seen := 0, 0
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			if info.Size() == 0 || e.Name() == "LOG" {
				continue
			}
			isJournal := strings.HasSuffix(e.Name(), ".log")
			places := int64(5)
			if isJournal {
				journals++
				places = 30
			}
			for i := range places {
				at := (info.Size() - 1) * i / (places - 1)
				tree := flipped(t, whole, e.Name(), at, uint(i%8))
				where := fmt.Sprintf("%s, %s, byte %d", backend, e.Name(), at)
				r := cli(t, "", "", "root", "--dir", tree, "-o", "json")
				switch r.code {
				case 0:
					var got source.State
					if err := json.Unmarshal([]byte(r.out), &got); err != nil || got.Size != size || got.Root != root {
						t.Errorf("%s: root says %s", where, r.out)
					}
				case exit.Store:
				default:
					t.Errorf("%s: %+v", where, r)
				}
				check := cli(t, "", "", "check", "--dir", tree)
				if (check.code == 0) != (r.code == 0) || check.code == 0 && !strings.Contains(check.out, fmt.Sprintf("sound: %d leaves", size)) {
					t.Errorf("%s: root ends with %d, and check: %+v", where, r.code, check)
				}
				if strings.Contains(r.err+check.err, "goroutine") {
					t.Errorf("%s: panic: %s%s", where, r.err, check.err)
				}
				if !isJournal || r.code == 0 {
					continue
				}
				seen++
				if check.code != exit.No || !strings.Contains(check.out, "lost") {
					t.Errorf("%s: check does not say what is lost: %+v", where, check)
				}
				if w := cli(t, "", clitest.Raw(nodes[:3]), "append", "--dir", tree); w.code != exit.Store {
					t.Errorf("%s: append goes on: %+v", where, w)
				}
				if again := cli(t, "", "", "check", "--dir", tree); again.out != check.out {
					t.Errorf("%s: the refused append changed the database: %+v", where, again)
				}
				if i == places/2 { // in the middle: half of it is left
					saved := filepath.Join(t.TempDir(), "saved")
					stream := ok(t, "", "", "export", "--salvage", "--dir", tree)
					ok(t, "", stream, "import", "--dir", saved)
					if got := okJSON[source.State](t, "", "", "root", "--dir", saved); got.Size == 0 || got.Size >= size {
						t.Errorf("%s: %d leaves were saved", where, got.Size)
					}
				}
			}
		}
		if journals == 0 || seen < 20 {
			t.Errorf("%s: %d journals, %d flipped bits that matter", backend, journals, seen)
		}
	}
}

// What is lost at the end of a journal, where no database can see it, is seen by
// what was reported; rewinding is no loss, and a new beginning is one's own.
func TestReportedAndLost(t *testing.T) {
	t.Parallel()
	nodes := clitest.Leaves(300)
	for _, backend := range []string{"goleveldb", "pebble"} {
		dir := t.TempDir()
		ok(t, dir, "", "init", "--backend", backend)
		ok(t, dir, clitest.Raw(nodes[:100]), "append", "--checkpoint", "1")
		before := filepath.Join(t.TempDir(), "before")
		if err := os.CopyFS(before, os.DirFS(filepath.Join(dir, "tree/tree.db"))); err != nil {
			t.Fatal(err)
		}
		// older puts the database as it was in the place of the one that is.
		older := func() {
			if err := os.RemoveAll(filepath.Join(dir, "tree/tree.db")); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(dir, "tree/tree.db"), os.DirFS(before)); err != nil {
				t.Fatal(err)
			}
		}
		refused := func(says string) {
			t.Helper()
			if r := cli(t, dir, "", "check"); r.code != exit.No || !strings.Contains(r.out, "reported-there: reported.json: "+says) {
				t.Errorf("%s: %+v", backend, r)
			}
			for _, args := range [][]string{{"root"}, {"append"}, {"export", "x.kvx"}, {"diff", "tree", "tree"}} {
				if r := cli(t, dir, clitest.Raw(nodes[:1]), args...); r.code != exit.Store || !strings.Contains(r.err, says) || !strings.Contains(r.err, "reported.json") {
					t.Errorf("%s, %v: %+v", backend, args, r)
				}
			}
		}
		ok(t, dir, "", "checkpoint", "2")
		older()
		refused("checkpoint 2 was reported, and is lost")
		if err := os.Remove(filepath.Join(dir, "tree/reported.json")); err != nil {
			t.Fatal(err)
		}
		ok(t, dir, "", "check")
		ok(t, dir, clitest.Raw(nodes[100:]), "append")
		older()
		refused("300 leaves were reported, and 100 are there: the leaves from position 100 on are lost")
		ok(t, dir, "", "root", "--salvage")
		if err := os.Remove(filepath.Join(dir, "tree/reported.json")); err != nil {
			t.Fatal(err)
		}
		ok(t, dir, clitest.Raw(nodes[100:200]), "append", "--checkpoint", "2")
		ok(t, dir, "", "rewind", "1")
		ok(t, dir, "", "check")
		ok(t, dir, clitest.Raw(nodes[200:210]), "append")
		if _, err := os.Stat(filepath.Join(dir, "tree/reported.json")); err != nil {
			t.Error(err)
		}
		// Other leaves in the same number.
		after := filepath.Join(t.TempDir(), "after")
		if err := os.Rename(filepath.Join(dir, "tree/tree.db"), after); err != nil {
			t.Fatal(err)
		}
		ok(t, dir, "", "init", "--dir", "other", "--backend", backend)
		ok(t, dir, clitest.Raw(nodes[:110]), "append", "--dir", "other", "--checkpoint", "1")
		if err := os.CopyFS(filepath.Join(dir, "tree/tree.db"), os.DirFS(filepath.Join(dir, "other/tree.db"))); err != nil {
			t.Fatal(err)
		}
		refused("the root of these 110 leaves was reported as")
	}
}
