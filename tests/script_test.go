package tests

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// A script is a history of one tree, step by step. The tests that run scripts look at
// what each step does to the store, and at what the step does when the store fails. All
// scripts together make every public call.
type script struct {
	name  string
	opts  []kvshard.Option
	steps []step
}

// A step is one call, and its result as text.
type step struct {
	name string
	run  func(*kvshard.Tree) (string, error)
}

// Kinds of steps.

func appends(first uint64, n int) step {
	if n == 1 {
		return step{"Append", func(t *kvshard.Tree) (string, error) { return text(t.Append(treetest.LeafAt(first))) }}
	}
	return step{fmt.Sprintf("AppendBatch(%d leaves)", n), func(t *kvshard.Tree) (string, error) {
		return text(t.AppendBatch(treetest.LeavesAt(first, n)))
	}}
}

func checkpoints(id uint32) step {
	return does("Checkpoint(%d)", func(t *kvshard.Tree) error { return t.Checkpoint(id) }, id)
}

func rewinds(id uint32) step {
	return does("Rewind(%d)", func(t *kvshard.Tree) error { return t.Rewind(id) }, id)
}

func retains(id uint32) step {
	return does("RetainCheckpoint(%d)", func(t *kvshard.Tree) error { return t.RetainCheckpoint(id) }, id)
}

func releases(id uint32) step {
	return does("ReleaseCheckpoint(%d)", func(t *kvshard.Tree) error { return t.ReleaseCheckpoint(id) }, id)
}

func removes(position uint64, asOf uint32) step {
	return step{fmt.Sprintf("RemoveMark(%d, %d)", position, asOf), func(t *kvshard.Tree) (string, error) {
		return text(t.RemoveMark(position, asOf))
	}}
}

func inserts(f kvshard.Frontier, id uint32) step {
	return does("InsertFrontier(size %d, %d)", func(t *kvshard.Tree) error { return t.InsertFrontier(f, id) }, f.Size, id)
}

func does(format string, run func(*kvshard.Tree) error, args ...any) step {
	return step{fmt.Sprintf(format, args...), func(t *kvshard.Tree) (string, error) { return "ok", run(t) }}
}

// reads are the calls that only read, at a checkpoint and two positions.
func reads(id uint32, old, new uint64) []step {
	return []step{
		{"Size", func(t *kvshard.Tree) (string, error) { return text(t.Size()) }},
		{fmt.Sprintf("SizeAt(%d)", id), func(t *kvshard.Tree) (string, error) { return text(t.SizeAt(id)) }},
		{"Root", func(t *kvshard.Tree) (string, error) { return text(t.Root()) }},
		{fmt.Sprintf("RootAt(%d)", id), func(t *kvshard.Tree) (string, error) { return text(t.RootAt(id)) }},
		{fmt.Sprintf("Leaf(%d)", old), func(t *kvshard.Tree) (string, error) { return text(t.Leaf(old)) }},
		{fmt.Sprintf("Witness(%d)", old), func(t *kvshard.Tree) (string, error) { return pathText(t.Witness(old)) }},
		{fmt.Sprintf("Witness(%d)", new), func(t *kvshard.Tree) (string, error) { return pathText(t.Witness(new)) }},
		{fmt.Sprintf("WitnessAt(%d, %d)", old, id), func(t *kvshard.Tree) (string, error) { return pathText(t.WitnessAt(old, id)) }},
		{fmt.Sprintf("WitnessAt(%d, %d)", new, id), func(t *kvshard.Tree) (string, error) { return pathText(t.WitnessAt(new, id)) }},
		{"Frontier", func(t *kvshard.Tree) (string, error) {
			f, err := t.Frontier()
			return fmt.Sprintf("size %d, %d ommers", f.Size, len(f.Ommers)), err
		}},
		{"Checkpoints", func(t *kvshard.Tree) (string, error) {
			list := []string{}
			for c, err := range t.Checkpoints() {
				if err != nil {
					return "", err
				}
				list = append(list, fmt.Sprintf("%d at %d retained %v", c.ID, c.Size, c.Retained))
			}
			return strings.Join(list, ", "), nil
		}},
		{"Check", func(t *kvshard.Tree) (string, error) { return "ok", t.Check() }},
		{"Dump", func(t *kvshard.Tree) (string, error) {
			var b bytes.Buffer
			err := t.Dump(&b)
			return digest(b.Bytes()), err
		}},
	}
}

