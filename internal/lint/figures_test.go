package lint

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
)

// A figure is a sentence of a document with numbers that a program can count.
type figure struct {
	document string
	says     string // a regular expression; its groups are the numbers
	counted  func(t *testing.T) []float64
}

// figures are the sentences that TestFigures holds the documents to.
var figures = []figure{
	{"README.md", `take ([\d,]+) gas at 1,000 leaves\s+and ([\d,]+) at 1,000,000, and stored leaves take (\d+) bytes each`, func(t *testing.T) []float64 {
		small, large := goldenCosts(t, "smallSize"), goldenCosts(t, "largeSize")
		return []float64{small.gas("block"), large.gas("block"), large.bytesPerLeaf}
	}},
	{"docs/costs.md", `costs ([\d,]+) gas, (\d+) operations and (\d+) hashes`, func(t *testing.T) []float64 {
		block := goldenCosts(t, "largeSize").rows["block"]
		return []float64{block.mostGas, block.mostOps, block.mostHashes}
	}},
	{"README.md", `You need Go ([\d.]+), Rust ([\d.]+) and a C compiler`, func(t *testing.T) []float64 {
		return []float64{
			number(t, match(t, "go.mod", `(?m)^go (\d+\.\d+)`)[0]),
			number(t, match(t, "rust/Cargo.toml", `(?m)^rust-version = "(.*)"`)[0]),
		}
	}},
	{"docs/RELIABILITY.md", `(\w+) build scripts read; every crate of (\w+) lock files`, func(t *testing.T) []float64 {
		_, list, _ := strings.Cut(read(t, "rust/deny.toml"), "allow-build-scripts = [")
		list, _, _ = strings.Cut(list, "]")
		return []float64{float64(strings.Count(list, `",`)), float64(len(filesNamed(t, "Cargo.lock")))}
	}},
	{"SECURITY.md", "`Checkpoint` prunes at most (\\w+) others,\\s+and clears at most (\\w+) removed marks", func(t *testing.T) []float64 {
		return []float64{kvshard.MaxPruned, number(t, match(t, "rust/src/engine/marks.rs", `MOST_CLEARED: usize = (\d+)`)[0])}
	}},
	{"rust/src/engine/checkpoint.rs", `MOST_PRUNED: u32 = (\d+)`, func(*testing.T) []float64 { return []float64{kvshard.MaxPruned} }},
	{"FORMAT.md", `16 marked leaves takes (\d+) bytes`, func(t *testing.T) []float64 {
		return []float64{frozenBytes(t, "shard-full-marked")}
	}},
	{"FORMAT.md", `kept\s+takes (\d+)`, func(t *testing.T) []float64 {
		return []float64{number(t, match(t, "testdata/trace/ephemeral.txt", `set 0f0000000000000000 = (35):`)[0])}
	}},
	{"ARCHITECTURE.md", `a record of at most (\d+) bytes that every append rewrites`, func(t *testing.T) []float64 {
		// The tip of a tree that began with a frontier, with all nodes that it can
		// have: the root of a shard, and three of a quad; and the name of a scheme.
		return []float64{frozenBytes(t, "tip-started") + 32 + 8}
	}},
	{"CHANGELOG.md", `Format (\d+), ABI (\d+)`, func(t *testing.T) []float64 {
		return []float64{
			number(t, match(t, "rust/src/codec.rs", `pub const VERSION: u8 = (\d+)`)[0]),
			number(t, match(t, "lib/include/kvshard.h", `#define KVSHARD_ABI (\d+)`)[0]),
		}
	}},
	{"bridge.go", `const abiVersion = (\d+)`, func(t *testing.T) []float64 {
		return []float64{number(t, match(t, "lib/include/kvshard.h", `#define KVSHARD_ABI (\d+)`)[0])}
	}},
	{"FORMAT.md", `value has at most (\d+) KiB; that of a checkpoint (\d+) MiB, and all of those\s+together (\d+) MiB`, func(t *testing.T) []float64 {
		limit := func(constant string) float64 {
			return number(t, match(t, "stream/stream.go", constant)[0])
		}
		return []float64{limit(`maxRecord      = (\d+) << 10`), limit(`maxCheckpoint += (\d+) << 20`), limit(`maxCheckpoints += (\d+) << 20`)}
	}},
	{"docs/command.md", `or else the first (\d+) bytes`, func(t *testing.T) []float64 {
		return []float64{number(t, match(t, "cmd/kvshard/internal/input/input.go", `headBytes = (\d+)`)[0])}
	}},
	{"docs/keeper.md", "\\| 0\\.55\\.(\\d+) \\|[^\n]*\n\\| 0\\.53\\.(\\d+) \\|[^\n]*\n\\| 0\\.50\\.(\\d+) \\|", func(t *testing.T) (patches []float64) {
		for _, name := range []string{"examples/shieldchain/go.mod", "tools/compat/go.mod", "tools/compat/sdk-0.50.mod"} {
			versions, _ := required(t, name)
			version := versions["github.com/cosmos/cosmos-sdk"]
			patches = append(patches, number(t, version[strings.LastIndex(version, ".")+1:]))
		}
		return patches
	}},
	{"docs/build.md", `\| Go \| 1\.([\d.]+) \|[^\n]*\n\| Go, oldest \| 1\.([\d.]+) \|`, func(t *testing.T) []float64 {
		return []float64{
			number(t, match(t, "build/versions", `GO_VERSION=go1\.(.*)`)[0]),
			number(t, match(t, "go.mod", `(?m)^go 1\.(\d+\.\d+)`)[0]),
		}
	}},
	{"docs/build.md", `\| binutils \| ([\d.]+) \|`, func(t *testing.T) []float64 {
		return []float64{number(t, match(t, "build/versions", `BINUTILS_VERSION=(.*)`)[0])}
	}},
	{"docs/build.md", `\| zig \| 0\.([\d.]+) \|`, func(t *testing.T) []float64 {
		return []float64{number(t, match(t, "build/versions", `ZIGLANG_VERSION=0\.(.*)`)[0])}
	}},
	{"docs/build.md", `\| Rust \| 1\.([\d.]+) where[^\n]*\n\| Rust, oldest \| 1\.(\d+) \|`, func(t *testing.T) []float64 {
		return []float64{
			number(t, match(t, "build/versions", `RUST_VERSION=1\.(.*)`)[0]),
			number(t, match(t, "rust/Cargo.toml", `(?m)^rust-version = "1\.(.*)"`)[0]),
		}
	}},
	{"docs/BENCHMARKS.md", `\| vote-commitment-tree \| version 0\.([\d.]+),`, func(t *testing.T) []float64 {
		return []float64{number(t, match(t, "tools/peers/Cargo.toml", `vote-commitment-tree = "=0\.(.*)"`)[0])}
	}},
	{"testdata/README.md", "computed by crate `orchard` 0\\.(\\d+)", func(t *testing.T) []float64 {
		return []float64{number(t, match(t, "tools/testdata/Cargo.toml", `orchard = \{ version = "0\.(\d+)"`)[0])}
	}},
	{"testdata/README.md", "crate `zebra-test` ([\\d.]+):", func(t *testing.T) []float64 {
		return []float64{number(t, match(t, "tools/testdata/Cargo.toml", `zebra-test = "(.*)"`)[0])}
	}},
}

