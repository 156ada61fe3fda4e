package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// stored is every record of a tree, and whether an append has left its mark.
func stored(t *testing.T, dir, tree string) string {
	t.Helper()
	marks, err := filepath.Glob(filepath.Join(dir, tree, "append*"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d marks\n", len(marks)) + ok(t, dir, "", "dump", "--dir", tree, "--output", "json", "--values")
}

// refused makes sure that an input is refused in each way it can be given, says
// this, and changes nothing.
func refused(t *testing.T, dir, before, text, says string, args ...string) {
	t.Helper()
	file := write(t, dir, "refused", text)
	redirected, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = redirected.Close() }()
	var out strings.Builder
	c := exec.Command(clitest.Built, append([]string{"append"}, args...)...)
	c.Dir, c.Stdin, c.Stderr = dir, redirected, &out
	_ = c.Run()
	for how, r := range map[string]result{
		"a pipe":      cli(t, dir, text, append([]string{"append"}, args...)...),
		"a file":      cli(t, dir, "", append([]string{"append", "refused"}, args...)...),
		"redirection": {"", out.String(), c.ProcessState.ExitCode()},
	} {
		if r.code != exit.Input || r.out != "" || !strings.Contains(r.err, says) {
			t.Errorf("%.80q from %s: code %d, want %d and %q: %s%s", text, how, r.code, exit.Input, says, r.out, r.err)
		}
	}
	if after := stored(t, dir, "tree"); before != after {
		t.Errorf("%.80q was refused, and changed the tree:\n%s%s", text, before, after)
	}
}

// JSON that is not what it should be is never appended.
func TestMalformedJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(4)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes[:1]), "append", "--checkpoint", "6")
	a, b := nodes[1].String(), nodes[2].String()
	block := fmt.Sprintf(`{"height":7,"commitments":[%q,%q]}`, a, b)
	before := stored(t, dir, "tree")
	for text, says := range map[string]string{
		`{"height":7,"commitments":[null]}`:                           "commitments[0]: null",
		`["` + a + `",`:                                               "ends within",
		`["` + a + `"`:                                                "ends within",
		`["` + a[:40]:                                                 "ends within",
		`[{"height":8,"commitments":["` + a + `"]}`:                   "ends within",
		`["` + a + `", null]`:                                         "null, want a commitment",
		`[` + block + `, null]`:                                       "null, want a commitment of 64 hex digits, or a block",
		`{"hash":"00","height":9,"tx":["aa"]}`:                        `unknown field "hash"`,
		block + "\n" + block[:len(block)-1]:                           "line 2, byte 164: the text ends within",
		block + "\n\n" + `{"height":8}`:                               `line 3, byte 165: field "commitments" is missing`,
		block + "garbage":                                             "invalid character",
		block + "null":                                                "null",
		block + ` "` + a + `"`:                                        "commitments and blocks",
		`["` + a + `", ` + block + `]`:                                "commitments and blocks",
		"[\n\"" + a + "\",\n\n\"zz\"]":                                "line 4, byte 72: ",
		"[\n\"" + a + "\"\n\n\"" + b + "\"]":                          "line 4, byte 71: expected comma",
		`["` + a + `"]["` + b + `"]`:                                  "after the array's end",
		`["` + a + `"],`:                                              "after the array's end",
		`["` + a + `",]`:                                              "invalid character",
		`["` + a + `"}`:                                               "invalid",
		`[["` + a + `"]]`:                                             "want a commitment",
		`{}`:                                                          `"commitments" is missing`,
		`{"height":8}`:                                                `"commitments" is missing`,
		`{"height":8,"commitments":null}`:                             "commitments: null",
		`{"height":8,"commitments":{}}`:                               "want an array",
		`{"height":8,"commitments":"` + a + `"}`:                      "want an array",
		`{"height":null,"commitments":["` + a + `"]}`:                 "height: null",
		`{"height":-1,"commitments":["` + a + `"]}`:                   "height: -1",
		`{"height":4294967296,"commitments":["` + a + `"]}`:           "from 0 to 4294967295",
		`{"height":"8","commitments":["` + a + `"]}`:                  "height",
		`{"height":8,"height":9,"commitments":["` + a + `"]}`:         "twice",
		`{"Height":8,"commitments":["` + a + `"]}`:                    `unknown field "Height"`,
		`{"height":8,"commitments":["` + a + `"],"root":"` + a + `"}`: `unknown field "root"`,
		`{"commitments":["` + a + `"],"size_after":2}`:                "needs its height",
		`{"commitments":["` + a + `"],"root_after":"` + a + `"}`:      "needs its height",
		`{"height":8,"commitments":["` + a + `"],"size_after":null}`:  "size_after: null",
		`{"height":8,"commitments":["` + a + `"],"root_after":null}`:  "root_after: null",
		`{"blocks":null}`:                                             "blocks: null",
		`{"blocks":[null]}`:                                           "blocks[0]: null",
		`{"blocks":[` + block + `,{"height":8}]}`:                     `blocks[1]: field "commitments" is missing`,
		`{"blocks":[` + block + `]`:                                   "ends within",
		`{"blocks":[` + block + `],"height":8}`:                       `unknown field "height"`,
		`{"blocks":[` + block + `]}` + block:                          "after the document's end",
		`{"blocks":[{"blocks":[` + block + `]}]}`:                     `unknown field "blocks"`,
	} {
		refused(t, dir, before, text, says, "--checkpoint", "99")
	}
	for _, text := range []string{"", " \n", "null", "true", "7", "nonsense"} {
		refused(t, dir, before, text, "", "--format", "json")
	}
	// A fault behind many good leaves is found before the first is written, if
	// it is in a file, and it is never appended.
	many := clitest.Leaves(source.BatchLeaves + 10)
	list, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cut.json": string(list[:len(list)-1]),
		"bad.hex":  strings.ReplaceAll(strings.Trim(string(list), "[]\""), `","`, "\n") + "\ncurl: (56) reset by peer\n",
		"bad.raw":  clitest.Raw(many) + "x",
		"big.raw":  clitest.Raw(many) + strings.Repeat("\xff", 32),
	} {
		write(t, dir, name, text)
		if r := cli(t, dir, "", "append", name); r.code != exit.Input || stored(t, dir, "tree") != before {
			t.Errorf("%s: %+v", name, r)
		}
	}
	r := cli(t, dir, string(list[:len(list)-1]), "append", "--checkpoint", "9")
	if r.code != exit.Input || !strings.Contains(r.err, "65536 leaves before it are on disk") || !strings.Contains(r.err, "--start 1 - --checkpoint 9") {
		t.Errorf("a long pipe: %+v", r)
	}
	ok(t, dir, string(list), "append", "--start", "1", "--checkpoint", "9")
	if got := okJSON[source.State](t, dir, "", "root", "--at", "9"); got.Root.String() != clitest.Root(t, append(nodes[:1:1], many...)) {
		t.Errorf("%+v", got)
	}
}

