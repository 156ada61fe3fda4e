package tests

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// methodsOfTree returns the names of the methods of Tree.
func methodsOfTree() []string {
	var names []string
	tree := reflect.TypeFor[*kvshard.Tree]()
	for i := range tree.NumMethod() {
		names = append(names, tree.Method(i).Name)
	}
	return names
}

// A tracedStep is a step of a script with what it did to the store.
type tracedStep struct {
	name    string
	outcome string
	ops     []kvtest.Op
	stats   kvshard.Stats
	trace   string
}

// runTraced runs a script and records each step. onStore is called before each step
// and returns the tree for it.
func runTraced(t *testing.T, s script, onStore func(kv store.KVStore, opts []kvshard.Option) *kvshard.Tree) []tracedStep {
	t.Helper()
	trace := kvtest.NewTraceStore(kvtest.Strict(t))
	var stats kvshard.Stats
	opts := append([]kvshard.Option{kvshard.WithObserver(func(s kvshard.Stats) { stats = s })}, s.opts...)
	var steps []tracedStep
	for _, step := range s.steps {
		trace.Reset()
		tree := onStore(trace, opts)
		stats = kvshard.Stats{}
		what := outcome(step.run(tree))
		steps = append(steps, tracedStep{step.name, what, trace.Trace(), stats, trace.String()})
	}
	return steps
}

// TestGoldenTraces runs each script with one Tree that lives long and with a fresh
// one for each step. Both must do the operations of the golden files, in the same
// order: on a store that charges gas, these are consensus. Run with -update to write
// the files anew.
func TestGoldenTraces(t *testing.T) {
	orchardOnly(t, "the files are Orchard's; TestTracesOfAnotherScheme holds the other against them")
	for _, s := range scripts() {
		t.Run(s.name, func(t *testing.T) {
			var proxy *kvshard.StoreProxy
			var kept *kvshard.Tree
			longLived := goldenTrace(s, runTraced(t, s, func(kv store.KVStore, opts []kvshard.Option) *kvshard.Tree {
				if kept == nil {
					proxy = kvshard.NewStoreProxy(nil)
					var err error
					if kept, err = treetest.TryNew(proxy, opts...); err != nil {
						t.Fatal(err)
					}
				}
				proxy.SetStore(kv)
				return kept
			}))
			fresh := goldenTrace(s, runTraced(t, s, func(kv store.KVStore, opts []kvshard.Option) *kvshard.Tree {
				return treetest.Open(t, kv, opts...)
			}))
			diffLines(t, "a Tree that lives long and a fresh one", longLived, fresh)

			file := filepath.Join("..", "testdata", "trace", s.name+".txt")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, fresh, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (run with -update to write it)", err)
			}
			diffLines(t, file+" and this run", want, fresh)
		})
	}
}

// TestTracesOfAnotherScheme: the same tree under another scheme does the same
// operations in the same order, hashes as often, and has the same results. Only its
// tip is longer, by the scheme's name.
func TestTracesOfAnotherScheme(t *testing.T) {
	for _, s := range scripts() {
		if s.name == "refused" {
			continue // package hashtree refuses bad leaves before the engine is called
		}
		run := func(opts ...kvshard.Option) []tracedStep {
			return runTraced(t, s, func(kv store.KVStore, own []kvshard.Option) *kvshard.Tree {
				tree, err := kvshard.Open(kv, append(opts, own...)...)
				if err != nil {
					t.Fatal(err)
				}
				return tree
			})
		}
		orchard, other := run(), run(treetest.GoOrchard())
		for i, step := range orchard {
			compareSteps(t, s.name, step, other[i])
		}
	}
}

func compareSteps(t *testing.T, script string, step, other tracedStep) {
	t.Helper()
	isDump := strings.HasPrefix(step.name, "Dump") // Dump shows the bytes of the tip
	if step.outcome != other.outcome && !isDump || step.stats.Hashes != other.stats.Hashes || len(step.ops) != len(other.ops) {
		t.Errorf("%s, %s: %q with %d hashes and %d operations, in the other scheme %q, %d, %d", script, step.name, step.outcome, step.stats.Hashes, len(step.ops), other.outcome, other.stats.Hashes, len(other.ops))
		return
	}
	for i, op := range step.ops {
		is := other.ops[i]
		longer := 0
		_, key, prefixed := bytes.Cut(op.Key, []byte{0xFF, 0xFF})
		if !prefixed {
			key = op.Key
		}
		if kvshard.ParseRecordKey(key).Kind == kvshard.KindTip && op.HasValue {
			longer = 8
		}
		if op.Kind != is.Kind || !bytes.Equal(op.Key, is.Key) || op.ValueLen+longer != is.ValueLen {
			t.Errorf("%s, %s, operation %d: %v, in the other scheme %v", script, step.name, i, op, is)
		}
	}
}

// orchardOnly skips a test on the second scheme, with the reason.
func orchardOnly(t testing.TB, reason string) {
	t.Helper()
	if treetest.InGo {
		t.Skip(reason)
	}
}

