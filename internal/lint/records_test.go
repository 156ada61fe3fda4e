package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"strconv"
	"strings"
	"testing"
)

// keyBytesAllowed are the files outside the root package that may spell a number which
// is also a key byte, and why.
var keyBytesAllowed = map[string]string{
	"kvtest/trace_store_test.go":    "keys of a store without a tree: the package does not know kvshard",
	"tests/vote_guide_test.go":      "the keys of the vote chain's own module, as its guide quotes them",
	"hashtree/scheme.go":            "a byte of a fingerprint",
	"tools/release/inventory.go":    "a bit mask of a UUID",
	"internal/lint/records_test.go": "says which numbers they are",
}

// TestOneDoorToTheRecords: how a key is spelled is known to the root package alone, by
// keys.go, and in Rust by keys.rs. Others ask kvshard.RecordName and kvshard.Records.
// What could be a key byte is a hexadecimal number from 0x0F to 0x15, or such a byte in
// a string. Files that protoc made are left out.
func TestOneDoorToTheRecords(t *testing.T) {
	seen := 0
	used := map[string]bool{}
	for _, name := range repository(t) {
		if path.Ext(name) != ".go" || path.Dir(name) == "." || strings.HasSuffix(name, ".pb.go") {
			continue
		}
		seen++
		for _, literal := range keyBytes(goFile(t, name)) {
			if keyBytesAllowed[name] == "" {
				t.Errorf("%s has %s, a byte of a tree's key: use kvshard.RecordName and kvshard.Records", name, literal)
			}
			used[name] = true
		}
	}
	for name := range keyBytesAllowed {
		if !used[name] {
			t.Errorf("%s has no key byte any longer: take it off the list", name)
		}
	}
	if seen < 100 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// keyBytes returns the literals of a file that could be bytes of a tree's key.
func keyBytes(file *ast.File) (found []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok {
			return true
		}
		switch literal.Kind {
		case token.INT:
			number, err := strconv.ParseUint(literal.Value, 0, 64)
			if strings.HasPrefix(strings.ToLower(literal.Value), "0x") && err == nil && isKeyByte(number) {
				found = append(found, literal.Value)
			}
		case token.STRING:
			text, err := strconv.Unquote(literal.Value)
			if err == nil && strings.ContainsFunc(text, func(r rune) bool { return isKeyByte(uint64(r)) }) {
				found = append(found, literal.Value)
			}
		}
		return true
	})
	return found
}

func isKeyByte(n uint64) bool { return 0x0F <= n && n <= 0x15 }

// iterationsAllowed are the functions outside the root package that look at an iterator
// and do not ask for its error, and why.
var iterationsAllowed = map[string]string{
	"internal/dbstore/overlay.go settle":              "a part of an iterator, whose Error is that of the one below",
	"x/commitment/keeper/anchors.go dropAnchors":      "an iterator of collections has no Error; the function knows how many it must find",
	"x/commitment/keeper/history.go newestUpTo":       "an iterator of collections has no Error; one entry is looked for, and the SDK's stores panic when a read fails",
	"x/commitment/keeper/wallet_queries.go valuesOf":  "an iterator of collections has no Error; a query's page, and the SDK's stores panic when a read fails",
	"x/commitment/keeper/queue.go nextPlace":          "one entry is looked for in a store in memory, and the iterators of the SDK's cache report an error at every end",
	"kvtest/trace_store_test.go TestTraceStoreFormat": "makes the operations that a trace shows, on a store in memory",
}

