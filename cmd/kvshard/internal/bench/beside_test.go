package bench

import (
	"strings"
	"testing"
)

// The others are compared with ours on memdb, at the same size and call by call;
// where one has no figure, there is none.
func TestBeside(t *testing.T) {
	t.Parallel()
	r := &Result{Rows: []Row{
		{Leaves: 1000, Tree: TreeOurs, Store: storeMemDB, Times: map[string]float64{CallBlock: 0.125, CallRoot: 0.5, CallBuild: 2}},
		{Leaves: 1000, Tree: TreeOurs, Store: storeRust, Times: map[string]float64{CallBlock: 0.1}},
		{Leaves: 1000, Tree: TreeFrontier, Store: storeMemory, Times: map[string]float64{CallBlock: 1, CallAppend: 3}},
		{Leaves: 1000, Tree: TreeShardTree, Store: storeMemory, Times: map[string]float64{CallBlock: 500, CallRoot: 2, CallBuild: 50}},
		{Leaves: 2000, Tree: TreeShardTree, Store: storeMemory, Over: CallBuild},
	}}
	text := r.besideMarkdown()
	for _, row := range []string{
		"| leaves | tree | block | root | witness | append | cold open | build |\n",
		"| 1,000 | Frontier | 8 | – | – | – | – | – |\n",
		"| 1,000 | ShardTree | 4,000 | 4 | – | – | – | 25 |\n",
	} {
		if !strings.Contains(text, row) {
			t.Errorf("it lacks %q:\n%s", row, text)
		}
	}
	if strings.Contains(text, "| kvshard |") || strings.Contains(text, "2,000") {
		t.Errorf("it compares what it should not:\n%s", text)
	}
	var printed strings.Builder
	r.besideText(&printed)
	if lines := strings.Count(strings.TrimSpace(printed.String()), "\n"); lines != 3 {
		t.Errorf("%d lines:\n%s", lines+1, printed.String())
	}
	if text := (&Result{Rows: r.Rows[:2]}).besideMarkdown(); text != "" {
		t.Errorf("without others: %s", text)
	}
}
