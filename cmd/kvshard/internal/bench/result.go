package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A Row is a tree in a store at a size.
type Row struct {
	Leaves uint               `json:"leaves"`
	Tree   string             `json:"tree"`
	Store  string             `json:"store"`
	Times  map[string]float64 `json:"times"`
	Costs  map[string]cost    `json:"costs"`
	Over   string             `json:"over_the_limit,omitempty"` // the step that took too long,
	Limit  string             `json:"limit,omitempty"`          // longer than this

	Bytes    int64        `json:"bytes_on_disk,omitempty"` // when it was built
	Commands []commandRun `json:"commands,omitempty"`      // that built it and tried it
}

// A Result is what was measured.
type Result struct {
	Part     string    `json:"part"` // of the page: the make target
	Unit     string    `json:"unit"` // of times, but for build, which is for each leaf
	Command  string    `json:"command"`
	Machine  string    `json:"machine"`
	Versions string    `json:"versions"`
	Note     string    `json:"note,omitempty"`
	Rounds   int       `json:"rounds"`
	Frontier []float64 `json:"frontier_microseconds,omitempty"` // the unit, at each size
	Rows     []Row     `json:"rows"`
}

const (
	UnitMicroseconds = "microseconds"
	UnitFrontier     = "blocks of an in-memory Frontier"
)

// Text prints the result.
func (r *Result) Text(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "call\tleaves\ttree\t%s\t\n", strings.Join(costColumns, "\t"))
	for _, call := range Calls {
		for _, row := range r.counted(call) {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t\n", call, row.Leaves, row.Tree, strings.Join(costCells(row, call), "\t"))
		}
	}
	_ = t.Flush()
	fmt.Fprintf(w, "\ntimes in %s; %s in microseconds a leaf\n", r.Unit, CallBuild)
	fmt.Fprintf(t, "leaves\ttree\tstore\t%s\t\n", strings.Join(TimeColumns, "\t"))
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t\n", row.Leaves, row.Tree, row.Store, strings.Join(timeCells(row), "\t"))
	}
	_ = t.Flush()
	r.onDiskText(w)
	r.besideText(w)
}

// counted returns the rows with figures of a call: of ours one store's, since
// they are the same on each.
func (r *Result) counted(call string) (rows []Row) {
	for _, row := range r.Rows {
		_, there := row.Costs[call]
		first := slices.IndexFunc(rows, func(other Row) bool { return other.Leaves == row.Leaves && other.Tree == row.Tree }) < 0
		if there && first {
			rows = append(rows, row)
		}
	}
	return rows
}