// goldenTrace is a golden file: each step with its outcome, hashes and operations.
func goldenTrace(s script, steps []tracedStep) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The operations on the store of the script %q in script_test.go.\n", s.name)
	fmt.Fprintf(&b, "# Written by: go test ./tests -run TestGoldenTraces -update\n")
	for _, step := range steps {
		fmt.Fprintf(&b, "\n%s -> %s; %d hashes\n", step.name, step.outcome, step.stats.Hashes)
		for line := range strings.Lines(step.trace) {
			b.WriteString("\t" + line)
		}
	}
	return b.Bytes()
}

// diffLines fails the test at the first line that differs.
func diffLines(t *testing.T, what string, a, b []byte) {
	t.Helper()
	if bytes.Equal(a, b) {
		return
	}
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	call := ""
	for i := 0; i < len(x) && i < len(y); i++ {
		if !strings.HasPrefix(x[i], "\t") {
			call = x[i]
		}
		if x[i] != y[i] {
			t.Errorf("%s differ in line %d, in the call %q:\n- %s\n+ %s", what, i+1, call, x[i], y[i])
			return
		}
	}
	t.Errorf("%s differ in their length: %d and %d lines", what, len(x), len(y))
}

// TestReadsBeforeWrites checks the order of operations in each step of each script:
// it reads, closes its iterators, and then writes each key once, in key order. The
// store itself refuses a write under an open iterator and a write that changes
// nothing.
func TestReadsBeforeWrites(t *testing.T) {
	for _, s := range scripts() {
		t.Run(s.name, func(t *testing.T) {
			steps := runTraced(t, s, func(kv store.KVStore, opts []kvshard.Option) *kvshard.Tree { return treetest.Open(t, kv, opts...) })
			tip := false // whether there is a tip before the step
			for _, step := range steps {
				var lastWritten []byte
				open, iterators, wrote := 0, 0, false
				got := map[string]bool{}
				for _, op := range step.ops {
					switch op.Kind {
					case kvtest.OpIter:
						open++
						iterators++
					case kvtest.OpClose:
						open--
					case kvtest.OpGet:
						if got[string(op.Key)] && step.name != "Check" {
							t.Errorf("%s reads %x twice", step.name, op.Key)
						}
						got[string(op.Key)] = true
					case kvtest.OpSet, kvtest.OpDelete:
						if open > 0 {
							t.Errorf("%s: %v under an open iterator", step.name, op)
						}
						if lastWritten != nil && bytes.Compare(op.Key, lastWritten) <= 0 {
							t.Errorf("%s: %v after the key %x", step.name, op, lastWritten)
						}
						lastWritten, wrote = op.Key, true
						continue
					}
					if wrote {
						t.Errorf("%s: %v after a write", step.name, op)
					}
				}
				name, _, _ := strings.Cut(step.name, "(")
				// If removed marks may be cleared now, a Checkpoint opens more
				// iterators: one for the marks and, if any checkpoint is retained,
				// one for the oldest retained one.
				most := map[string]int{
					"Append": 0, "AppendBatch": 0, "Checkpoint": 1 + letsGo(s.name, step.name), "Root": 0, "RootAt": 0, "Size": 0, "SizeAt": 0,
					"Leaf": 0, "Nodes": 0, "Witness": 0, "WitnessAt": 0, "Frontier": 0, "FrontierAt": 0, "FrontierAtSize": 0, "InsertFrontier": 0, "Rewind": 2,
					"RetainCheckpoint": 2, "ReleaseCheckpoint": 2, "RemoveMark": 0, "Checkpoints": 2, "Newest": 1, "Adopt": 0, "Check": 100, "Dump": 100,
				}
				limit, ok := most[name]
				if !tip && step.trace != "" {
					limit++ // one to look for foreign shards
				}
				if !ok || iterators > limit {
					t.Errorf("%s opens %d iterators, want at most %d", step.name, iterators, limit)
				}
				for _, op := range step.ops {
					// The tip's key is one byte, after the two bytes of a prefix if
					// there is one.
					if n := len(op.Key); (n == 1 || n == 3) && kvshard.ParseRecordKey(op.Key[n-1:]).Kind == kvshard.KindTip {
						tip = op.Kind == kvtest.OpSet || tip && op.Kind != kvtest.OpDelete
					}
				}
				if open != 0 {
					t.Errorf("%s leaves %d iterators open", step.name, open)
				}
				if strings.HasPrefix(step.outcome, "error") && wrote {
					t.Errorf("%s fails after a write: %s", step.name, step.outcome)
				}
			}
		})
	}
}

// letsGo returns how many more iterators a checkpoint of the scripts opens because
// removed marks may be cleared.
func letsGo(script, step string) int {
	switch script + " " + step {
	case "marked Checkpoint(8)", "marked Checkpoint(9)", "marked Checkpoint(301)":
		return 2
	case "marked Checkpoint(302)": // the oldest comes before the lowest retained one, the next after it
		return 1
	default:
		return 0
	}
}
