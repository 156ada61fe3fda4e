package view

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
	"github.com/tdewolff/parse/v2/js"
)

// The page's files are held to rules without Node: they parse, they use no name
// that is not there and have none that is not used, and no line or function is
// too long to review. How they are laid out is prettier's, in "make lint".

// What a browser has of its own.
var browserNames = strings.Fields(`
	Array Blob Infinity JSON Map Math Number Object String URL URLSearchParams XMLSerializer
	addEventListener clearInterval document getComputedStyle getSelection innerHeight innerWidth
	location matchMedia navigator setInterval setTimeout undefined window`)

const (
	mostColumns = 100
	mostLines   = 40 // of a function
)

func pageFiles(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(files, "page/*")
	if err != nil || len(names) < 5 {
		t.Fatalf("%v: %v", names, err)
	}
	return names
}

func TestLintLines(t *testing.T) {
	t.Parallel()
	for _, name := range pageFiles(t) {
		text := string(file(path.Base(name)))
		if !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") {
			t.Errorf("%s does not end with one line end", name)
		}
		for i, line := range strings.Split(text, "\n") {
			switch {
			case len([]rune(line)) > mostColumns:
				t.Errorf("%s:%d has %d columns, want at most %d", name, i+1, len([]rune(line)), mostColumns)
			case strings.ContainsAny(line, "\t\r") || strings.TrimRight(line, " ") != line:
				t.Errorf("%s:%d has a tab, a carriage return or spaces at its end", name, i+1)
			}
		}
	}
}

// Each script is a part of the page.
func TestLintScripts(t *testing.T) {
	t.Parallel()
	var there []string
	for _, name := range pageFiles(t) {
		if base, isScript := strings.CutSuffix(path.Base(name), ".js"); isScript {
			there = append(there, base)
		}
	}
	used := slices.Sorted(slices.Values(scripts))
	if !slices.Equal(there, used) {
		t.Errorf("scripts in page/: %v, in the page: %v", there, used)
	}
	for _, part := range []string{string(script()), string(file("view.css"))} {
		if strings.Contains(part, "</") && regexp.MustCompile(`(?i)</(script|style)`).MatchString(part) {
			t.Error("a script or the style would end in its middle")
		}
	}
}

func TestLintNames(t *testing.T) {
	t.Parallel()
	for _, wrong := range namesAmiss(t, string(script())) {
		t.Error(wrong)
	}
	// The check sees what it is for.
	for _, wrong := range []struct{ script, want string }{
		{"const a = b; a();", "b is used and not declared"},
		{"const a = 1;", "a is declared and not used"},
		{"function f(x) { const y = x; } f();", "y is declared and not used"},
		{"const f = () => { g(); }; f();", "g is used and not declared"},
	} {
		if got := namesAmiss(t, wrong.script); !slices.Contains(got, wrong.want) {
			t.Errorf("%s: %v, want %s", wrong.script, got, wrong.want)
		}
	}
}

// namesAmiss parses a script, and returns what is wrong with its names.
func namesAmiss(t *testing.T, text string) (wrong []string) {
	t.Helper()
	tree, err := js.Parse(parse.NewInputString(text), js.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range tree.Undeclared {
		if name := string(v.Data); !slices.Contains(browserNames, name) {
			wrong = append(wrong, name+" is used and not declared")
		}
	}
	js.Walk(visitor(func(scope *js.Scope) {
		for i, v := range scope.Declared {
			argument := i < scope.NumFuncArgs
			if v.Uses <= 1 && !argument {
				wrong = append(wrong, string(v.Data)+" is declared and not used")
			}
		}
	}), tree)
	return wrong
}

// A visitor is called for each scope of a script.
type visitor func(*js.Scope)

func (v visitor) Enter(n js.INode) js.IVisitor {
	switch n := n.(type) {
	case *js.AST:
		v(&n.Scope)
	case *js.BlockStmt:
		v(&n.Scope)
	}
	return v
}

func (visitor) Exit(js.INode) {}

// A function of the scripts begins at a line's begin, and so does its end.
func TestLintFunctions(t *testing.T) {
	t.Parallel()
	begins := regexp.MustCompile(`^(async )?(function |const \w+ = .*(=>|\{|\())`)
	seen := 0
	for _, name := range scripts {
		from, head := 0, ""
		for i, line := range strings.Split(string(file(name+".js")), "\n") {
			if begins.MatchString(line) {
				from, head = i, line
				seen++
			}
			if strings.HasPrefix(line, "}") && i-from >= mostLines && strings.Contains(head, "function") {
				t.Errorf("%s.js:%d: %d lines, want at most %d: %s", name, from+1, i-from+1, mostLines, head)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d functions were found", seen)
	}
}

func TestLintStyle(t *testing.T) {
	t.Parallel()
	parser := css.NewParser(parse.NewInputBytes(file("view.css")), false)
	rules := 0
	for {
		kind, _, text := parser.Next()
		if kind == css.ErrorGrammar {
			if err := parser.Err(); err.Error() != "EOF" {
				t.Errorf("view.css: %v", err)
			}
			break
		}
		if kind == css.BeginRulesetGrammar {
			rules++
		}
		if kind == css.TokenGrammar {
			t.Errorf("view.css: %q stands outside of a rule", text)
		}
	}
	if rules < 30 {
		t.Errorf("only %d rules were read", rules)
	}
}

// Each colour that is used has a value, and each that has one is used.
func TestLintColours(t *testing.T) {
	t.Parallel()
	style, scripts := string(file("view.css")), string(script())
	given := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^  --(\w+):`).FindAllStringSubmatch(style, -1) {
		given[found[1]] = true
	}
	for name := range given {
		inScript := regexp.MustCompile(fmt.Sprintf(`'%s'`, name)).MatchString(scripts)
		if !inScript && !strings.Contains(style, "var(--"+name+")") {
			t.Errorf("the colour --%s is not used", name)
		}
	}
	for _, use := range regexp.MustCompile(`(?:var\(--|css\('|fill: '|stroke: ')(\w+)`).FindAllStringSubmatch(style+scripts, -1) {
		if !given[use[1]] && use[1] != "none" && use[1] != "transparent" {
			t.Errorf("the colour --%s has no value", use[1])
		}
	}
}
