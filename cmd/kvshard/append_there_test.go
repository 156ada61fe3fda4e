package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

type appendedView struct {
	First, Appended, Skipped uint64
	NotCompared              uint64 `json:"not_compared"`
	Blocks, Pruned           int
	Size                     uint64
}

// An input that ends before the tree does gets no checkpoint of the tree's size.
// The id that no checkpoint could follow is refused before the first leaf is
// written, however many there are.
func TestHighestCheckpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	before := stored(t, dir, "tree")
	many := clitest.Raw(clitest.Leaves(source.BatchLeaves + 1))
	if r := cli(t, dir, many, "append", "--checkpoint", "4294967295"); r.code != exit.State || !strings.Contains(r.err, "nothing was appended") {
		t.Errorf("%+v", r)
	}
	block := fmt.Sprintf(`{"height":4294967295,"commitments":["%s"]}`, clitest.Leaves(1)[0])
	if r := cli(t, dir, block, "append"); r.code != exit.Input || !strings.Contains(r.err, "no checkpoint could follow") {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, "", "checkpoint", "4294967295"); r.code != exit.State {
		t.Errorf("%+v", r)
	}
	if after := stored(t, dir, "tree"); before != after {
		t.Error(after)
	}
}

func TestCheckpointBeforeTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(40)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes[:20]), "append")
	before := stored(t, dir, "tree")
	for _, input := range []string{"", clitest.Raw(nodes[:1]), clitest.Raw(nodes[:19])} {
		r := cli(t, dir, input, "append", "--start", "0", "--checkpoint", "7")
		if r.code != exit.State || !strings.Contains(r.err, fmt.Sprintf("the input ends at position %d, and the tree has 20 leaves", len(input)/32)) {
			t.Errorf("%+v", r)
		}
	}
	if after := stored(t, dir, "tree"); before != after {
		t.Error(after)
	}
	// Without a checkpoint there is nothing left to do.
	if got := okJSON[appendedView](t, dir, clitest.Raw(nodes[:19]), "append", "--start", "0"); got.Skipped != 19 || got.Appended != 0 {
		t.Errorf("%+v", got)
	}
	// The whole input gets it, once.
	for range 2 {
		ok(t, dir, clitest.Raw(nodes[:20]), "append", "--start", "0", "--checkpoint", "7")
	}
	if got := okJSON[[]source.Checkpoint](t, dir, "", "checkpoint"); fmt.Sprint(got) != "[{7 20 false}]" {
		t.Error(got)
	}
	// When the tree has gone on, it is there still; and no other size is it.
	ok(t, dir, clitest.Raw(nodes[20:]), "append")
	before = stored(t, dir, "tree")
	ok(t, dir, clitest.Raw(nodes[:20]), "append", "--start", "0", "--checkpoint", "7")
	for _, c := range []struct {
		input []kvshard.Node
		id    string
		says  string
	}{
		{nodes[:19], "7", "checkpoint 7 has 20 leaves, but the input has it at 19"},
		{nodes, "7", "checkpoint 7 has 20 leaves, but the input has it at 40"},
		{nodes[:20], "6", "checkpoint 6 is not there, and cannot be made any more: the newest is 7"},
		{nodes, "6", "cannot be made"},
		{nodes[:20], "8", "the input ends at position 20, and the tree has 40 leaves"},
		{clitest.Leaves(41), "7", "checkpoint 7 is not above the newest, 7; nothing was appended"},
	} {
		if r := cli(t, dir, clitest.Raw(c.input), "append", "--start", "0", "--checkpoint", c.id); r.code != exit.State || !strings.Contains(r.err, c.says) {
			t.Errorf("%d leaves, checkpoint %s: %+v", len(c.input), c.id, r)
		}
	}
	// Long inputs, too, are refused before their first batch is there.
	long := clitest.Raw(append(nodes[:40:40], clitest.Leaves(source.BatchLeaves+100)...))
	if r := cli(t, dir, long, "append", "--start", "0", "--checkpoint", "7"); r.code != exit.State || !strings.Contains(r.err, "nothing was appended") {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, fmt.Sprintf(`{"height":9,"commitments":[%q]}`, nodes[0]), "append", "--checkpoint", "9"); r.code != exit.Input || !strings.Contains(r.err, "block 9 is not below --checkpoint 9") {
		t.Errorf("%+v", r)
	}
	if after := stored(t, dir, "tree"); before != after {
		t.Error(after)
	}
	ok(t, dir, clitest.Raw(nodes), "append", "--start", "0", "--checkpoint", "8")
	ok(t, dir, "", "check")
}