// TestIterationsAreReadToTheEnd: whoever opens an iterator, or walks one, asks for its
// Error. An iterator of a database whose read failed is invalid, as one at its end is;
// on the SDK's stores Error has a trap of its own, so there kvshard.Records and
// kvshard.Entries are the way.
func TestIterationsAreReadToTheEnd(t *testing.T) {
	seen, used := 0, map[string]bool{}
	for _, name := range repository(t) {
		if path.Ext(name) != ".go" || path.Dir(name) == "." || strings.HasSuffix(name, ".pb.go") {
			continue
		}
		for _, decl := range goFile(t, name).Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			looked, asked := iteratorsOf(f)
			for it := range looked {
				seen++
				if asked[it] {
					continue
				}
				place := name + " " + f.Name.Name
				if iterationsAllowed[place] == "" {
					t.Errorf("%s looks at the iterator %s and never asks for its Error: use kvshard.Records or kvshard.Entries", place, it)
				}
				used[place] = true
			}
		}
	}
	for place := range iterationsAllowed {
		if !used[place] {
			t.Errorf("%s is sound now, or gone: take it off the list", place)
		}
	}
	if seen < 5 {
		t.Errorf("only %d iterations were found", seen)
	}
}

// iteratorsOf returns the variables of a function that are iterators and of which it asks
// whether they are valid, as it walks them or after it opened one; and those whose Error
// it asks for.
func iteratorsOf(f *ast.FuncDecl) (looked, asked map[string]bool) {
	calls := map[string]map[string]bool{}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		method := selector.Sel.Name
		of := types.ExprString(selector.X)
		switch method {
		case "Iterator", "ReverseIterator", "Iterate":
			of = "" // whatever it is of
		case "Valid", "Next", "Error":
			if len(call.Args) > 0 {
				return true
			}
		default:
			return true
		}
		if calls[method] == nil {
			calls[method] = map[string]bool{}
		}
		calls[method][of] = true
		return true
	})
	opens := calls["Iterator"] != nil || calls["ReverseIterator"] != nil || calls["Iterate"] != nil
	looked = map[string]bool{}
	for of := range calls["Valid"] {
		if opens || calls["Next"][of] {
			looked[of] = true
		}
	}
	return looked, calls["Error"]
}

// TestIterationsAreFound: the rule sees a walk, and a look, without Error.
func TestIterationsAreFound(t *testing.T) {
	for body, want := range map[string]int{
		"it, _ := kv.Iterator(nil, nil); for ; it.Valid(); it.Next() {}":                         1,
		"it, _ := kv.Iterator(nil, nil); for ; it.Valid(); it.Next() {}; t.Error(it)":            1,
		"it, _ := kv.Iterator(nil, nil); for ; it.Valid(); it.Next() {}; err.Error()":            1,
		"it, _ := kv.Iterator(nil, nil); for ; it.Valid(); it.Next() {}; return it.Error()":      0,
		"it, _ := kv.ReverseIterator(nil, nil); any := it.Valid(); it.Close()":                   1,
		"for ; it.Valid(); it.Next() {}":                                                         1,
		"x, y := open(), open(); for ; x.Valid() && y.Valid(); x.Next() { y.Next() }; x.Error()": 1,
		"for entry, err := range kvshard.Entries(kv, nil, nil) {}":                               0,
		"return it.Iterator.Valid()":                                                             0,
	} {
		file := parsed(t, "package p; func f() {"+body+"}")
		looked, asked := iteratorsOf(file.Decls[0].(*ast.FuncDecl))
		missed := 0
		for it := range looked {
			if !asked[it] {
				missed++
			}
		}
		if missed != want {
			t.Errorf("%s: %d, want %d", body, missed, want)
		}
	}
}

func parsed(t *testing.T, source string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
	if err != nil {
		t.Fatal(source, err)
	}
	return file
}

// TestKeyBytesAreFound: the rule sees each way in which a key byte can be spelled.
func TestKeyBytesAreFound(t *testing.T) {
	for source, want := range map[string]int{
		`package p; var k = []byte{0x0F, 0, 1}`:                    1,
		`package p; func f(k []byte) bool { return k[0] == 0x15 }`: 1,
		`package p; const tip byte = 0x13`:                         1,
		"package p; var k = \"notes/\\x0fmine\"":                   1,
		`package p; var k = append(p, 0x14, 0x02)`:                 1,
		`package p; var n = 0x0E + 0x16 + 16 + 21`:                 0,
		"package p; var s = \"a\\tb\\nc\\r\"":                      0,
	} {
		if found := keyBytes(parsed(t, source)); len(found) != want {
			t.Errorf("%s: %v, want %d", source, found, want)
		}
	}
}