// TestFigures counts what the documents state as a number.
func TestFigures(t *testing.T) {
	for _, f := range figures {
		said := regexp.MustCompile(f.says).FindStringSubmatch(read(t, f.document))
		if said == nil {
			t.Errorf("%s does not say %s", f.document, f.says)
			continue
		}
		counted := f.counted(t)
		if len(counted) != len(said)-1 {
			t.Errorf("%s: %d numbers in %s, %d are counted", f.document, len(said)-1, f.says, len(counted))
			continue
		}
		for i, want := range counted {
			if got := number(t, said[i+1]); got != want {
				t.Errorf("%s says %q in %q; counted: %v", f.document, said[i+1], said[0], want)
			}
		}
	}
}

// TestCostsTable holds each cell of the first table of docs/costs.md to what
// tests/costs_test.go asserts. What stands under Time is measured.
func TestCostsTable(t *testing.T) {
	small, large := goldenCosts(t, "smallSize"), goldenCosts(t, "largeSize")
	rows := map[string]func(costsGolden) string{
		"block: gas":                                 func(g costsGolden) string { return thousands(g.gas("block")) },
		"block: operations on the store":             func(g costsGolden) string { return fmt.Sprintf("%.1f", g.rows["block"].ops) },
		"block: Sinsemilla hashes":                   func(g costsGolden) string { return fmt.Sprintf("%.1f", g.rows["block"].hashes) },
		"`Append` of one leaf: gas":                  func(g costsGolden) string { return thousands(g.gas("append")) },
		"`Append` of one leaf: operations":           func(g costsGolden) string { return fmt.Sprintf("%.1f", g.rows["append"].ops) },
		"`WitnessAt` of a random leaf: gas, at most": func(g costsGolden) string { return thousands(g.rows["witness"].mostGas) },
		"stored bytes a leaf, keys included":         func(g costsGolden) string { return fmt.Sprintf("%.1f", g.exactBytes) },
	}
	counted, _, found := strings.Cut(read(t, "docs/costs.md"), "\n## Time\n")
	if !found {
		t.Fatal("docs/costs.md has no heading Time")
	}
	for _, cells := range tableRows(counted) {
		cell, known := rows[cells[0]]
		if !known {
			t.Errorf("docs/costs.md has a row %q, which nobody counts", cells[0])
			continue
		}
		delete(rows, cells[0])
		if want := []string{cells[0], cell(small), cell(large)}; !slices.Equal(cells, want) {
			t.Errorf("docs/costs.md has %q; tests/costs_test.go gives %q", cells, want)
		}
	}
	for name := range rows {
		t.Errorf("docs/costs.md has no row %q", name)
	}
}

