package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/internal/realdata"
)

func TestNodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := clitest.Leaves(100)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(list), "append", "--checkpoint", "9")

	// As hex, text is what append reads.
	ok(t, dir, "", "init", "--dir", "again")
	ok(t, dir, ok(t, dir, "", "nodes", "0", "0", "100"), "append", "--dir", "again", "--checkpoint", "9")
	ok(t, dir, "", "diff", "tree", "again")
	if out := ok(t, dir, "", "nodes", "0", "98", "2", "--binary"); out != clitest.Raw(list[98:]) {
		t.Errorf("%x", out)
	}
	ok(t, dir, "", "nodes", "0", "0", "100", "--binary", "--file", "leaves.bin")
	if read(t, dir, "leaves.bin") != clitest.Raw(list) {
		t.Error("leaves.bin has others")
	}

	// 64 leaves have one node of level 6, over two of level 5.
	got := okJSON[nodesView](t, dir, "", "nodes", "5", "0", "3")
	if got.Level != 5 || got.First != 0 || got.Size != 100 || len(got.Nodes) != 3 {
		t.Fatalf("%+v", got)
	}
	parent, err := kvshard.Combine(5, got.Nodes[0], got.Nodes[1])
	if err != nil {
		t.Fatal(err)
	}
	if out := ok(t, dir, "", "nodes", "6", "0", "1"); out != parent.String()+"\n" {
		t.Errorf("%s, want %s", out, parent)
	}
	if out := ok(t, dir, "", "nodes", "6", "1", "0"); out != "" {
		t.Error(out)
	}
	if out := ok(t, dir, "", "nodes", "32", "0", "0", "-o", "json"); !strings.Contains(out, `"nodes": []`) {
		t.Error(out)
	}

	ok(t, dir, "", "init", "--dir", "ephemeral", "--retention", "ephemeral")
	ok(t, dir, clitest.Raw(list), "append", "--dir", "ephemeral")
	if out := ok(t, dir, "", "nodes", "5", "0", "3", "--dir", "ephemeral"); out != ok(t, dir, "", "nodes", "5", "0", "3") {
		t.Error(out)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"nodes 0 0", exit.Usage, "3 arg"},
		{"nodes 33 0 1", exit.Usage, "LEVEL is a number from 0 to 32"},
		{"nodes -- -1 0 1", exit.Usage, "LEVEL is a number"},
		{"nodes x 0 1", exit.Usage, "LEVEL is a number"},
		{"nodes 0 4294967296 1", exit.Usage, "FIRST is a number from 0 to 4294967295"},
		{"nodes 0 0 65537", exit.Usage, "COUNT is a number from 0 to 65536"},
		{"nodes 0 0 18446744073709551616", exit.Usage, "COUNT is a number"},
		{"nodes 0 100 1", exit.NotFound, "within the 100 complete nodes of level 0"},
		{"nodes 5 1 3", exit.NotFound, "node 3 of level 5 is not complete"},
		{"nodes 16 0 1", exit.NotFound, "within the 0 complete nodes of level 16"},
		{"nodes 6 2 0", exit.NotFound, "within the 1 complete nodes"},
		{"nodes 0 0 1 --dir ephemeral", exit.NotFound, "--retention marked"},
	} {
		r := cli(t, dir, "", strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("kvshard %s: %+v, want code %d and %q", c.args, r, c.code, c.says)
		}
	}
	if r := cli(t, dir, "", "nodes", "0", "0", "200", "--file", "never"); r.code != exit.NotFound || contains(strings.Fields(shell(t, dir, "ls")), "never") {
		t.Errorf("%+v", r)
	}
	if out := ok(t, dir, "", "__complete", "nodes", ""); !strings.HasPrefix(out, "0\tleaves\n") {
		t.Error(out)
	}
}

