package bench

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

const (
	pageFile    = "BENCHMARKS.md"
	figuresFile = "benchmarks.json"

	DocBegin = "<!-- from here on written by kvshard bench -->"
	docEnd   = "<!-- up to here -->"
)

// A page is made of parts, each measured by itself: a large tree takes hours, and is
// not built again for the small ones. benchmarks.json beside the page has them.
type page struct {
	Parts []*Result `json:"parts"`
}

// Write puts the result into BENCHMARKS.md in the place of an earlier one of the same
// part, with the plots and benchmarks.json beside it.
func (r *Result) Write(dir string) error {
	path := filepath.Join(dir, pageFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte("# Benchmarks\n\n" + DocBegin + "\n" + docEnd + "\n")
	} else if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(text, []byte(DocBegin))
	_, after, closed := bytes.Cut(rest, []byte(docEnd))
	if !found || !closed {
		return exit.Errorf(exit.State, "put the two lines into the file, or remove it", "%s lacks the lines %q and %q", path, DocBegin, docEnd)
	}
	p, err := readPage(dir)
	if err != nil {
		return err
	}
	if err := p.put(r); err != nil {
		return err
	}
	figures, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := disk.ReplaceText(filepath.Join(dir, figuresFile), append(figures, '\n')); err != nil {
		return err
	}
	all := p.all()
	for _, picture := range all.plots() {
		if err := disk.ReplaceText(filepath.Join(dir, filepath.FromSlash(picture.file)), plot(picture.title, picture.unit, picture.lines)); err != nil {
			return err
		}
	}
	made := string(before) + DocBegin + "\n" + p.made() + all.markdown() + docEnd + string(after)
	return disk.ReplaceText(path, []byte(made))
}

// readPage reads the parts of a page, none if there is no such page yet.
func readPage(dir string) (p page, err error) {
	path := filepath.Join(dir, figuresFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, exit.Errorf(exit.Input, "remove it, and measure all parts again", "%s: %w", path, err)
	}
	return p, nil
}

// put puts a part in its place. All parts of a page have times in one unit.
func (p *page) put(r *Result) error {
	at := slices.IndexFunc(p.Parts, func(other *Result) bool { return other.Part == r.Part })
	if at >= 0 {
		p.Parts[at] = r
	} else {
		p.Parts = append(p.Parts, r)
	}
	for _, other := range p.Parts {
		if other.Unit != r.Unit {
			return exit.Errorf(exit.State, "give --peers to both or to none", "the part %q of the page has times in %s, and %q in %s", other.Part, other.Unit, r.Part, r.Unit)
		}
	}
	return nil
}

// all are the rows of all parts, by size. Of a tree that several have measured at a
// size the last part counts.
func (p *page) all() *Result {
	all := &Result{Unit: p.Parts[0].Unit}
	for i, part := range p.Parts {
		for _, row := range part.Rows {
			again := slices.ContainsFunc(p.Parts[i+1:], func(later *Result) bool { return slices.ContainsFunc(later.Rows, row.same) })
			if !again {
				all.Rows = append(all.Rows, row)
			}
		}
	}
	slices.SortStableFunc(all.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Leaves, b.Leaves), cmp.Compare(a.place(), b.place()))
	})
	return all
}

// same tells whether a row is of the same tree in the same store at the same size.
func (row Row) same(other Row) bool {
	return row.Leaves == other.Leaves && row.Tree == other.Tree && row.Store == other.Store
}

// place is where a row stands among those of its size: ours first, as [Stores] has them.
func (row Row) place() int {
	if at := slices.Index(Stores, row.Store); at >= 0 {
		return at
	}
	return len(Stores) + slices.Index([]string{TreeOurs, TreeFrontier, TreeShardTree, TreeVote}, row.Tree)
}

// made says how each part was made.
func (p *page) made() string {
	var b bytes.Buffer
	for _, part := range p.Parts {
		fmt.Fprintf(&b, "\nMade by\n\n```\n%s\n```\n\non %s, with %s.", part.Command, part.Machine, part.Versions)
		if len(part.Frontier) > 0 {
			fmt.Fprintf(&b, " A Frontier's block took\n%s microseconds at the sizes in their order.", list(significants(part.Frontier)))
		}
		if part.Note != "" {
			fmt.Fprintf(&b, " %s.", strings.TrimSuffix(part.Note, "."))
		}
		b.WriteString("\n")
	}
	return b.String()
}
