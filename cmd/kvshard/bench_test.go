package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBench(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"bench", "--sizes", "100,1000", "--rounds", "2"}
	r := okJSON[benchResult](t, dir, "", append(args, "--write", ".")...)
	if len(r.Rows) != 2 || len(r.Stores) != 3 || r.Unit != "microseconds" {
		t.Errorf("%+v", r)
	}
	for _, row := range r.Rows {
		for _, call := range benchCalls {
			if c := row.Costs[call]; c.Gas < 1000 || c.Ops < 1 || c.Reads < 1 || (c.Writes > 0) != (call == "block" || call == "append") {
				t.Errorf("%d leaves, %s: %+v", row.Size, call, c)
			}
			for _, store := range r.Stores {
				if row.Times[store][call] <= 0 {
					t.Errorf("%d leaves on %s: no time of %s", row.Size, store, call)
				}
			}
		}
	}

	// What is counted is the same in every run, on every store.
	again := okJSON[benchResult](t, dir, "", append(args, "--stores", "goleveldb")...)
	for i, row := range r.Rows {
		for call, c := range row.Costs {
			if c != again.Rows[i].Costs[call] {
				t.Errorf("%d leaves, %s: %+v on memdb, %+v on goleveldb", row.Size, call, c, again.Rows[i].Costs[call])
			}
		}
	}

	for _, name := range []string{"docs/bench-gas.svg", "docs/bench-block.svg"} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for decoder := xml.NewDecoder(file); ; {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		_ = file.Close()
	}
	// The tables take the place of earlier ones; the rest of the file stays.
	made := read(t, dir, "BENCHMARKS.md")
	write(t, dir, "BENCHMARKS.md", "# Mine\n"+strings.TrimPrefix(made, "# Benchmarks\n")+"\nend\n")
	ok(t, dir, "", "bench", "--sizes", "200", "--rounds", "1", "--stores", "memdb", "--write", ".")
	text := read(t, dir, "BENCHMARKS.md")
	if !strings.HasPrefix(text, "# Mine\n") || !strings.HasSuffix(text, "\nend\n") || strings.Count(text, benchBegin) != 1 || !strings.Contains(text, "| 200 | block |") || strings.Contains(text, "| 1,000 |") {
		t.Error(text)
	}
	write(t, dir, "BENCHMARKS.md", "nothing of ours")
	if r := cli(t, dir, "", "bench", "--sizes", "10", "--rounds", "1", "--stores", "memdb", "--write", "."); r.code != codeState {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"--sizes 0", "--rounds 0", "--stores rocksdb"} {
		if r := cli(t, dir, "", append([]string{"bench"}, strings.Fields(bad)...)...); r.code != codeUsage {
			t.Errorf("%s: %+v", bad, r)
		}
	}
	if r := cli(t, dir, "", "bench", "--peer", "nowhere"); r.code != codeOther || !strings.Contains(r.err, "make benchmarks") {
		t.Errorf("%+v", r)
	}
}