// What is right is taken, in each of its forms.
func TestWellFormedJSON(t *testing.T) {
	t.Parallel()
	nodes := clitest.Leaves(3)
	block := func(height int, list ...any) string {
		text, err := json.Marshal(map[string]any{"height": height, "commitments": append([]any{}, list...)})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	one, two, three := block(1, nodes[0]), block(2, nodes[1], nodes[2]), block(3)
	quoted := fmt.Sprintf("%q\n%q %q", nodes[0], nodes[1], nodes[2])
	for _, c := range []struct {
		text        string
		checkpoints int
	}{
		{one + two + three, 3},
		{one + "\n" + two + "\r\n\n" + three + "\n", 3},
		{"\n [" + one + "," + two + " , " + three + "]\n", 3},
		{`{"network":"main","source":"a node","blocks":[` + one + "," + two + "," + three + `]}`, 3},
		{"\xEF\xBB\xBF" + one + two + three, 3},
		{quoted, 0},
		{`[` + strings.Join(strings.Fields(quoted), ",") + `]`, 0},
		{fmt.Sprintf(`{"commitments":[%q]}{"commitments":[%q,%q]}`, nodes[0], nodes[1], nodes[2]), 0},
	} {
		dir := t.TempDir()
		ok(t, dir, "", "init")
		if got := okJSON[source.State](t, dir, c.text, "append"); got.Root.String() != clitest.Root(t, nodes) {
			t.Errorf("%.60q: %+v", c.text, got)
		}
		if list := okJSON[[]source.Checkpoint](t, dir, "", "checkpoint"); len(list) != c.checkpoints {
			t.Errorf("%.60q: %v", c.text, list)
		}
	}
	dir := t.TempDir()
	ok(t, dir, "", "init")
	for _, empty := range []string{"[]", `{"blocks":[]}`, `{"commitments":[]}`} {
		if got := okJSON[source.State](t, dir, empty, "append"); got.Size != 0 {
			t.Errorf("%s: %+v", empty, got)
		}
	}
}

func utf16Text(text string, mark, big bool) string {
	var out []byte
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xFEFF}, units...)
	}
	for _, u := range units {
		if low, high := byte(u), byte(u>>8); big {
			out = append(out, high, low)
		} else {
			out = append(out, low, high)
		}
	}
	return string(out)
}

