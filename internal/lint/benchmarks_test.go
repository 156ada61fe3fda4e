package lint

import (
	"strconv"
	"strings"
	"testing"
)

// times reads a row of the table of times in docs/BENCHMARKS.md: block, and the
// last column, which is the build.
func times(t *testing.T, leaves, tree, store string) (block, build float64) {
	t.Helper()
	_, table, _ := strings.Cut(read(t, "docs/BENCHMARKS.md"), "## Times")
	number := func(cell string) float64 {
		value, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(cell), ",", ""), 64)
		if err != nil {
			t.Fatalf("%s leaves, %s: %v", leaves, tree, err)
		}
		return value
	}
	for line := range strings.Lines(table) {
		if rest, found := strings.CutPrefix(strings.TrimSpace(line), "| "+leaves+" | "+tree+" | "+store+" | "); found {
			cells := strings.Split(strings.TrimSuffix(rest, " |"), " | ")
			if tree == "Frontier" { // which is built from another tree's
				return number(cells[0]), 0
			}
			return number(cells[0]), number(cells[len(cells)-1])
		}
	}
	t.Fatalf("no times of %s at %s leaves, %s", tree, leaves, store)
	return 0, 0
}

// TestBenchmarksMeetTheirAims holds the committed figures to what
// docs/BENCHMARKS.md says that they are held to.
func TestBenchmarksMeetTheirAims(t *testing.T) {
	ours, _ := times(t, "1,000,000", "kvshard", "memdb")
	frontier, _ := times(t, "1,000,000", "Frontier", "in memory")
	if 4*ours > frontier {
		t.Errorf("a block takes %v, more than a fourth of a Frontier's %v", ours, frontier)
	}
	ours, build := times(t, "100,000", "kvshard", "memdb")
	theirs, theirBuild := times(t, "100,000", "ShardTree", "in memory")
	if theirs < 1000*ours {
		t.Errorf("a ShardTree's block takes %v, less than 1,000 times %v", theirs, ours)
	}
	if theirBuild < 20*build {
		t.Errorf("a ShardTree's build takes %v, less than 20 times %v", theirBuild, build)
	}
}
