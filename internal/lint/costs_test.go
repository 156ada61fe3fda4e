package lint

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// A costed tree has its calls counted: the Stats of the last one.
type costed struct {
	*kvshard.Tree
	t    *testing.T
	last kvshard.Stats
}

func newCosted(t *testing.T, opts ...kvshard.Option) *costed {
	t.Helper()
	c := &costed{t: t}
	observe := kvshard.WithObserver(func(s kvshard.Stats) { c.last = s })
	c.Tree = treetest.Open(t, kvtest.Strict(t), append(opts, observe)...)
	return c
}

// checkpoints makes n checkpoints with the ids from first up, of the same leaves.
func (c *costed) checkpoints(first, n uint32) *costed {
	c.t.Helper()
	for id := first; id < first+n; id++ {
		c.must(c.Checkpoint(id))
	}
	return c
}

func (c *costed) grow(size uint64) *costed {
	c.t.Helper()
	treetest.Grow(c.t, c.Tree, size)
	return c
}

func (c *costed) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// operations are what a sentence of a documented cost counts, in its words.
var operations = []struct {
	unit  *regexp.Regexp
	count func(s kvshard.Stats) uint64
}{
	{regexp.MustCompile(`(\d+) gets?\b`), func(s kvshard.Stats) uint64 { return s.Gets }},
	{regexp.MustCompile(`(\d+) sets?\b`), func(s kvshard.Stats) uint64 { return s.Sets }},
	{regexp.MustCompile(`(\d+) deletes?\b`), func(s kvshard.Stats) uint64 { return s.Deletes }},
	{regexp.MustCompile(`(\d+) iterators?\b`), func(s kvshard.Stats) uint64 { return s.IterCreates }},
	{regexp.MustCompile(`(\d+) steps?\b`), func(s kvshard.Stats) uint64 { return s.IterNexts }},
	{regexp.MustCompile(`(\d+) hash(es)?\b`), func(s kvshard.Stats) uint64 { return s.Hashes }},
}