// Text that is neither hex nor JSON is refused with the line, and never taken
// for raw commitments.
func TestTextIsNotRaw(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	before := stored(t, dir, "tree")
	leaf := clitest.Leaves(1)[0].String()
	curl := "curl: (6) Could not resolve h 1\n" // 32 bytes, the last of which is a small one
	if len(curl) != 32 {
		t.Fatal(len(curl))
	}
	for text, says := range map[string]string{
		curl:                           "line 1",
		strings.Repeat(curl, 3):        "line 1",
		leaf + "\n" + curl:             "line 2",
		leaf + "\n\n# more\r\n" + curl: "line 4",
		"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head></html>\n": "line 1",
		"height,commitment\n7," + leaf + "\n":                                         "line 1",
		"7 " + leaf + "\n":                                                            "line 1",
		"0x" + leaf + "\n":                                                            "0x in front",
		leaf + leaf + "\n":                                                            "line 1",
		leaf[:63] + "\n":                                                              "line 1",
		leaf[:63] + "g\n":                                                             "line 1",
		"Hôte inconnu: vérifier le nom 1\n":                                           "line 1",
		"H\xf4te inconnu: v\xe9rifier le nom 1\n":                                     "line 1", // Latin-1, 32 bytes
		"\xcd\xe5\xe2\xe5\xf0\xed\xee\xe5 \xe8\xec\xff \xf1\xe5\xf0\xe2\xe5\xf0\xe0, \xee\xf8\xe8\xe1\xea\xe0\n\n\n": "line 1", // Windows-1251
		"\x1b[31merror\x1b[0m: not found \n\n":         "line 1",
		"Downloading…\b\b\b\adone now, it is   \n":     "line 1",
		"error 1\x00error 2\x00error 3\x00error 4\x00": "line 1",
		utf16Text(leaf+"\r\n", true, false):            "UTF-16",
		utf16Text(leaf+"\r\n", true, true):             "UTF-16",
		utf16Text(curl, false, false):                  "UTF-16",
		utf16Text(curl, false, true):                   "UTF-16",
		utf16Text(`["`+leaf+`"]`, true, false):         "UTF-16",
		"null":                                         "line 1", "7": "line 1", "[error] no such host": "line 1", "{\n": "line",
	} {
		refused(t, dir, before, text, says)
	}
	for _, name := range []string{"a.raw", "a.bin", "a.hex", "a.txt", "a.json", "a.jsonl", "a.csv"} {
		write(t, dir, name, curl)
		if r := cli(t, dir, "", "append", name); r.code != exit.Input || !strings.Contains(r.err, "line 1") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	// Asked for is asked for.
	ok(t, dir, curl, "append", "--format", "raw")
	// What is hex is taken, whoever wrote the lines.
	for _, text := range []string{
		leaf, leaf + "\n", leaf + "\r\n", "\n\n" + leaf + "\n\n", "# a\n" + leaf, "  " + leaf + "  \n", "\t" + leaf,
		strings.ToUpper(leaf), "\xEF\xBB\xBF" + leaf + "\r\n", "\xEF\xBB\xBF# größer\n" + leaf,
	} {
		tree := fmt.Sprintf("%x", text)[:40]
		ok(t, dir, "", "init", "--dir", tree)
		if got := okJSON[source.State](t, dir, text, "append", "--dir", tree); got.Size != 1 || got.Root.String() != clitest.Root(t, clitest.Leaves(1)) {
			t.Errorf("%q: %+v", text, got)
		}
		if err := os.RemoveAll(filepath.Join(dir, tree)); err != nil {
			t.Fatal(err)
		}
	}
}
