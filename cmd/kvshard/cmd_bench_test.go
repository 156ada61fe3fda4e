package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/bench"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func TestBench(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"bench", "--sizes", "100,1000", "--rounds", "2"}
	r := okJSON[bench.Result](t, dir, "", append(args, "--write", "docs")...)
	if len(r.Rows) != 8 || r.Unit != bench.UnitMicroseconds {
		t.Errorf("%+v", r)
	}
	for i, row := range r.Rows {
		if row.Tree != bench.TreeOurs || row.Store != bench.Stores[i%4] || row.Leaves != []uint{100, 1000}[i/4] {
			t.Errorf("row %d: %+v", i, row)
		}
		for _, call := range bench.Calls {
			writes := call == bench.CallBlock || call == bench.CallAppend
			if c := row.Costs[call]; c.Gas < 1000 || c.Ops < 1 || c.Read < 1 || (c.Written > 0) != writes || c.Hashes <= 0 {
				t.Errorf("%d leaves, %s, %s: %+v", row.Leaves, row.Store, call, c)
			}
		}
		for _, call := range bench.TimeColumns {
			if row.Times[call] <= 0 {
				t.Errorf("%d leaves on %s: no time of %s", row.Leaves, row.Store, call)
			}
		}
	}

	dir = filepath.Join(dir, "docs") // which the command has made
	wellFormed(t, dir)
	// The tables take the place of earlier ones; the rest of the file stays.
	made := read(t, dir, "BENCHMARKS.md")
	write(t, dir, "BENCHMARKS.md", "# Mine\n"+strings.TrimPrefix(made, "# Benchmarks\n")+"\nend\n")
	ok(t, dir, "", "bench", "--sizes", "200", "--rounds", "1", "--stores", "memdb", "--write", ".")
	text := read(t, dir, "BENCHMARKS.md")
	if !strings.HasPrefix(text, "# Mine\n") || !strings.HasSuffix(text, "\nend\n") || strings.Count(text, bench.DocBegin) != 1 || !strings.Contains(text, "| 200 | kvshard |") || strings.Contains(text, "| 1,000 |") {
		t.Error(text)
	}
	write(t, dir, "BENCHMARKS.md", "nothing of ours")
	if r := cli(t, dir, "", "bench", "--sizes", "10", "--rounds", "1", "--stores", "memdb", "--write", "."); r.code != exit.State {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"--sizes 0", "--rounds 0", "--stores rocksdb", "--limit 0s"} {
		if r := cli(t, dir, "", append([]string{"bench"}, strings.Fields(bad)...)...); r.code != exit.Usage {
			t.Errorf("%s: %+v", bad, r)
		}
	}
	if r := cli(t, dir, "", "bench", "--peers", "nowhere"); r.code != exit.Other || !strings.Contains(r.err, "make benchmarks") {
		t.Errorf("%+v", r)
	}
}

// wellFormed reads the plots.
func wellFormed(t *testing.T, dir string) {
	t.Helper()
	plots, err := filepath.Glob(filepath.Join(dir, "bench-*.svg"))
	if err != nil || len(plots) != 5 {
		t.Errorf("%v %v", plots, err)
	}
	for _, name := range plots {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "NaN") || strings.Contains(string(text), "Inf") {
			t.Errorf("%s: a point is nowhere", name)
		}
		xmlOf(t, name, text)
	}
}

// xmlOf reads XML to its end.
func xmlOf(t *testing.T, name string, text []byte) {
	t.Helper()
	for decoder := xml.NewDecoder(bytes.NewReader(text)); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// With the other trees: that their roots are ours is a part of the run.
func TestBenchPeers(t *testing.T) {
	t.Parallel()
	peers, err := filepath.Abs("../../tools/peers/target/release/peers")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(peers); err != nil {
		t.Skip("the other trees are not built: make benchmarks builds them")
	}
	dir := t.TempDir()
	r := okJSON[bench.Result](t, dir, "", "bench", "--sizes", "1,1000", "--stores", "memdb", "--rounds", "3", "--peers", peers, "--write", ".")
	if len(r.Rows) != 10 || r.Unit != bench.UnitFrontier || len(r.Frontier) != 2 {
		t.Fatalf("%+v", r)
	}
	wellFormed(t, dir)
	if text := read(t, dir, "BENCHMARKS.md"); !strings.Contains(text, "| 1,000 | kvshard | in Rust |") || strings.Count(text, "| 1,000 | Frontier |") < 3 {
		t.Error(text)
	}
	for i, tree := range []string{bench.TreeOurs, bench.TreeOurs, bench.TreeFrontier, bench.TreeShardTree, bench.TreeVote} {
		row := r.Rows[5+i]
		if row.Tree != tree || row.Over != "" {
			t.Errorf("%+v", row)
		}
		_, proves := row.Costs[bench.CallWitness]
		block := row.Costs[bench.CallBlock]
		if proves == (tree == bench.TreeFrontier) || (block.Gas > 0) != (i == 0 || tree == bench.TreeVote) || (block.Hashes > 0) == (tree == bench.TreeVote) {
			t.Errorf("%+v", row)
		}
	}
	// A step that takes too long ends that tree, and nothing else.
	r = okJSON[bench.Result](t, dir, "", "bench", "--sizes", "20000", "--stores", "memdb", "--rounds", "1", "--limit", "200ms", "--peers", peers, "--write", ".")
	if row := r.Rows[3]; row.Over != bench.CallBuild || len(row.Times) != 0 || !strings.Contains(read(t, dir, "BENCHMARKS.md"), "| over 200ms |") {
		t.Errorf("%+v", row)
	}
	// Damage in the answers is an error.
	liar := write(t, dir, "liar", "#!/bin/sh\nwhile read line; do echo '{\"nanoseconds\":1,\"hashes\":1,\"kv_operations\":1,\"gas\":1,\"bytes_read\":1,\"bytes_written\":1,\"root\":\"'$(printf %064d 1)'\"}'; done\n")
	if err := os.Chmod(liar, 0o755); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "bench", "--sizes", "100", "--stores", "memdb", "--rounds", "1", "--peers", liar); r.code != exit.Other || !strings.Contains(r.err, "has the root") {
		t.Errorf("%+v", r)
	}
}
