package kvtest_test

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/kvtest"
)

// fakeTB is a test that may fail.
type fakeTB struct {
	errors   []string
	cleanups []func()
}

func (f *fakeTB) Helper()                      {}
func (f *fakeTB) Errorf(s string, args ...any) { f.errors = append(f.errors, fmt.Sprintf(s, args...)) }
func (f *fakeTB) Cleanup(c func())             { f.cleanups = append(f.cleanups, c) }

func TestFinish(t *testing.T) {
	tb := new(fakeTB)
	s := kvtest.Strict(tb)
	if err := s.Set(b("k"), b("v")); err != nil {
		t.Fatal(err)
	}
	kvtest.Finish(tb, s)
	if len(tb.errors) != 0 || s.Check() != nil {
		t.Fatalf("errors without cause: %v", tb.errors)
	}

	v := b("v")
	s.Set(b("k2"), v)
	s.Delete(b("absent"))
	s.Iterator(b("k"), nil)
	s.ReverseIterator(nil, nil)
	v[0] = 'x'
	for _, c := range tb.cleanups {
		c()
	}
	want := []string{
		"kvtest: delete 616273656e74: write changes nothing",
		"kvtest: argument of an earlier set 6b32: slice that is not the caller's was changed",
		"kvtest: iter [6b, ..) was left open: iterator is open",
		"kvtest: iter reverse [.., ..) was left open: iterator is open",
	}
	got := strings.Join(tb.errors, "\n")
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("no %q in\n%s", w, got)
		}
	}
	err := s.Check()
	for _, rule := range []error{kvtest.ErrUnchanged, kvtest.ErrMutated, kvtest.ErrIteratorOpen} {
		if !errors.Is(err, rule) {
			t.Errorf("Check: %v, not %v", err, rule)
		}
	}
}

// The package is of use outside of tests too: it must not bring the flags of
// package testing into a program, and nothing but what core/store brings.
func TestImports(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		seen++
		src, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range src.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			if path == "testing" || path == "C" || (strings.Contains(path, ".") && path != "cosmossdk.io/core/store") {
				t.Errorf("%s imports %s", f.Name(), path)
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d files were looked at", seen)
	}
}
