package main

import (
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, c := range newCommand(&env{}).Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.Example == "" || c.Long == "" || !strings.Contains(c.Example, "kvshard "+c.Name()) {
			t.Errorf("%s has no worked example", c.Name())
		}
		out := ok(t, t.TempDir(), "", "help", c.Name())
		if !strings.Contains(out, "Examples:") || !strings.Contains(out, "--output") {
			t.Errorf("help %s: %s", c.Name(), out)
		}
	}
	if out := ok(t, t.TempDir(), "", "--version"); out != "kvshard version "+kvshard.Version()+"\n" {
		t.Error(out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := ok(t, t.TempDir(), "", "completion", shell); !strings.Contains(out, "kvshard") {
			t.Errorf("completion %s: %.80s", shell, out)
		}
	}
	if out := ok(t, t.TempDir(), "", "__complete", "init", "--backend", ""); !strings.Contains(out, "pebble") {
		t.Error(out)
	}
	dir := t.TempDir()
	ok(t, dir, "", "init")
	for _, id := range []string{"71", "72"} {
		ok(t, dir, clitest.Raw(clitest.Leaves(2)), "append", "--checkpoint", id)
	}
	for _, args := range [][]string{{"rewind", ""}, {"root", "--at", ""}, {"witness", "1", "--at", ""}, {"checkpoint", "--retain", ""}} {
		if out := ok(t, dir, "", append([]string{"__complete"}, args...)...); !strings.HasPrefix(out, "72\tsize 4\n71\tsize 2\n") {
			t.Errorf("%v: %s", args, out)
		}
	}
	if out := ok(t, t.TempDir(), "", "__complete", "rewind", ""); !strings.HasPrefix(out, ":") {
		t.Error(out)
	}
}