// TestFrontierOfThePast: --at and --size print the frontier that was printed then.
func TestFrontierOfThePast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := clitest.Leaves(90)
	ok(t, dir, "", "init")
	for i, size := range []int{30, 60, 90} {
		ok(t, dir, clitest.Raw(list[size-30:size]), "append", "--checkpoint", fmt.Sprint(i+1))
		if i == 2 {
			break
		}
		for _, form := range [][]string{nil, {"--treestate"}} {
			args := append([]string{"frontier"}, form...)
			then := ok(t, dir, "", args...)
			write(t, dir, fmt.Sprint(i+1, len(form)), then)
		}
	}
	for i, size := range []string{"30", "60"} {
		id := fmt.Sprint(i + 1)
		for _, form := range [][]string{nil, {"--treestate"}} {
			then := read(t, dir, fmt.Sprint(i+1, len(form)))
			if out := ok(t, dir, "", append([]string{"frontier", "--at", id}, form...)...); out != then {
				t.Errorf("at %s: %s, want %s", id, out, then)
			}
			if out := ok(t, dir, "", append([]string{"frontier", "--size", size}, form...)...); out != then {
				t.Errorf("size %s: %s, want %s", size, out, then)
			}
		}
	}
	// Its JSON starts a tree, with the checkpoint that it tells.
	own := ok(t, dir, "", "frontier", "--at", "2", "-o", "json")
	ok(t, dir, "", "init", "--dir", "started")
	ok(t, dir, own, "frontier", "--dir", "started", "--import-treestate", "-")
	ok(t, dir, clitest.Raw(list[60:]), "append", "--dir", "started", "--checkpoint", "3")
	if a, b := ok(t, dir, "", "root", "--at", "3"), ok(t, dir, "", "root", "--at", "3", "--dir", "started"); a != b {
		t.Errorf("%s, want %s", b, a)
	}
	if out := ok(t, dir, "", "checkpoint", "--dir", "started"); !strings.HasPrefix(out, "2 ") {
		t.Error(out)
	}
	ok(t, dir, "", "init", "--dir", "ephemeral", "--retention", "ephemeral")
	ok(t, dir, clitest.Raw(list), "append", "--dir", "ephemeral", "--checkpoint", "7")
	if out := ok(t, dir, "", "frontier", "--size", "0"); !strings.HasPrefix(out, "size 0, ") {
		t.Error(out)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"frontier --at 4", exit.NotFound, "checkpoint 4"},
		{"frontier --at x", exit.Usage, "checkpoint id"},
		{"frontier --size 91", exit.NotFound, "size 91 is above the tree's size 90"},
		{"frontier --size 4294967297", exit.Usage, "from 0 to 4294967296"},
		{"frontier --size -1", exit.Usage, "a size is a number"},
		{"frontier --size 3 --at 1", exit.Usage, "[at size]"},
		{"frontier --size 3 --import-treestate 000000", exit.Usage, "import-treestate"},
		{"frontier --at 3 --import-treestate 000000", exit.Usage, "import-treestate"},
		{"frontier --size 12 --dir ephemeral", exit.NotFound, "--at"},
		{"frontier --size 58 --dir started", exit.NotFound, "position 57 was not kept"},
	} {
		r := cli(t, dir, "", strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("kvshard %s: %+v, want code %d and %q", c.args, r, c.code, c.says)
		}
	}
	if out := ok(t, dir, "", "__complete", "frontier", "--at", ""); !strings.HasPrefix(out, "3\tsize 90\n") {
		t.Error(out)
	}
}

// TestTreestateOfSapling: a real one, and what to do.
func TestTreestateOfSapling(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	states, err := realdata.Treestates()
	if err != nil {
		t.Fatal(err)
	}
	ok(t, dir, "", "init")
	for _, s := range states {
		r := cli(t, dir, "", "frontier", "--import-treestate", fmt.Sprintf("%x", s.Sapling), "--checkpoint", "1")
		if r.code != exit.Input || !strings.Contains(r.err, "Orchard's pool") {
			t.Errorf("block %d: %+v", s.Height, r)
		}
	}
	newest := states[len(states)-1]
	ok(t, dir, "", "frontier", "--import-treestate", fmt.Sprintf("%x", newest.Orchard), "--checkpoint", fmt.Sprint(newest.Height))
	ok(t, dir, "", "check")
}