// The same append given again after its checkpoint was pruned is done.
func TestCheckpointPruned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(40)
	ok(t, dir, "", "init", "--max-checkpoints", "2")
	command := func(input []kvshard.Node, id int) []string {
		write(t, dir, "input.raw", clitest.Raw(input))
		return []string{"append", "--start", "0", "--checkpoint", fmt.Sprint(id), "input.raw"}
	}
	ok(t, dir, "", command(nodes[:10], 7)...)
	ok(t, dir, "", "checkpoint", "--retain", "7")
	ok(t, dir, "", command(nodes[:20], 9)...)
	ok(t, dir, "", command(nodes[:30], 11)...)
	ok(t, dir, "", command(nodes[:35], 13)...) // prunes 9
	before := stored(t, dir, "tree")
	done := func(input []kvshard.Node, id, pruned int) {
		t.Helper()
		got := okJSON[appendedView](t, dir, "", command(input, id)...)
		if got.Appended != 0 || got.Pruned != pruned || got.Skipped != uint64(len(input)) {
			t.Errorf("checkpoint %d: %+v", id, got)
		}
		if after := stored(t, dir, "tree"); before != after {
			t.Errorf("checkpoint %d: %s%s", id, before, after)
		}
	}
	refused := func(input []kvshard.Node, id int) {
		t.Helper()
		if r := cli(t, dir, "", command(input, id)...); r.code != exit.State {
			t.Errorf("checkpoint %d: %+v", id, r)
		}
		if after := stored(t, dir, "tree"); before != after {
			t.Errorf("checkpoint %d: %s%s", id, before, after)
		}
	}
	done(nodes[:20], 9, 1)
	if out := ok(t, dir, "", command(nodes[:20], 9)...); !strings.Contains(out, "were pruned") {
		t.Error(out)
	}
	done(nodes[:10], 7, 0) // retained
	done(nodes[:30], 11, 0)
	done(nodes[:35], 13, 0)
	refused(nodes[:32], 12)                           // between two that are kept: it never was
	refused(nodes[:5], 9)                             // before the retained one's size, behind its id
	refused(nodes[:32], 10)                           // behind the size of a later one
	refused(append(clitest.Leaves(19), nodes[30]), 9) // other leaves
	refused(nodes[:34], 14)                           // it could be made, of another size
	ok(t, dir, "", "checkpoint", "--release", "7")
	before = stored(t, dir, "tree")

	// Where nothing was pruned, nothing counts as pruned.
	ok(t, dir, "", "init", "--dir", "fresh")
	ok(t, dir, clitest.Raw(nodes[:20]), "append", "--dir", "fresh", "--checkpoint", "9")
	if r := cli(t, dir, "", append(command(nodes[:10], 7), "--dir", "fresh")...); r.code != exit.State || !strings.Contains(r.err, "checkpoint 7 is not there") {
		t.Errorf("%+v", r)
	}
}

// Blocks that are there are passed over, pruned or not, and after a rewind; a
// tree made from other blocks is refused.
func TestBlocksThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(100)
	blocks := func(heights ...int) string {
		var b strings.Builder
		for _, h := range heights {
			list, err := json.Marshal(nodes[10*h-10 : 10*h])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, `{"height":%d,"commitments":%s,"size_after":%d}`, h, list, 10*h)
		}
		return b.String()
	}
	ok(t, dir, "", "init", "--max-checkpoints", "3")
	ok(t, dir, blocks(1, 2, 3, 4, 5, 6, 7), "append")
	all := stored(t, dir, "tree")
	same := func(input string, pruned int) {
		t.Helper()
		got := okJSON[appendedView](t, dir, input, "append", "--start", "0")
		if got.Pruned != pruned {
			t.Errorf("%+v", got)
		}
		if now := stored(t, dir, "tree"); now != all {
			t.Errorf("%s%s", all, now)
		}
	}
	same(blocks(1, 2, 3, 4, 5, 6, 7), 4)
	same(blocks(1, 2, 3), 3)
	ok(t, dir, "", "rewind", "6")
	same(blocks(1, 2, 3, 4, 5, 6, 7), 4) // of the three that may be kept, two were
	ok(t, dir, "", "rewind", "5")
	ok(t, dir, blocks(1, 2, 3, 4, 5, 6, 7), "append", "--start", "0")
	ok(t, dir, "", "check")

	ok(t, dir, "", "init", "--dir", "other")
	ok(t, dir, clitest.Raw(nodes[:35]), "append", "--dir", "other", "--checkpoint", "4")
	ok(t, dir, clitest.Raw(nodes[35:60]), "append", "--dir", "other", "--checkpoint", "6")
	before := stored(t, dir, "other")
	for input, says := range map[string]string{
		blocks(1, 2, 3, 4, 5, 6, 7): "checkpoint 4 has 35 leaves, but the input has it at 40",
		blocks(1, 2, 3):             "checkpoint 1 at size 10 is not there, and the input does not have the tree's oldest, 4",
		strings.ReplaceAll(blocks(1, 2, 3, 4, 5, 6), `"height":4`, `"height":5`): "is not there",
	} {
		if r := cli(t, dir, input, "append", "--dir", "other", "--start", "0"); r.code != exit.State || !strings.Contains(r.err, says) {
			t.Errorf("want %q: %+v", says, r)
		}
	}
	if after := stored(t, dir, "other"); before != after {
		t.Error(after)
	}
}

// Leaves that the tree did not keep are said to be so.
func TestNotCompared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init", "--retention", "ephemeral")
	ok(t, dir, clitest.Raw(clitest.Leaves(40)), "append", "--checkpoint", "1")
	got := okJSON[appendedView](t, dir, clitest.Raw(clitest.Leaves(40)), "append", "--start", "0", "--checkpoint", "1")
	if got.Skipped != 40 || got.NotCompared < 30 || got.NotCompared > 40 {
		t.Errorf("%+v", got)
	}
	if out := ok(t, dir, clitest.Raw(clitest.Leaves(40)), "append", "--start", "0"); !strings.Contains(out, "could not be compared") {
		t.Error(out)
	}
}