// documentedCosts are the sentences on costs in tree.go that a call can be held
// to. The call is made by calls, which tells of the Stats of each: they are what
// the sentence says, or at most that and in one of the calls just that. What the
// sentence does not name does not happen, but for hashes.
var documentedCosts = []struct {
	method, says string
	calls        func(t *testing.T, count func(*costed))
}{
	{"Size", "1 get.", func(t *testing.T, count func(*costed)) {
		c := newCosted(t).grow(100)
		_, err := c.Size()
		c.must(err)
		count(c)
	}},
	{"SizeAt", "2 gets.", func(t *testing.T, count func(*costed)) {
		c := newCosted(t).grow(100).checkpoints(1, 3)
		_, err := c.SizeAt(2)
		c.must(err)
		count(c)
	}},
	{"Root", "at most 3 gets and 44 hashes", func(t *testing.T, count func(*costed)) {
		for size := uint64(240); size < 256; size++ {
			c := newCosted(t).grow(size)
			_, err := c.Root()
			c.must(err)
			count(c)
		}
	}},
	{"RootAt", "at most 4 gets and 44 hashes while the tree has not grown since", func(t *testing.T, count func(*costed)) {
		for size := uint64(240); size < 256; size++ {
			c := newCosted(t).grow(size).checkpoints(1, 1)
			_, err := c.RootAt(1)
			c.must(err)
			count(c)
		}
	}},
	{"Leaf", "2 gets.", func(t *testing.T, count func(*costed)) {
		c := newCosted(t).grow(100)
		_, err := c.Leaf(50)
		c.must(err)
		count(c)
	}},
	{"AppendBatch", "Without leaves it makes 1 get.", func(t *testing.T, count func(*costed)) {
		c := newCosted(t).grow(100)
		_, err := c.AppendBatch(nil)
		c.must(err)
		count(c)
	}},
	{"Checkpoint", "2 gets, 2 sets, 1 delete, 1 iterator and 1 step, however many", func(t *testing.T, count func(*costed)) {
		for _, kept := range []uint32{2, 10, 100} {
			c := newCosted(t, kvshard.WithMaxCheckpoints(kept)).grow(100).checkpoints(1, kept+1)
			count(c)
		}
	}},
	{"Checkpoint", "without it makes 2 gets and 2 sets.", func(t *testing.T, count func(*costed)) {
		count(newCosted(t).grow(100).checkpoints(1, 1))
	}},
	{"Checkpoints", "2 gets, 1 iterator, and 1 step for each checkpoint", func(t *testing.T, count func(*costed)) {
		c := newCosted(t).grow(100).checkpoints(1, 1)
		for _, err := range c.Tree.Checkpoints() {
			c.must(err)
		}
		// Of one checkpoint.
		count(c)
	}},
	{"Newest", "3 gets, however many", func(t *testing.T, count func(*costed)) {
		for _, kept := range []uint32{1, 10, 100} {
			c := newCosted(t, kvshard.WithMaxCheckpoints(kept)).grow(100).checkpoints(1, kept+1)
			_, _, err := c.Newest()
			c.must(err)
			count(c)
		}
	}},
	{"RetainCheckpoint", "4 gets and 2 sets for the newest checkpoint", func(t *testing.T, count func(*costed)) {
		c := newCosted(t).grow(100).checkpoints(1, 9)
		c.must(c.RetainCheckpoint(9))
		count(c)
	}},
	{"ReleaseCheckpoint", "4 gets, 2 sets and 1 delete while a lower one is retained", func(t *testing.T, count func(*costed)) {
		c := newCosted(t).grow(100).checkpoints(1, 9)
		c.must(c.RetainCheckpoint(3))
		c.must(c.RetainCheckpoint(6))
		c.must(c.ReleaseCheckpoint(6))
		count(c)
	}},
	{"RemoveMark", "5 gets and 3 sets, however many", func(t *testing.T, count func(*costed)) {
		c := newCosted(t).grow(100).checkpoints(1, 1)
		for position := range uint64(20) {
			_, err := c.RemoveMark(position, 1)
			c.must(err)
			count(c)
		}
	}},
	{"RemoveMark", "For a leaf without a mark it makes 3 gets", func(t *testing.T, count func(*costed)) {
		c := newCosted(t, kvshard.WithRetention(kvshard.Ephemeral)).grow(100).checkpoints(1, 1)
		_, err := c.RemoveMark(7, 1)
		c.must(err)
		count(c)
	}},
	{"Frontier", "3 gets and at most 12 hashes unless the newest leaf completes a shard", func(t *testing.T, count func(*costed)) {
		for size := uint64(241); size < 256; size++ {
			c := newCosted(t).grow(size)
			_, err := c.Frontier()
			c.must(err)
			count(c)
		}
	}},
}

// TestDocumentedCosts makes the calls of documentedCosts.
func TestDocumentedCosts(t *testing.T) {
	docs := treeDocs(t)
	for _, d := range documentedCosts {
		if !strings.Contains(docs[d.method].cost, d.says) {
			t.Errorf("the documentation of Tree.%s does not say %q: %s", d.method, d.says, docs[d.method].cost)
			continue
		}
		counts, atMost := 0, strings.Contains(d.says, "at most")
		most := make([]uint64, len(operations))
		d.calls(t, func(c *costed) {
			counts++
			for i, operation := range operations {
				got := operation.count(c.last)
				most[i] = max(most[i], got)
				if m := operation.unit.FindStringSubmatch(d.says); m != nil && !atMost && number(t, m[1]) != float64(got) {
					t.Errorf("Tree.%s: documented %q, counted %+v", d.method, d.says, c.last)
				}
			}
		})
		for i, operation := range operations {
			m := operation.unit.FindStringSubmatch(d.says)
			switch named := m != nil; {
			case counts == 0:
				t.Errorf("Tree.%s: no call was made", d.method)
			case named && number(t, m[1]) != float64(most[i]):
				t.Errorf("Tree.%s: documented %q, counted at most %d for %s", d.method, d.says, most[i], operation.unit)
			case !named && most[i] != 0 && operation.unit != operations[len(operations)-1].unit:
				t.Errorf("Tree.%s: documented %q, counted %d for %s", d.method, d.says, most[i], operation.unit)
			}
		}
	}
}

