package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// needed are the arguments that a command does not go without.
var needed = map[string][]string{"witness": {"1"}, "rewind": {"1"}, "diff": {"a", "b"}, "nodes": {"0", "0", "1"}}

// eachFlag yields every flag of every command, with the words that call it.
func eachFlag(t *testing.T, yield func(t *testing.T, words []string, f *pflag.Flag)) {
	t.Helper()
	count := 0
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		c.InitDefaultHelpFlag()
		words := slices.Concat(path, needed[c.Name()])
		visit := func(f *pflag.Flag) {
			count++
			t.Run(strings.Join(append(path, f.Name), " "), func(t *testing.T) { yield(t, words, f) })
		}
		c.LocalFlags().VisitAll(visit)
		c.InheritedFlags().VisitAll(visit)
		for _, sub := range c.Commands() {
			walk(sub, append(slices.Clip(path), sub.Name()))
		}
	}
	root := newCommand(&env{})
	root.InitDefaultHelpCmd()
	walk(root, nil)
	if count < 150 {
		t.Errorf("%d flags were tried", count)
	}
}

// inProcess runs the command in this process.
func inProcess(args ...string) result {
	var out, errs bytes.Buffer
	code := execute(context.Background(), args, strings.NewReader(""), &out, &errs)
	return result{out.String(), errs.String(), code}
}

// A flag that is given and empty is an error of the command line, and never
// counts as one that was not given.
func TestEmptyFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	eachFlag(t, func(t *testing.T, words []string, f *pflag.Flag) {
		ways := [][]string{{"--" + f.Name + "="}}
		if f.NoOptDefVal == "" {
			ways = append(ways, []string{"--" + f.Name, ""}, []string{"--" + f.Name, " "})
			if f.Shorthand != "" {
				ways = append(ways, []string{"-" + f.Shorthand, ""})
			}
		}
		for _, way := range ways {
			r := inProcess(append(way, words...)...)
			if r.code != exit.Usage || !strings.Contains(r.err, "--"+f.Name) || r.out != "" {
				t.Errorf("kvshard %q: code %d, %s%s", append(way, words...), r.code, r.out, r.err)
			}
		}
	})
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
}

// So is a value that the flag cannot have.
func TestFlagValues(t *testing.T) {
	t.Chdir(t.TempDir())
	number := []string{"-1", "x", "1.5", "0x", "99999999999999999999999"}
	byType := map[string][]string{
		"int": number, "int64": number, "uint": number, "uint32": append([]string{"4294967296"}, number...),
		"id": append([]string{"4294967296"}, number...), "position": append([]string{"4294967296"}, number...),
		"size":     append([]string{"4294967297"}, number...),
		"duration": {"-1s", "0s", "x", "1"}, "uintSlice": {"-1", "1,,2", "x", "0"}, "stringSlice": {"memdb,", "nonsense"},
		"bool": {"x"},
	}
	byName := map[string][]string{
		"format": {"nonsense"}, "backend": {"nonsense"}, "output": {"nonsense"}, "progress": {"nonsense"},
		"form": {"nonsense"}, "retention": {"nonsense"}, "prefix": {"zz", "0"}, "max-checkpoints": {"0"}, "rounds": {"0"},
		"scheme": {"nonsense"}, "growth": {"block", "block=x", "block=0", "block=NaN", "block=Inf", "blocks=1"},
	}
	free := []string{"dir", "db", "store", "root", "leaf", "file", "write", "peers", "import-treestate", "note", "part", "work"} // any text may be one
	eachFlag(t, func(t *testing.T, words []string, f *pflag.Flag) {
		values := append(slices.Clone(byType[f.Value.Type()]), byName[f.Name]...)
		if len(values) == 0 && !slices.Contains(free, f.Name) {
			t.Errorf("no values are tried of the type %s", f.Value.Type())
		}
		for _, value := range values {
			if value == "nonsense" && len(words) == 0 && f.Name != "output" && f.Name != "progress" && f.Name != "backend" {
				continue
			}
			args := append([]string{"--" + f.Name + "=" + value}, words...)
			if r := inProcess(args...); r.code != exit.Usage || !strings.Contains(r.err, "--"+f.Name) || r.out != "" {
				t.Errorf("kvshard %q: code %d, %s%s", args, r.code, r.out, r.err)
			}
		}
	})
	for _, args := range [][]string{
		{"witness", "4294967296"}, {"witness", "x"}, {"witness", ""}, {"rewind", "4294967296"}, {"rewind", ""}, {"checkpoint", "4294967296"},
		{"checkpoint", ""}, {"append", ""}, {"append", " "}, {"export", ""}, {"import", ""}, {"verify", ""}, {"view", ""}, {"diff", "", "b"}, {"diff", "a", ""},
		{"help", ""}, {"frontier", "--import-treestate", "@", "--checkpoint", "1"}, {""},
	} {
		if r := inProcess(args...); r.code != exit.Usage || r.out != "" {
			t.Errorf("kvshard %q: %+v", args, r)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
}

// An unset variable of the shell must not make a command do something else.
func TestEmptyFlagsDoNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(clitest.Leaves(20)), "append", "--checkpoint", "1")
	write(t, dir, "p.json", ok(t, dir, "", "witness", "3", "-o", "json"))
	before := stored(t, dir, "tree")
	for _, args := range [][]string{
		{"verify", "p.json", "--root", ""}, {"verify", "p.json", "--leaf", ""}, {"append", "--checkpoint", ""}, {"append", "--start", ""},
		{"root", "--at", ""}, {"witness", "3", "--at", ""}, {"frontier", "--import-treestate", ""}, {"init", "--dir", ""},
		{"root", "--db", ""}, {"root", "--store", ""}, {"view", "--leaf", ""}, {"append", "--start", "-1"}, {"view", "--leaf", "-1"}, {"root", "--height", "-1"},
	} {
		if r := cli(t, dir, clitest.Raw(clitest.Leaves(1)), args...); r.code != exit.Usage || r.out != "" {
			t.Errorf("kvshard %q: %+v", args, r)
		}
	}
	if after := stored(t, dir, "tree"); before != after {
		t.Errorf("%s%s", before, after)
	}
}

