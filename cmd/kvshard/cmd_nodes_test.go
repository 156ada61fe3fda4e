package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
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

	// A tree from a frontier lacks nodes of every level before it.
	ok(t, dir, "", "init", "--dir", "started")
	ok(t, dir, ok(t, dir, "", "frontier", "--at", "9", "-o", "json"), "frontier", "--dir", "started", "--import-treestate", "-")
	r := cli(t, dir, "", "nodes", "4", "0", "1", "--dir", "started")
	if r.code != exit.NotFound || !strings.Contains(r.err, "hint: ask a tree that was made with --retention marked and has all leaves from the first") {
		t.Errorf("%+v", r)
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
		{"nodes 0 0 1 --dir ephemeral", exit.NotFound, "give a level of 4 or more, or ask a tree that was made with --retention marked"},
	} {
		r := cli(t, dir, "", strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("kvshard %s: %+v, want code %d and %q", c.args, r, c.code, c.says)
		}
	}
	if r := cli(t, dir, "", "nodes", "0", "0", "200", "--file", "never"); r.code != exit.NotFound || slices.Contains(strings.Fields(shell(t, dir, "ls")), "never") {
		t.Errorf("%+v", r)
	}
	if out := ok(t, dir, "", "__complete", "nodes", ""); !strings.HasPrefix(out, "0\tleaves\n") {
		t.Error(out)
	}
}