// A doc is what the documentation of a function says of errors and costs, each in
// one line.
type doc struct{ errors, cost string }

var paragraph = regexp.MustCompile(`(?m)^(Errors|Cost): ((?:.+\n?)+)`)

func docOf(group *ast.CommentGroup) (d doc) {
	for _, m := range paragraph.FindAllStringSubmatch(group.Text(), -1) {
		line := strings.Join(strings.Fields(m[2]), " ")
		if m[1] == "Errors" {
			d.errors = line
		} else {
			d.cost = line
		}
	}
	return d
}

// treeDocs returns what tree.go and its like document, by method of Tree.
func treeDocs(t *testing.T) map[string]doc {
	docs := map[string]doc{}
	publicFunctions(t, ".", func(name string, f *ast.FuncDecl) {
		if method, ok := strings.CutPrefix(name, "Tree."); ok {
			docs[method] = docOf(f.Doc)
		}
	})
	return docs
}

// publicFunctions calls f for each exported function and method of the package in
// a folder, with its name as "Open" or "Tree.Size".
func publicFunctions(t *testing.T, folder string, f func(name string, decl *ast.FuncDecl)) {
	t.Helper()
	seen := 0
	for _, file := range repository(t) {
		if path.Dir(file) != folder || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, decl := range goFile(t, file).Decls {
			decl, ok := decl.(*ast.FuncDecl)
			if !ok || !decl.Name.IsExported() {
				continue
			}
			name := decl.Name.Name
			if decl.Recv != nil {
				of := decl.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				if receiver, ok := of.(*ast.Ident); !ok || !receiver.IsExported() {
					continue
				} else {
					name = receiver.Name + "." + name
				}
			}
			seen++
			f(name, decl)
		}
	}
	if seen < 9 {
		t.Errorf("only %d exported functions were found in %s", seen, folder)
	}
}

// canFail tells whether a function returns an error, or a sequence with errors.
func canFail(f *ast.FuncDecl) (fails bool) {
	if f.Type.Results == nil {
		return false
	}
	ast.Inspect(f.Type.Results, func(n ast.Node) bool {
		if ident, ok := n.(*ast.Ident); ok && ident.Name == "error" {
			fails = true
		}
		return true
	})
	return fails
}

// TestPublicFunctionsStateErrorsAndCosts: what can fail says with which errors, and
// all that reads a store or hashes says what it costs. A method of package hashtree
// may refer to the one of package kvshard.
func TestPublicFunctionsStateErrorsAndCosts(t *testing.T) {
	wraps := regexp.MustCompile(`^(Error|Violation)\.Unwrap$`)
	converts := regexp.MustCompile(`^(\w+\.)?(Parse|Marshal|Unmarshal|NodeFromBytes)`) // bytes and text: neither store nor hash
	for _, folder := range []string{".", "hashtree", "stream"} {
		publicFunctions(t, folder, func(name string, f *ast.FuncDecl) {
			if f.Doc == nil {
				t.Errorf("%s: %s has no documentation", folder, name)
				return
			}
			d := docOf(f.Doc)
			refers := folder == "hashtree" && strings.Contains(strings.Join(strings.Fields(f.Doc.Text()), " "), "see [kvshard."+name+"]")
			if !canFail(f) || wraps.MatchString(name) || refers {
				return
			}
			if d.errors == "" {
				t.Errorf("%s: the documentation of %s has no paragraph \"Errors: …\"", folder, name)
			}
			free := converts.MatchString(name) || folder == "stream" && !strings.Contains(name, "Describe") && !strings.Contains(name, "Verify")
			if d.cost == "" && !free {
				t.Errorf("%s: the documentation of %s has no paragraph \"Cost: …\"", folder, name)
			}
		})
	}
}
