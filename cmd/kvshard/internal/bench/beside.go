package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

const besideMeans = "How many times as long as kvshard on memdb a tree takes"

// A comparison is how many times as long as ours another tree takes at a size.
type comparison struct {
	leaves uint
	tree   string
	times  []string // as TimeColumns has them
}

// beside compares the trees of other programs with ours on memdb, where both
// were measured.
func (r *Result) beside() (list []comparison) {
	for _, row := range r.Rows {
		at := slices.IndexFunc(r.Rows, func(ours Row) bool {
			return ours.Leaves == row.Leaves && ours.Tree == TreeOurs && ours.Store == storeMemDB
		})
		if at < 0 || row.Tree == TreeOurs || len(row.Times) == 0 {
			continue
		}
		c := comparison{leaves: row.Leaves, tree: row.Tree}
		for _, call := range TimeColumns {
			theirs, measured := row.Times[call]
			cell := noFigure
			if ours := r.Rows[at].Times[call]; measured && ours > 0 {
				cell = significant(theirs / ours)
			}
			c.times = append(c.times, cell)
		}
		list = append(list, c)
	}
	return list
}

func (r *Result) besideText(w io.Writer) {
	list := r.beside()
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", strings.ToLower(besideMeans[:1])+besideMeans[1:])
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "leaves\ttree\t%s\t\n", strings.Join(TimeColumns, "\t"))
	for _, c := range list {
		fmt.Fprintf(t, "%d\t%s\t%s\t\n", c.leaves, c.tree, strings.Join(c.times, "\t"))
	}
	_ = t.Flush()
}

func (r *Result) besideMarkdown() string {
	list := r.beside()
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### Beside the others\n\n%s.\n\n", besideMeans)
	b.WriteString("| leaves | tree | " + strings.Join(TimeColumns, " | ") + " |\n|---:|---|" + strings.Repeat("---:|", len(TimeColumns)) + "\n")
	for _, c := range list {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", grouped(float64(c.leaves)), c.tree, strings.Join(c.times, " | "))
	}
	return b.String() + "\n"
}