// past are the calls for a wallet's own tree: at a checkpoint, at a size, and for a
// range of nodes.
func past(id uint32, size uint64, level int, first, count uint64) []step {
	frontier := func(f kvshard.Frontier, err error) (string, error) {
		return fmt.Sprintf("size %d, %d ommers", f.Size, len(f.Ommers)), err
	}
	return []step{
		{fmt.Sprintf("FrontierAt(%d)", id), func(t *kvshard.Tree) (string, error) { return frontier(t.FrontierAt(id)) }},
		{fmt.Sprintf("FrontierAtSize(%d)", size), func(t *kvshard.Tree) (string, error) { return frontier(t.FrontierAtSize(size)) }},
		{fmt.Sprintf("Nodes(%d, %d, %d)", level, first, count), func(t *kvshard.Tree) (string, error) {
			nodes, err := t.Nodes(level, first, count)
			return digest(nodeBytes(nodes)), err
		}},
		{"Newest", func(t *kvshard.Tree) (string, error) {
			c, ok, err := t.Newest()
			return fmt.Sprintf("%d at %d retained %v, %v", c.ID, c.Size, c.Retained, ok), err
		}},
	}
}

func nodeBytes(nodes []kvshard.Node) (b []byte) {
	for _, node := range nodes {
		b = append(b, node[:]...)
	}
	return b
}

func text[T any](value T, err error) (string, error) { return fmt.Sprint(value), err }

func pathText(w kvshard.Witness, err error) (string, error) {
	return digest(nodeBytes(w.Path[:])), err
}

func digest(b []byte) string { return fmt.Sprintf("sha256 %x", sha256.Sum256(b)) }

// scripts returns the scripts. Their sizes make shards, quads and the cap change: at
// 16, 32, 128 and 512 leaves.
func scripts() []script {
	// Any nodes make a frontier: nobody can tell what was hashed into them.
	frontier := kvshard.Frontier{Size: 1_000_005, Leaf: treetest.LeafAt(1_000_004)}
	for range bits.OnesCount64(frontier.Size - 1) {
		frontier.Ommers = append(frontier.Ommers, treetest.LeafAt(1<<40+uint64(len(frontier.Ommers))))
	}
	one := kvshard.Frontier{Size: 1, Leaf: treetest.LeafAt(0)}
	bad := kvshard.Node{31: 0xFF}

	var marked, ephemeral, started, prefixed, refused []step
	add := func(to *[]step, steps ...step) { *to = append(*to, steps...) }

	// Every leaf is marked; three checkpoints are kept.
	add(&marked, reads(1, 0, 0)[:1]...) // Size of an empty tree
	add(&marked, reads(1, 0, 0)[2])     // its Root
	add(&marked, reads(1, 0, 0)[9:]...) // Frontier, Checkpoints, Check, Dump
	add(&marked, checkpoints(1), appends(0, 1), appends(1, 14), checkpoints(2), appends(15, 1), appends(16, 24), checkpoints(5))
	add(&marked, appends(40, 0), appends(40, 100), checkpoints(6)) // prunes 1
	add(&marked, reads(5, 3, 39)...)
	add(&marked, removes(3, 5), removes(3, 5), removes(20, 6), retains(2), retains(2), checkpoints(7))
	add(&marked, appends(140, 10), checkpoints(8), checkpoints(9)) // prunes 5, and leaf 3 with it
	add(&marked, reads(8, 4, 130)...)
	add(&marked, appends(150, 400), checkpoints(300), appends(550, 5), retains(9), releases(2), releases(2), checkpoints(301))
	add(&marked, appends(555, 20), checkpoints(302), rewinds(301), reads(300, 500, 7)[0], reads(300, 500, 7)[2])
	add(&marked, rewinds(9), appends(150, 3), checkpoints(70_000), rewinds(9))
	add(&marked, reads(9, 0, 149)...)
	add(&marked, past(9, 64, 0, 3, 70)...)
	add(&marked, appends(150, 500), retains(9))
	for level, count := range []uint64{64, 32, 16, 8, 40, 20, 10, 5, 2, 1} { // the quads are complete up to level 7
		add(&marked, past(8, 513, level, 0, count)[2])
	}
	add(&marked, past(9, 600, 4, 40, 0)...)
	add(&marked, rewinds(9))

	// Only the frontier is kept, and what checkpoints need; two are kept.
	add(&ephemeral, appends(0, 1), checkpoints(1), appends(1, 20), checkpoints(2), appends(21, 11), checkpoints(3), appends(32, 1))
	add(&ephemeral, checkpoints(4), retains(3), appends(33, 120), checkpoints(5), checkpoints(6), checkpoints(7), releases(3))
	add(&ephemeral, checkpoints(8), appends(153, 7), rewinds(8), appends(153, 9), checkpoints(9))
	add(&ephemeral, reads(9, 161, 0)[:5]...)
	add(&ephemeral, reads(9, 161, 161)[5:]...)
	add(&ephemeral, past(8, 153, 4, 0, 10)...)
	add(&ephemeral, past(9, 0, 0, 161, 1)...)

	// A tree that starts from the frontier of another.
	add(&started, inserts(frontier, 10), appends(1_000_005, 1), appends(1_000_006, 30), checkpoints(11), appends(1_000_036, 200), checkpoints(12))
	add(&started, reads(11, 1_000_010, 1_000_035)...)
	add(&started, past(11, 1_000_020, 0, 1_000_004, 60)...)
	add(&started, past(10, 1_000_236, 7, 7_812, 2)...) // one reaches over the origin
	add(&started, past(12, 0, 6, 15_624, 4)...)        // an ommer, and the nodes after it
	add(&started, removes(1_000_006, 11), rewinds(11), rewinds(10))
	add(&started, reads(10, 1_000_004, 1_000_004)...)

	// Beside other trees and keys in one store.
	add(&prefixed, past(0, 0, 0, 0, 0)[1:]...) // of an empty tree
	add(&prefixed, appends(0, 20))
	add(&prefixed, past(0, 7, 0, 12, 8)[1:]...) // and of one without a checkpoint
	add(&prefixed, checkpoints(1), appends(20, 140), checkpoints(2), checkpoints(3))
	add(&prefixed, reads(2, 3, 17)...)
	add(&prefixed, past(2, 40, 5, 0, 5)...)
	add(&prefixed, removes(2, 2), retains(2), rewinds(2))

	// Refused calls: the arguments are bad, or what is asked for is not there.
	add(&refused, appends(0, 40), checkpoints(5), appends(40, 8))
	add(&refused, step{"AppendBatch(a bad leaf)", func(t *kvshard.Tree) (string, error) {
		return text(t.AppendBatch([]kvshard.Node{treetest.LeafAt(48), bad}))
	}})
	add(&refused, checkpoints(5), checkpoints(4), rewinds(6), retains(6), releases(6), removes(0, 6), removes(45, 5))
	add(&refused, inserts(one, 9))
	add(&refused, step{"Adopt(a tree, with another root)", func(t *kvshard.Tree) (string, error) {
		_, err := t.Adopt(treetest.LeafAt(0))
		return "", err
	}})
	add(&refused, inserts(kvshard.Frontier{Size: 2}, 9))
	add(&refused, inserts(kvshard.Frontier{Size: 2, Leaf: bad, Ommers: []kvshard.Node{treetest.LeafAt(0)}}, 9))
	add(&refused, reads(6, 48, 1<<40)[1:9]...)
	add(&refused, reads(5, 41, 1<<63)[4:9]...)
	add(&refused, past(6, 49, 0, 48, 1)[:3]...)
	add(&refused, past(6, 1<<40, 4, 2, 2)[:3]...)
	for _, bad := range [][3]uint64{{33, 0, 1}, {1 << 40, 0, 0}, {0, 0, kvshard.MaxNodes + 1}, {0, 1 << 63, 1}, {0, 1<<64 - 1, 1}, {5, 1, 1<<64 - 1}} {
		add(&refused, past(6, 49, int(bad[0]), bad[1], bad[2])[2])
	}

	return []script{
		{"marked", []kvshard.Option{kvshard.WithMaxCheckpoints(3)}, marked},
		{"ephemeral", []kvshard.Option{kvshard.WithMaxCheckpoints(2), kvshard.WithRetention(kvshard.Ephemeral)}, ephemeral},
		{"started", []kvshard.Option{kvshard.WithMaxCheckpoints(100)}, started},
		{"prefixed", []kvshard.Option{kvshard.WithPrefix([]byte{0xFF, 0xFF}), kvshard.WithMaxCheckpoints(2)}, prefixed},
		{"refused", nil, refused},
	}
}