// With --output json every error is JSON, wherever the flag stands and however
// early the error comes.
func TestJSONErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range []string{
		"bogus", "bogus --dir x", "root --bogus", "root extra", "root --at x", "root --height x", "root -q", "root -d", "witness", "witness 1 2",
		"checkpoint 1 --retain --release", "frontier --treestate --import-treestate 00", "help bogus", "help append bogus", "completion bogus", "completion bash extra",
		"root --dir nowhere", "root --progress loud", "append nosuchfile --dir nowhere", "verify nosuchfile", "root --=x", "root ---x", "diff a", "--bogus",
		"root --bogus value", "init --max-checkpoints -1", "dump --values",
	} {
		words := strings.Fields(args)
		for _, way := range [][]string{{"--output", "json"}, {"--output=json"}, {"-o", "json"}, {"-ojson"}, {"-o=json"}} {
			for _, all := range [][]string{slices.Concat(words, way), slices.Concat(way, words), slices.Concat(words[:1], way, words[1:])} {
				if all[len(all)-1] == "-d" || slices.Index(all, "-d") == len(all)-len(way)-1 && slices.Contains(all, "-d") {
					continue // -d takes what follows for its value
				}
				r := inProcess(all...)
				var failed struct {
					Error, Hint *string
					Code        int
				}
				line, rest, _ := strings.Cut(r.err, "\n")
				err := json.Unmarshal([]byte(line), &failed)
				text := inProcess(words...)
				if err != nil || rest != "" || r.out != "" || failed.Code != r.code || r.code == 0 || failed.Error == nil || *failed.Error == "" || failed.Hint == nil {
					t.Errorf("kvshard %q: code %d, %v\n%s%s", all, r.code, err, r.out, r.err)
				}
				if args != "dump --values" && (text.code != r.code || strings.HasPrefix(text.err, "{")) {
					t.Errorf("kvshard %q: code %d, and %d in text: %s", all, r.code, text.code, text.err)
				}
			}
		}
	}
	// What only looks like the flag is none.
	for _, args := range [][]string{{"root", "--at", "x", "--", "-o", "json"}, {"verify", "--root", "-o", "json"}, {"root", "--dir", "--output=json", "extra"}, {"root", "-o", "json", "-o", "xml"}, {"bogus", "-o", "text"}} {
		if r := inProcess(args...); r.code == 0 || strings.HasPrefix(r.err, "{") {
			t.Errorf("kvshard %q: %+v", args, r)
		}
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"": "''", "-": "-", "a/b-1.json": "a/b-1.json", "a b": "'a b'", "it's": `'it'\''s'`, "$(rm x)": "'$(rm x)'", "a;b": "'a;b'", "-x": "./-x", "größe": "'größe'", "a\nb": "'a\nb'", "~x": "'~x'",
	} {
		if got := quotedFile(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

// The line that is offered to go on can be given to a shell as it is.
func TestOfferedLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(30)
	const tree, name = "a tree's", "-block's; touch x"
	ok(t, dir, "", "init", "--dir", tree)
	block := func(height, from, to int, root string) string {
		list, err := json.Marshal(nodes[from:to])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"height":%d,"commitments":%s,"root_after":%q}`, height, list, root)
	}
	write(t, dir, name, block(2, 0, 10, clitest.Root(t, nodes[:10]))+block(3, 10, 15, nodes[0].String()))
	r := cli(t, dir, "", "append", "--dir", tree, "--format", "json", "--", name)
	_, line, found := strings.Cut(strings.TrimSpace(r.err), ", then go on with kvshard ")
	if r.code != exit.Input || !found {
		t.Fatalf("%+v", r)
	}
	write(t, dir, name, block(2, 0, 10, clitest.Root(t, nodes[:10]))+block(3, 10, 15, clitest.Root(t, nodes[:15])))
	if out := shell(t, dir, clitest.Built+" "+line); !strings.Contains(out, "appended 5 leaves from position 10") {
		t.Errorf("%s: %s", line, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("the file's name was run")
	}
}
