package main

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
)

func TestProofIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(40)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes), "append", "--checkpoint", "9")
	good := ok(t, dir, "", "witness", "7", "--at", "9", "-o", "json")
	flags := []string{"verify", "--root", clitest.Root(t, nodes), "--leaf", nodes[7].String()}
	for _, text := range []string{good, "\xEF\xBB\xBF" + strings.ReplaceAll(good, "\n", "\r\n")} {
		ok(t, dir, text, flags...)
		ok(t, dir, text, "verify")
	}
	optional := []string{"leaf missing", "root missing", "size missing", "checkpoint missing"} // the flags tell what matters
	for name, text := range spoilt(t, good, true) {
		r := cli(t, dir, text, flags...)
		if wanted := map[bool]int{true: 0, false: exit.Input}[slices.Contains(optional, name)]; r.code != wanted {
			t.Errorf("%s: %+v", name, r)
		}
	}
	var p map[string]any
	if err := json.Unmarshal([]byte(good), &p); err != nil {
		t.Fatal(err)
	}
	path := p["path"].([]any)
	for name, change := range map[string][]any{"31": path[:31], "33": append(path[:32:32], path[0]), "none": {}} {
		p["path"] = change
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if r := cli(t, dir, string(text), flags...); r.code != exit.Input || !strings.Contains(r.err, "want the 32 of orchard") {
			t.Errorf("a path of %s: %+v", name, r)
		}
	}
	// JSON of the binary form's length is JSON; UTF-16 is said to be it; what is
	// too long is not read in part.
	for name, text := range map[string]string{
		"1028 bytes of JSON": good[:input.WitnessBytes], "UTF-16": utf16Text(good, true, false), "a megabyte of spaces behind": good + strings.Repeat(" ", 1<<20) + "x",
	} {
		if r := cli(t, dir, text, flags...); r.code != exit.Input || r.out != "" {
			t.Errorf("%s: %+v", name, r)
		}
		write(t, dir, "p", text)
		if r := cli(t, dir, "", append(flags, "p")...); r.code != exit.Input || r.out != "" {
			t.Errorf("%s in a file: %+v", name, r)
		}
	}
	// A position whose bytes are those of a byte order mark is a position.
	binaryForm := make([]byte, input.WitnessBytes)
	binary.LittleEndian.PutUint32(binaryForm, 0xFEFF)
	if r := cli(t, dir, string(binaryForm), flags...); r.code != exit.No {
		t.Errorf("%+v", r)
	}
}
