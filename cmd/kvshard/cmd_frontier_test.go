package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/internal/realdata"
)

func TestFrontier(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list, err := realdata.Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		frontier := kvshard.Frontier{Size: f.Size, Leaf: f.Leaf}
		for _, ommer := range f.Ommers {
			frontier.Ommers = append(frontier.Ommers, ommer)
		}
		encoded, err := frontier.MarshalTreestate()
		if err != nil {
			t.Fatal(err)
		}
		text, root := hex.EncodeToString(encoded), kvshard.Node(f.Root)
		reversed := root
		for i := range root {
			reversed[i] = root[31-i]
		}
		id := fmt.Sprint(f.Height)
		zcash := `{"hash":"00","height":` + id + `,"time":1,"sapling":{"commitments":{"finalState":"00"}},` +
			`"orchard":{"commitments":{"finalRoot":"` + reversed.String() + `","finalState":"` + text + `"}}}`
		for i, args := range [][]string{
			{text, "--checkpoint", id, "--root", root.String()},
			{"@" + write(t, dir, "zcash.json", zcash)},
			{"@" + write(t, dir, "rpc.json", `{"result":`+zcash+`,"error":null,"id":1}`)},
			{"@" + write(t, dir, "lightd.json", `{"network":"main","height":`+id+`,"orchardTree":"`+text+`"}`)},
		} {
			tree := fmt.Sprintf("%d-%d", f.Height, i)
			ok(t, dir, "", "init", "--dir", tree)
			got := okJSON[source.State](t, dir, "", append([]string{"frontier", "--dir", tree, "--import-treestate"}, args...)...)
			if got.Root != root || got.Size != f.Size || *got.Checkpoint != f.Height {
				t.Errorf("%d: %+v", i, got)
			}
			if out := ok(t, dir, "", "frontier", "--treestate", "--dir", tree); out != text+"\n" {
				t.Errorf("%d: %s", i, out)
			}
			own := ok(t, dir, "", "frontier", "--dir", tree, "-o", "json")
			ok(t, dir, "", "init", "--dir", tree+"-again")
			ok(t, dir, own, "frontier", "--dir", tree+"-again", "--import-treestate", "-", "--checkpoint", id)
			ok(t, dir, "", "diff", tree, tree+"-again")
			ok(t, dir, clitest.Raw(clitest.Leaves(50)), "append", "--dir", tree)
			ok(t, dir, "", "check", "--dir", tree)
			ok(t, dir, "", "witness", fmt.Sprint(f.Size), "--dir", tree)
			if r := cli(t, dir, "", "witness", "1", "--dir", tree); r.code != exit.NotFound {
				t.Errorf("%+v", r)
			}
		}
	}
	ok(t, dir, "", "init")
	good := "01" + clitest.Leaves(1)[0].String() + "0000"
	for _, c := range []struct {
		args string
		code int
	}{
		{"frontier --import-treestate zz --checkpoint 1", exit.Input},
		{"frontier --import-treestate 0102 --checkpoint 1", exit.Input},
		{"frontier --import-treestate 01" + strings.Repeat("f", 64) + "0000 --checkpoint 1", exit.Input},
		{"frontier --import-treestate " + good, exit.Usage},
		{"frontier --import-treestate " + good + " --checkpoint x", exit.Usage},
		{"frontier --import-treestate " + good + " --checkpoint 1 --root " + clitest.Leaves(1)[0].String(), exit.Input},
		{"frontier --import-treestate @nowhere --checkpoint 1", exit.Input},
		{"frontier --checkpoint 1", exit.Usage},
	} {
		if r := cli(t, dir, "", strings.Fields(c.args)...); r.code != c.code || r.err == "" {
			t.Errorf("%s: %+v", c.args, r)
		}
	}
	if got := okJSON[source.State](t, dir, "", "root"); got.Size != 0 {
		t.Error("a refused frontier stayed")
	}
	ok(t, dir, "", "frontier", "--import-treestate", good, "--checkpoint", "1")
	if r := cli(t, dir, "", "frontier", "--import-treestate", good, "--checkpoint", "2"); r.code != exit.State {
		t.Errorf("%+v", r)
	}
}

func TestTreestateIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(40)
	ok(t, dir, "", "init", "--dir", "source")
	ok(t, dir, clitest.Raw(nodes), "append", "--dir", "source")
	own := ok(t, dir, "", "frontier", "--dir", "source", "-o", "json")
	state := strings.TrimSpace(ok(t, dir, "", "frontier", "--dir", "source", "--treestate"))
	root := clitest.Root(t, nodes)
	light := func(height string) string {
		return fmt.Sprintf(`{"network":"main","height":%s,"hash":"00","time":1,"saplingTree":"","orchardTree":%q}`, height, state)
	}
	zcash := func(height string) string {
		return fmt.Sprintf(`{"hash":"00","height":%s,"time":1,"sprout":null,"sapling":{},"orchard":{"commitments":{"finalRoot":%q,"finalState":%q}}}`, height, root, state)
	}
	started := 0
	starts := func(text string, args ...string) {
		t.Helper()
		started++
		tree := fmt.Sprint("tree", started)
		ok(t, dir, "", "init", "--dir", tree)
		got := okJSON[struct{ Root string }](t, dir, text, append([]string{"frontier", "--dir", tree, "--import-treestate", "-"}, args...)...)
		if got.Root != root {
			t.Errorf("%s: root %s", text, got.Root)
		}
		if list := ok(t, dir, "", "checkpoint", "--dir", tree); !strings.HasPrefix(list, "2402500 ") {
			t.Error(list)
		}
	}
	starts(light(`"2402500"`)) // protocol buffers' JSON has 64 bits as a string
	starts(light(`2402500`))
	starts(light(`"1"`), "--checkpoint", "2402500")
	starts(zcash("2402500"))
	starts(`{"result":`+zcash("2402500")+`,"error":null,"id":1}`, "--root", root)
	starts(own, "--checkpoint", "2402500")
	starts("\xEF\xBB\xBF"+state+"\r\n", "--checkpoint", "2402500")

	ok(t, dir, "", "init")
	before := stored(t, dir, "tree")
	refuses := func(name, text string, args ...string) {
		t.Helper()
		r := cli(t, dir, text, append([]string{"frontier", "--import-treestate", "-"}, args...)...)
		if r.code != exit.Input || r.out != "" {
			t.Errorf("%s: %+v", name, r)
		}
		if after := stored(t, dir, "tree"); before != after {
			t.Fatalf("%s: %s", name, after)
		}
	}
	// Of a node's answer only some fields matter.
	for text, matter := range map[string][]string{light(`"7"`): {"height", "orchardTree"}, zcash("7"): {"height", "orchard"}} {
		for name, spoilt := range spoilt(t, text, false) {
			field, _, _ := strings.Cut(name, " ")
			if strings.Contains(name, "null") && name != "null" || strings.Contains(name, "missing") || strings.Contains(name, "twice") {
				if !slices.Contains(matter, field) && !strings.Contains(name, "twice") || name == "height missing" {
					continue
				}
			}
			refuses(name, spoilt, "--checkpoint", "1")
		}
	}
	for name, text := range spoilt(t, own, true) {
		refuses("its own: "+name, text, "--checkpoint", "1")
	}
	for _, height := range []string{`"x"`, `""`, `"-1"`, `-1`, `1.5`, `"4294967296"`, `4294967296`, `null`, `[]`, `"1`} {
		refuses("height "+height, light(height))
	}
	refuses("height as a string", zcash(`"7"`))
	refuses("another size", strings.Replace(own, `"size": 40`, `"size": 41`, 1), "--checkpoint", "1")
	refuses("another leaf", strings.Replace(own, `"leaf": "`+nodes[39].String(), `"leaf": "`+nodes[38].String(), 1), "--checkpoint", "1")
	refuses("an error", `{"result":null,"error":{"code":-8,"message":"Block height out of range"},"id":1}`)
	refuses("no activation", light("7")[:strings.Index(light("7"), `"orchardTree"`)]+`"orchardTree":""}`)
	refuses("null state", strings.Replace(zcash("7"), `"`+state+`"`, "null", 1))
	refuses("no state", strings.Replace(zcash("7"), `,"finalState":"`+state+`"`, "", 1))
	refuses("UTF-16", utf16Text(light("7"), true, false))
	refuses("cut hex", state[:len(state)-2], "--checkpoint", "1")
	refuses("longer hex", state+"00", "--checkpoint", "1")
	refuses("two envelopes", `{"result":{"result":`+zcash("7")+`}}`)
	refuses("a megabyte", state+strings.Repeat(" ", 1<<20), "--checkpoint", "1")
	refuses("nothing", "", "--checkpoint", "1")
}

