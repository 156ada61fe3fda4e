package main

import (
	"fmt"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init", "--max-checkpoints", "2")
	ok(t, dir, clitest.Raw(clitest.Leaves(3)), "append", "--checkpoint", "1")
	ok(t, dir, "", "checkpoint", "--retain", "1")
	for _, id := range []string{"2", "3", "4"} {
		ok(t, dir, "", "checkpoint", id)
	}
	list := okJSON[[]source.Checkpoint](t, dir, "", "checkpoint")
	if fmt.Sprint(list) != "[{1 3 true} {3 3 false} {4 3 false}]" {
		t.Error(list)
	}
	ok(t, dir, "", "checkpoint", "--release", "1")
	ok(t, dir, "", "checkpoint", "--retain", "5")
	list = okJSON[[]source.Checkpoint](t, dir, "", "checkpoint")
	if list[0].ID == 1 || list[len(list)-1] != (source.Checkpoint{ID: 5, Size: 3, Retained: true}) {
		t.Error(list)
	}
	ok(t, dir, "", "check")
}
