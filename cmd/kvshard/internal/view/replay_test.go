package view

import (
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

// The demo is the library's own trace, and ends as it says.
func TestReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.OK(t, dir, "", "init")
	demo := dataOf(t, clitest.OK(t, dir, "", "view", "-")).Demo
	last := demo.Steps[len(demo.Steps)-1]
	if int(last.After.Size) != len(demo.Leaves) || last.After.Root != clitest.Root(t, demo.Leaves) {
		t.Errorf("the demo ends with %d leaves, root %s", last.After.Size, last.After.Root)
	}
	kinds := map[string]bool{}
	for i, step := range demo.Steps {
		for _, op := range step.Ops {
			kinds[op.Kind] = true
		}
		if (i > 0) != (len(step.Ops) > 0) || step.Say == "" {
			t.Errorf("step %d, %s: %d operations", i, step.Call, len(step.Ops))
		}
		if root := clitest.Root(t, demo.Leaves[:min(int(step.After.Size), 133)]); step.After.Size <= 133 && root != step.After.Root {
			t.Errorf("step %d, %s: root %s, want %s", i, step.Call, step.After.Root, root)
		}
	}
	for _, kind := range []string{"get", "set", "delete"} {
		if !kinds[kind] {
			t.Errorf("no call of the demo does a %s", kind)
		}
	}
}