// outcome puts the result of a step in one line.
func outcome(result string, err error) string {
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return "error: " + first
	}
	return result
}

// TestScriptsMakeEveryCall: the scripts call every method of Tree.
func TestScriptsMakeEveryCall(t *testing.T) {
	made := map[string]bool{}
	for _, s := range scripts() {
		for _, step := range s.steps {
			name, _, _ := strings.Cut(step.name, "(")
			made[name] = true
		}
	}
	for _, method := range methodsOfTree() {
		if !made[method] {
			t.Errorf("no script calls Tree.%s", method)
		}
	}
}

// TestScriptsEndAsExpected: steps fail only in the script of refused calls, or where
// the leaf asked for was not kept.
func TestScriptsEndAsExpected(t *testing.T) {
	for _, s := range scripts() {
		mem := kvtest.Strict(t)
		tree := treetest.Open(t, mem, s.opts...)
		failed := 0
		for i, step := range s.steps {
			_, err := step.run(tree)
			var e *kvshard.Error
			switch {
			case err == nil:
			case !errors.As(err, &e) || errors.Is(err, kvshard.ErrStore) || errors.Is(err, kvshard.ErrCorrupt) || errors.Is(err, kvshard.ErrInternal):
				t.Errorf("%s, step %d, %s: %v", s.name, i, step.name, err)
			default:
				failed++
				if s.name != "refused" {
					t.Errorf("%s, step %d, %s: %v", s.name, i, step.name, err)
				}
			}
		}
		if s.name == "refused" && failed < 15 {
			t.Errorf("%d calls are refused", failed)
		}
		treetest.CheckTree(t, tree)
	}
}
