package main

import (
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
)

func TestWitness(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(100)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes[:50]), "append", "--checkpoint", "9")
	ok(t, dir, clitest.Raw(nodes[50:]), "append")
	now, then := clitest.Root(t, nodes), clitest.Root(t, nodes[:50])

	write(t, dir, "now.json", ok(t, dir, "", "witness", "7", "-o", "json"))
	if out := ok(t, dir, "", "verify", "now.json"); !strings.Contains(out, "the root is the proof's own") {
		t.Error(out)
	}
	if out := ok(t, dir, "", "verify", "now.json", "--root", now); strings.Contains(out, "own") {
		t.Error(out)
	}
	if r := cli(t, dir, "", "verify", "now.json", "--root", then); r.code != exit.No || !strings.Contains(r.out, "NOT valid") {
		t.Errorf("%+v", r)
	}
	ok(t, dir, "", "witness", "7", "--at", "9", "--binary", "--file", "then.bin")
	ok(t, dir, "", "verify", "then.bin", "--root", then, "--leaf", nodes[7].String())
	if r := cli(t, dir, "", "verify", "then.bin", "--root", now, "--leaf", nodes[7].String()); r.code != exit.No {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, "", "verify", "then.bin", "--root", then); r.code != exit.Usage || !strings.Contains(r.err, "give --leaf") {
		t.Errorf("%+v", r)
	}
	if out := ok(t, dir, "", "witness", "7"); !strings.Contains(out, "level  0, left  "+nodes[6].String()) {
		t.Error(out)
	}
	if r := cli(t, dir, "", "witness", "50", "--at", "9"); r.code != exit.NotFound || !strings.Contains(r.err, "hint: give a position below 50, the size at the checkpoint, or leave --at out") {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, "", "witness", "100"); r.code != exit.NotFound || !strings.Contains(r.err, "hint: give a position below the size that") {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"", "{}", "{", "short", strings.Repeat("\xff", input.WitnessBytes)} {
		r := cli(t, dir, bad, "verify", "--root", now, "--leaf", nodes[7].String())
		if r.code != exit.Input {
			t.Errorf("verify %.10q: %+v", bad, r)
		}
	}
}
