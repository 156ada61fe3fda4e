package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
)

func (r *Result) markdown() string {
	var b strings.Builder
	pictures := func(part string) {
		for _, p := range r.plots() {
			if p.part == part {
				fmt.Fprintf(&b, "![%s](%s)\n\n", p.title, p.file)
			}
		}
	}
	b.WriteString("\n## Counted\n\n")
	pictures("counted")
	for _, call := range Calls {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", title(call), callMeans[call])
		b.WriteString("| leaves | tree | " + strings.Join(costColumns, " | ") + " |\n|---:|---|" + strings.Repeat("---:|", len(costColumns)) + "\n")
		for _, row := range r.counted(call) {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", grouped(float64(row.Leaves)), row.Tree, strings.Join(costCells(row, call), " | "))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "## Times\n\nIn %s; %s in microseconds a leaf. A step over a limit was ended,\nand its tree not asked again at that size.\n\n", r.Unit, CallBuild)
	pictures("times")
	b.WriteString("| leaves | tree | store | " + strings.Join(TimeColumns, " | ") + " |\n|---:|---|---|" + strings.Repeat("---:|", len(TimeColumns)) + "\n")
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", grouped(float64(row.Leaves)), row.Tree, row.Store, strings.Join(timeCells(row), " | "))
	}
	b.WriteString("\n" + r.besideMarkdown() + r.onDiskMarkdown())
	return b.String()
}

var callMeans = map[string]string{
	CallBlock:   "10 leaves appended, a checkpoint, the root.",
	CallRoot:    "The root, nothing being kept from the call before.",
	CallWitness: "The path of a leaf to the root of the newest checkpoint; the leaves are spread over the tree.",
	CallAppend:  "One leaf, by itself.",
	CallOpen:    "A database opened, where there is one, a tree over it, and its root.",
}

func title(call string) string { return strings.ToUpper(call[:1]) + call[1:] }

var costColumns = []string{"gas", "KV operations", "bytes read", "bytes written", "hashes"}

// noFigure marks a call or a figure that a tree does not have.
const noFigure = "\u2013"

// costCells are the figures of a call as costColumns has them. Trees in memory
// have no store, and the hashes of one are not to be seen.
func costCells(row Row, call string) []string {
	c := row.Costs[call]
	cells := []string{grouped(c.Gas), decimal(c.Ops), grouped(c.Read), grouped(c.Written), decimal(c.Hashes)}
	switch row.Tree {
	case TreeFrontier, TreeShardTree:
		cells[0], cells[1], cells[2], cells[3] = noFigure, noFigure, noFigure, noFigure
	case TreeVote:
		cells[4] = noFigure
	}
	return cells
}

// timeCells are the times as TimeColumns has them.
func timeCells(row Row) (cells []string) {
	for _, call := range TimeColumns {
		value, measured := row.Times[call]
		switch {
		case measured:
			cells = append(cells, significant(value))
		case row.Over == call:
			cells = append(cells, "over "+row.Limit)
		default:
			cells = append(cells, noFigure)
		}
	}
	return cells
}

// list is "a, b, c".
func list(texts []string) string { return strings.Join(texts, ", ") }

func significants(values []float64) (texts []string) {
	for _, v := range values {
		texts = append(texts, significant(v))
	}
	return texts
}

// significant writes a number with three digits, or with all digits before the point.
func significant(v float64) string {
	if v >= 100 {
		return grouped(v)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func decimal(v float64) string {
	if v >= 1000 {
		return grouped(v)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// grouped writes a whole number with commas.
func grouped(v float64) string {
	text := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

type picture struct {
	part, file, title, unit string
	lines                   []plotLine
}

func (r *Result) plots() []picture {
	counted := func(call string, figure func(cost) float64, trees ...string) (lines []plotLine) {
		rows := r.counted(call)
		for _, tree := range trees {
			line := plotLine{name: tree, style: plotStyles[tree]}
			for _, row := range rows {
				if v := figure(row.Costs[call]); row.Tree == tree && v > 0 {
					line.points = append(line.points, [2]float64{float64(row.Leaves), v})
				}
			}
			lines = append(lines, line)
		}
		return withPoints(lines)
	}
	gas := func(c cost) float64 { return c.Gas }
	hashes := func(c cost) float64 { return c.Hashes }
	return []picture{
		{"counted", "bench-gas.svg", "Gas of a block", "the SDK's default KV gas", counted(CallBlock, gas, TreeOurs, TreeVote)},
		{"counted", "bench-witness-gas.svg", "Gas of a witness", "the SDK's default KV gas", counted(CallWitness, gas, TreeOurs, TreeVote)},
		{"counted", "bench-hashes.svg", "Hashes of a block", "Sinsemilla", counted(CallBlock, hashes, TreeOurs, TreeFrontier, TreeShardTree)},
		{"times", "bench-block.svg", "Time of a block", r.Unit, r.timed(CallBlock)},
		{"times", "bench-witness.svg", "Time of a witness", r.Unit, r.timed(CallWitness)},
	}
}

func (r *Result) timed(call string) (lines []plotLine) {
	at := map[string]int{}
	for _, row := range r.Rows {
		name := row.Tree
		if row.Tree == TreeOurs {
			name += ", " + row.Store
		}
		i, known := at[name]
		if !known {
			i = len(lines)
			at[name] = i
			lines = append(lines, plotLine{name: name, style: plotStyles[name]})
		}
		if v, measured := row.Times[call]; measured {
			lines[i].points = append(lines[i].points, [2]float64{float64(row.Leaves), v})
		}
	}
	return withPoints(lines)
}

var plotStyles = map[string]int{
	TreeOurs: 0, TreeOurs + ", " + storeMemDB: 0, TreeOurs + ", " + disk.GoLevelDB: 1, TreeOurs + ", " + disk.Pebble: 2,
	TreeOurs + ", " + storeIAVL: 6, TreeOurs + ", " + storeRust: 7, TreeFrontier: 3, TreeShardTree: 4, TreeVote: 5,
}

func withPoints(lines []plotLine) (some []plotLine) {
	for _, line := range lines {
		if len(line.points) > 0 {
			some = append(some, line)
		}
	}
	return some
}