// TestFrontierOfThePast: --at and --size print the frontier that was printed then.
func TestFrontierOfThePast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := clitest.Leaves(90)
	ok(t, dir, "", "init")
	for i, size := range []int{30, 60, 90} {
		ok(t, dir, clitest.Raw(list[size-30:size]), "append", "--checkpoint", fmt.Sprint(i+1))
		if i == 2 {
			break
		}
		for _, form := range [][]string{nil, {"--treestate"}} {
			args := append([]string{"frontier"}, form...)
			then := ok(t, dir, "", args...)
			write(t, dir, fmt.Sprint(i+1, len(form)), then)
		}
	}
	for i, size := range []string{"30", "60"} {
		id := fmt.Sprint(i + 1)
		for _, form := range [][]string{nil, {"--treestate"}} {
			then := read(t, dir, fmt.Sprint(i+1, len(form)))
			if out := ok(t, dir, "", append([]string{"frontier", "--at", id}, form...)...); out != then {
				t.Errorf("at %s: %s, want %s", id, out, then)
			}
			if out := ok(t, dir, "", append([]string{"frontier", "--size", size}, form...)...); out != then {
				t.Errorf("size %s: %s, want %s", size, out, then)
			}
		}
	}
	// Its JSON starts a tree, with the checkpoint that it tells.
	own := ok(t, dir, "", "frontier", "--at", "2", "-o", "json")
	ok(t, dir, "", "init", "--dir", "started")
	ok(t, dir, own, "frontier", "--dir", "started", "--import-treestate", "-")
	ok(t, dir, clitest.Raw(list[60:]), "append", "--dir", "started", "--checkpoint", "3")
	if a, b := ok(t, dir, "", "root", "--at", "3"), ok(t, dir, "", "root", "--at", "3", "--dir", "started"); a != b {
		t.Errorf("%s, want %s", b, a)
	}
	if out := ok(t, dir, "", "checkpoint", "--dir", "started"); !strings.HasPrefix(out, "2 ") {
		t.Error(out)
	}
	ok(t, dir, "", "init", "--dir", "ephemeral", "--retention", "ephemeral")
	ok(t, dir, clitest.Raw(list), "append", "--dir", "ephemeral", "--checkpoint", "7")
	if out := ok(t, dir, "", "frontier", "--size", "0"); !strings.HasPrefix(out, "size 0, ") {
		t.Error(out)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"frontier --at 4", exit.NotFound, "checkpoint 4"},
		{"frontier --at x", exit.Usage, "checkpoint id"},
		{"frontier --size 91", exit.NotFound, "size 91 is above the tree's size 90\n  hint: give a size up to 90\n"},
		{"frontier --size 4294967297", exit.Usage, "from 0 to 4294967296"},
		{"frontier --size -1", exit.Usage, "a size is a number"},
		{"frontier --size 3 --at 1", exit.Usage, "[at size]"},
		{"frontier --size 3 --import-treestate 000000", exit.Usage, "import-treestate"},
		{"frontier --at 3 --import-treestate 000000", exit.Usage, "import-treestate"},
		{"frontier --size 12 --dir ephemeral", exit.NotFound, "--at"},
		{"frontier --size 58 --dir started", exit.NotFound, "position 57 was not kept"},
	} {
		r := cli(t, dir, "", strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("kvshard %s: %+v, want code %d and %q", c.args, r, c.code, c.says)
		}
	}
	if out := ok(t, dir, "", "__complete", "frontier", "--at", ""); !strings.HasPrefix(out, "3\tsize 90\n") {
		t.Error(out)
	}
}

// TestTreestateOfSapling: a real one, and what to do.
func TestTreestateOfSapling(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	states, err := realdata.Treestates()
	if err != nil {
		t.Fatal(err)
	}
	ok(t, dir, "", "init")
	for _, s := range states {
		r := cli(t, dir, "", "frontier", "--import-treestate", fmt.Sprintf("%x", s.Sapling), "--checkpoint", "1")
		if r.code != exit.Input || !strings.Contains(r.err, "Orchard's pool") {
			t.Errorf("block %d: %+v", s.Height, r)
		}
	}
	newest := states[len(states)-1]
	ok(t, dir, "", "frontier", "--import-treestate", fmt.Sprintf("%x", newest.Orchard), "--checkpoint", fmt.Sprint(newest.Height))
	ok(t, dir, "", "check")
}
