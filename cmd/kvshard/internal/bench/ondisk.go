package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

const onDiskMeans = "Trees on disk, and the commands that build and try them, each in a process of its own: seconds\na million leaves; `root`, `witness` and `view` in seconds. Bytes are those of the database when it was built"

// perMillion are the commands whose time grows with the tree.
var perMillion = []string{"append", "check", "export", "import"}

// onDisk are the rows of trees on disk.
func (r *Result) onDisk() (rows []Row) {
	for _, row := range r.Rows {
		if row.Bytes > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// onDiskCells are the figures of a tree as onDiskColumns has them.
func onDiskCells(row Row) []string {
	cells := []string{decimal(float64(row.Bytes) / float64(row.Leaves))}
	for _, name := range commandNames {
		i := slices.IndexFunc(row.Commands, func(c commandRun) bool { return c.Command == name })
		cell := noFigure
		if i >= 0 {
			seconds := row.Commands[i].Seconds
			if slices.Contains(perMillion, name) {
				seconds /= float64(row.Leaves) / 1e6
			}
			cell = significant(seconds)
		}
		cells = append(cells, cell)
	}
	return cells
}

var onDiskColumns = append([]string{"bytes a leaf"}, commandNames...)

// memoryCells is the peak memory of each command in MiB.
func memoryCells(row Row) (cells []string) {
	for _, c := range row.Commands {
		cell := noFigure
		if c.Memory > 0 {
			cell = grouped(float64(c.Memory) / (1 << 20))
		}
		cells = append(cells, cell)
	}
	return cells
}

// byCommand are the rows of trees that commands have built.
func byCommand(rows []Row) (some []Row) {
	for _, row := range rows {
		if len(row.Commands) > 0 {
			some = append(some, row)
		}
	}
	return some
}

func (r *Result) onDiskText(w io.Writer) {
	rows := r.onDisk()
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", strings.ToLower(onDiskMeans[:1])+strings.ReplaceAll(onDiskMeans[1:], "`", ""))
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "leaves\tstore\t%s\t\n", strings.Join(onDiskColumns, "\t"))
	for _, row := range rows {
		fmt.Fprintf(t, "%d\t%s\t%s\t\n", row.Leaves, row.Store, strings.Join(onDiskCells(row), "\t"))
	}
	_ = t.Flush()
	if rows = byCommand(rows); len(rows) == 0 {
		return
	}
	fmt.Fprintln(w, "\npeak memory of a command, MiB")
	fmt.Fprintf(t, "leaves\tstore\t%s\t\n", strings.Join(commandNames, "\t"))
	for _, row := range rows {
		fmt.Fprintf(t, "%d\t%s\t%s\t\n", row.Leaves, row.Store, strings.Join(memoryCells(row), "\t"))
	}
	_ = t.Flush()
}

func (r *Result) onDiskMarkdown() string {
	rows := r.onDisk()
	if len(rows) == 0 {
		return ""
	}
	var b strings.Builder
	table := func(columns []string, rows []Row, cells func(Row) []string) {
		b.WriteString("| leaves | store | " + strings.Join(columns, " | ") + " |\n|---:|---|" + strings.Repeat("---:|", len(columns)) + "\n")
		for _, row := range rows {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", grouped(float64(row.Leaves)), row.Store, strings.Join(cells(row), " | "))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "## On disk\n\n%s.\n\n", onDiskMeans)
	table(onDiskColumns, rows, onDiskCells)
	if rows = byCommand(rows); len(rows) > 0 {
		b.WriteString("Peak memory of a command, in MiB:\n\n")
		table(commandNames, rows, memoryCells)
	}
	return b.String()
}
