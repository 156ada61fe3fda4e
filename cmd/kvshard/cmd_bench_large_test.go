package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/bench"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// What "make mainnet-size" does, with small trees: each command that builds and tries a
// tree is measured, the rows join those of the page's other parts, and gas is bounded.
func TestBenchByCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		t.Fatal(err)
	}
	ok(t, dir, "", "bench", "--sizes", "100,2000", "--stores", "memdb,goleveldb", "--rounds", "1", "--write", "docs")
	large := []string{"bench", "--commands", "--rounds", "1", "--work", work, "--write", "docs", "--note", "The machine was busy."}
	r := okJSON[bench.Result](t, dir, "", append(large, "--sizes", "2000,20000", "--stores", "goleveldb,pebble,iavl", "--part", "mainnet-size", "--growth", "block=1.05,witness=1.3")...)
	if len(r.Rows) != 6 || r.Part != "mainnet-size" || !strings.Contains(r.Versions, "goleveldb v") || !strings.Contains(r.Command, "--growth block=1.05,witness=1.3") {
		t.Errorf("%+v", r)
	}
	for i, row := range r.Rows {
		if store := []string{"goleveldb", "pebble", "iavl"}[i%3]; row.Store != store || row.Leaves != []uint{2000, 20_000}[i/3] {
			t.Errorf("row %d: %+v", i, row)
		}
		if row.Bytes < 30*int64(row.Leaves) || row.Times[bench.CallBuild] <= 0 || row.Costs[bench.CallBlock].Gas < 40_000 {
			t.Errorf("%+v", row)
		}
		var names []string
		for _, c := range row.Commands {
			names = append(names, c.Command)
			wrote := slices.Contains([]string{"append", "export", "import", "view"}, c.Command)
			if c.Seconds <= 0 || (c.Written > 0) != wrote {
				t.Errorf("%d leaves on %s: %+v", row.Leaves, row.Store, c)
			}
			if _, err := os.Stat("/proc/self/status"); err == nil && (c.Memory < 1<<20 || c.Memory > 1<<30) {
				t.Errorf("%d leaves on %s: %s had %d bytes at most", row.Leaves, row.Store, c.Command, c.Memory)
			}
		}
		want := "append check export import root witness view"
		if row.Store == "iavl" {
			want = ""
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%d leaves on %s: %s", row.Leaves, row.Store, got)
		}
	}
	if left, err := os.ReadDir(work); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}

	// Parts stand beside each other; of a row that both have the later part counts.
	docs := filepath.Join(dir, "docs")
	wellFormed(t, docs)
	page := read(t, docs, "BENCHMARKS.md")
	for _, text := range []string{"kvshard bench --sizes 100,2000", "--commands", "The machine was busy.", "| 100 | kvshard | memdb |", "| 20,000 | kvshard | iavl |", "## On disk", "Peak memory"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q:\n%s", text, page)
		}
	}
	if strings.Contains(page, "busy..") {
		t.Errorf("the note's sentence ends twice:\n%s", page)
	}
	for _, store := range []string{"memdb", "goleveldb"} {
		if n := strings.Count(page, "| 2,000 | kvshard | "+store+" |"); n != 1 {
			t.Errorf("%d rows of times on %s:\n%s", n, store, page)
		}
	}
	ok(t, dir, "", append(large, "--sizes", "3000", "--stores", "pebble", "--part", "mainnet-size")...)
	if page = read(t, docs, "BENCHMARKS.md"); strings.Contains(page, "20,000") || !strings.Contains(page, "| 3,000 | kvshard | pebble |") || !strings.Contains(page, "| 2,000 | kvshard | memdb |") {
		t.Errorf("the part has not taken the place of the one before:\n%s", page)
	}

	// Gas that has grown too much is the answer no, after the figures.
	args := append(large, "--sizes", "10,20000", "--stores", "iavl", "--part", "grown", "--growth", "block=1000,witness=1.001")
	if r := cli(t, dir, "", args...); r.code != exit.No || !strings.Contains(r.err, "witness on iavl") || !strings.Contains(r.out, "20000") {
		t.Errorf("%+v", r)
	}
	// A build ends after its limit.
	limited := okJSON[bench.Result](t, dir, "", "bench", "--sizes", "200000", "--stores", "iavl", "--rounds", "1", "--build-limit", "1ms")
	if row := limited.Rows[0]; row.Leaves != 1<<16 || row.Times[bench.CallBlock] <= 0 {
		t.Errorf("%+v", row)
	}
}

// What cannot be measured is refused before anything is built.
func TestBenchRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for args, text := range map[string]string{
		"--commands --stores memdb":                         "no command makes a tree on memdb",
		"--growth block=1.05 --sizes 10":                    "give two at least",
		"--growth blocks=1.05":                              "blocks",
		"--growth block=much":                               "is no number",
		"--growth block=0":                                  "number of more than 0",
		"--build-limit -1s":                                 "--build-limit",
		"--beside zcash":                                    "--beside zcash",
		"--sizes 50000000 --peers peers":                    "give --beside frontier",
		"--sizes 4294967295":                                "--sizes are from 1",
		"--stores memdb --sizes 10 --rounds 1 --part=":      "empty",
		"--stores memdb --sizes 10 --rounds 1 --work= ":     "empty",
		"--stores memdb --sizes 10 --rounds 1 --work there": "",
	} {
		r := cli(t, dir, "", append([]string{"bench"}, strings.Fields(args)...)...)
		if text == "" {
			if r.code != 0 {
				t.Errorf("%s: %+v", args, r)
			}
			continue
		}
		if r.code != exit.Usage || !strings.Contains(r.err, text) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	// Figures of another format are not overwritten.
	write(t, dir, "benchmarks.json", `{"parts": [{"part": "x", "colour": 1}]}`)
	if r := cli(t, dir, "", "bench", "--sizes", "10", "--stores", "memdb", "--rounds", "1", "--write", "."); r.code != exit.Input || !strings.Contains(r.err, "benchmarks.json") {
		t.Errorf("%+v", r)
	}
	// Two parts in two units cannot share a page.
	write(t, dir, "benchmarks.json", `{"parts": [{"part": "x", "unit": "blocks of an in-memory Frontier", "rows": []}]}`)
	if r := cli(t, dir, "", "bench", "--sizes", "10", "--stores", "memdb", "--rounds", "1", "--write", "."); r.code != exit.State || !strings.Contains(r.err, "--peers") {
		t.Errorf("%+v", r)
	}
}
