package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(20)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes), "append", "--checkpoint", "10")
	write(t, dir, "raw.bin", clitest.Raw(nodes))
	ok(t, dir, "", "init", "--dir", "ephemeral", "--retention", "ephemeral")
	ok(t, dir, clitest.Raw(nodes), "append", "--dir", "ephemeral")
	modulus := "01000000ed302d991bf94c09fc98462200000000000000000000000000000040"
	wrongRoot := fmt.Sprintf(`{"height":11,"commitments":[%q],"root_after":%q}`, nodes[0], nodes[1])
	for _, c := range []struct {
		args  string
		stdin string
		code  int
		says  string
	}{
		{"bogus", "", exit.Usage, "unknown command"},
		{"root extra", "", exit.Usage, ""},
		{"root --bogus", "", exit.Usage, "kvshard root --help"},
		{"root --output xml", "", exit.Usage, "text or json"},
		{"root --progress loud", "", exit.Usage, "auto, bar, plain or off"},
		{"root --at x", "", exit.Usage, "checkpoint id"},
		{"init --backend rocks --dir x", "", exit.Usage, "goleveldb or pebble"},
		{"init --retention some --dir x", "", exit.Usage, "marked or ephemeral"},
		{"init --max-checkpoints 0 --dir x", "", exit.Usage, "at least 1"},
		{"init --prefix 0g --dir x", "", exit.Usage, "prefix"},
		{"append --format xml", "", exit.Usage, "auto, hex, json or raw"},
		{"append", modulus, exit.Input, "line 1"},
		{"append", "12\n", exit.Input, "line 1"},
		{"append", clitest.Raw(nodes)[:33], exit.Input, "has 1 bytes"},
		{"append --format raw", strings.Repeat("\xff", 32), exit.Input, "commitment 0 of the input"},
		{"append", "[1]", exit.Input, "byte"},
		{"append", wrongRoot, exit.Input, "was not appended"},
		{"append nosuchfile", "", exit.Input, "nosuchfile"},
		{"append --start 21", "", exit.State, "only 20 leaves"},
		{"append --start 1 raw.bin", "", exit.State, "position 1 has the leaf"},
		{"checkpoint 10", "", exit.State, "above the newest"},
		{"checkpoint --retain 9", "", exit.State, ""},
		{"checkpoint --release 9", "", exit.NotFound, ""},
		{"init", "", exit.State, "already"},
		{"root --at 9", "", exit.NotFound, "checkpoint"},
		{"witness 20", "", exit.NotFound, "below the size"},
		{"witness 3 --dir ephemeral", "", exit.NotFound, "retention marked"},
		{"root --dir nowhere", "", exit.Store, "kvshard init"},
		{"root --db nowhere.db", "", exit.Store, "no database"},
		{"root --db nowhere", "", exit.Store, ".db"},
		{"append --db tree/tree.db", "", exit.Usage, "reading only"},
	} {
		r := cli(t, dir, c.stdin, strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || r.err == "" || r.out != "" {
			t.Errorf("kvshard %s: code %d, want %d and %q\n%s%s", c.args, r.code, c.code, c.says, r.out, r.err)
		}
		if strings.Contains(r.err, "goroutine") {
			t.Errorf("kvshard %s panicked: %s", c.args, r.err)
		}
		// In JSON, an error is JSON.
		r = cli(t, dir, c.stdin, append(strings.Fields(c.args), "--output=json")...)
		var failed struct {
			Error string
			Code  int
		}
		if strings.Contains(c.args, "bogus") || strings.Contains(c.args, "--output") {
			continue
		}
		if err := json.Unmarshal([]byte(r.err), &failed); err != nil || failed.Code != c.code || failed.Error == "" {
			t.Errorf("kvshard %s --output json: %v: %s", c.args, err, r.err)
		}
	}
	if r := cli(t, dir, "", "dump", "--values"); r.code != exit.Usage || !strings.Contains(r.err, "--output json") {
		t.Errorf("%+v", r)
	}
	if got := okJSON[source.State](t, dir, "", "root"); got.Size != 20 {
		t.Errorf("refused commands left %d leaves", got.Size)
	}
	ok(t, dir, "", "check")
}

// The exit codes of the help are those of the documentation.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^  (\d+) +(.+)$`).FindAllStringSubmatch(long, -1)
	if len(lines) != 9 {
		t.Errorf("the help has %d codes", len(lines))
	}
	for _, m := range lines {
		if row := fmt.Sprintf("| %s | %s |\n", m[1], m[2]); !strings.Contains(string(text), row) {
			t.Errorf("docs/command.md lacks %s", row)
		}
	}
}