// costsGolden is what tests/costs_test.go asserts at one size.
type costsGolden struct {
	rows         map[string]goldenRow
	bytesPerLeaf float64 // rounded
	exactBytes   float64
}

// A goldenRow has the means of a call, and the figures of the dearest ones.
type goldenRow struct {
	gasMean, ops, hashes         float64
	mostGas, mostOps, mostHashes float64
}

// gas returns the mean gas of a row, rounded.
func (g costsGolden) gas(row string) float64 { return float64(int(g.rows[row].gasMean + 0.5)) }

func goldenCosts(t *testing.T, size string) costsGolden {
	t.Helper()
	text := match(t, "tests/costs_test.go", size+": `([^`]*)`")[0]
	g := costsGolden{rows: map[string]goldenRow{}}
	line := regexp.MustCompile(`(?m)^(\w+) +(\d+) cost +(\d+) gas +(\d+) ops +(\d+) hashes; the dearest +(\d+) gas +(\d+) ops +(\d+) hashes$`)
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		var n [7]float64
		for i := range n {
			n[i] = number(t, m[i+2])
		}
		g.rows[m[1]] = goldenRow{n[1] / n[0], n[2] / n[0], n[3] / n[0], n[4], n[5], n[6]}
	}
	bytes := regexp.MustCompile(`(\d+) bytes hold (\d+) leaves`).FindStringSubmatch(text)
	if len(g.rows) != 4 || bytes == nil {
		t.Fatalf("the costs of %s in tests/costs_test.go cannot be read:\n%s", size, text)
	}
	g.exactBytes = number(t, bytes[1]) / number(t, bytes[2])
	g.bytesPerLeaf = float64(int(g.exactBytes + 0.5))
	return g
}

// thousands writes a whole number as the documents do: 43,385.
func thousands(n float64) string {
	digits := strconv.Itoa(int(n + 0.5))
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

var numbersInWords = []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}

// number reads a number of a document: 43,385, 1.25, seven.
func number(t *testing.T, text string) float64 {
	t.Helper()
	if at := slices.Index(numbersInWords, text); at >= 0 {
		return float64(at)
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.ReplaceAll(text, ",", ""), "."), 64)
	if err != nil {
		t.Fatalf("%q is no number", text)
	}
	return n
}

// match returns the groups of a regular expression in a file, where it must be.
func match(t *testing.T, name, expression string) []string {
	t.Helper()
	m := regexp.MustCompile(expression).FindStringSubmatch(read(t, name))
	if m == nil {
		t.Fatalf("%s has nothing like %s", name, expression)
	}
	return m[1:]
}

// frozenBytes returns the length of a record of testdata/format/v1.
func frozenBytes(t *testing.T, name string) float64 {
	t.Helper()
	return float64(len(strings.TrimSpace(read(t, "testdata/format/v1/"+name+".hex"))) / 2)
}

// filesNamed returns the files of the repository that have this name.
func filesNamed(t *testing.T, name string) []string {
	t.Helper()
	return slices.DeleteFunc(repository(t), func(file string) bool { return path.Base(file) != name })
}

// tableRows returns the cells of the rows of all tables in a text, without their
// headings.
func tableRows(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
		case strings.HasPrefix(line, "|-"):
			rows = rows[:len(rows)-1]
		default:
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	return rows
}
