package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/input"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// Every way in which a JSON object can be spoilt and still be read by a reader
// that lets things pass: cut, with text after it, with a null, without a field,
// with a field twice or one more.
func spoilt(t *testing.T, text string, unknown bool) map[string]string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	with := func(name string, value json.RawMessage) string {
		changed := map[string]json.RawMessage{}
		for n, v := range fields {
			changed[n] = v
		}
		changed[name] = value
		if value == nil {
			delete(changed, name)
		}
		out, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	text = strings.TrimSpace(text)
	made := map[string]string{
		"cut by a byte": text[:len(text)-1], "cut in the middle": text[:len(text)/2], "text after it": text + "x", "a second one": text + text, "null": "null",
	}
	for name, value := range fields {
		made[name+" null"] = with(name, json.RawMessage("null"))
		made[name+" missing"] = with(name, nil)
		made[name+" twice"] = text[:len(text)-1] + fmt.Sprintf(",%q:%s}", name, value)
		if strings.HasPrefix(string(value), "[") && string(value) != "[]" {
			made["null in "+name] = with(name, append(append(json.RawMessage{}, value[:len(value)-1]...), ",null]"...))
		}
	}
	if unknown {
		made["one more"] = with("more", json.RawMessage("1"))
	}
	return made
}

func TestProofIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(40)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes), "append", "--checkpoint", "9")
	good := ok(t, dir, "", "witness", "7", "--at", "9", "-o", "json")
	flags := []string{"verify", "--root", want(t, nodes), "--leaf", nodes[7].String()}
	for _, text := range []string{good, "\xEF\xBB\xBF" + strings.ReplaceAll(good, "\n", "\r\n")} {
		ok(t, dir, text, flags...)
		ok(t, dir, text, "verify")
	}
	optional := []string{"leaf missing", "root missing", "size missing", "checkpoint missing"} // the flags tell what matters
	for name, text := range spoilt(t, good, true) {
		r := cli(t, dir, text, flags...)
		if wanted := map[bool]int{true: 0, false: exit.Input}[contains(optional, name)]; r.code != wanted {
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
		if r := cli(t, dir, string(text), flags...); r.code != exit.Input || !strings.Contains(r.err, "want 32") {
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

func contains(list []string, name string) bool {
	for _, one := range list {
		if one == name {
			return true
		}
	}
	return false
}

func TestTreestateIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(40)
	ok(t, dir, "", "init", "--dir", "source")
	ok(t, dir, raw(nodes), "append", "--dir", "source")
	own := ok(t, dir, "", "frontier", "--dir", "source", "-o", "json")
	state := strings.TrimSpace(ok(t, dir, "", "frontier", "--dir", "source", "--treestate"))
	root := want(t, nodes)
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
				if !contains(matter, field) && !strings.Contains(name, "twice") || name == "height missing" {
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

// The files beside a tree, and a stream's header, are whole, or an error.
func TestOwnFilesAreWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(40)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes), "append", "--checkpoint", "9")
	config := filepath.Join(dir, "tree", source.ConfigName)
	good := read(t, dir, "tree/"+source.ConfigName)
	dump := ok(t, dir, "", "dump", "-o", "json", "--values")
	for name, text := range spoilt(t, good, true) {
		write(t, dir, "tree/"+source.ConfigName, text)
		for _, args := range [][]string{{"root"}, {"append"}} {
			if r := cli(t, dir, raw(nodes[:1]), args...); r.code != exit.Store || !strings.Contains(r.err, source.ConfigName) {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
	if err := os.WriteFile(config, []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(dir, "tree", markName)
	for name, text := range spoilt(t, `{"start":0,"input":"x","format":"raw"}`, true) {
		write(t, dir, "tree/"+markName, text)
		wanted := map[bool]int{true: exit.State, false: exit.Store}[name == "format missing"]
		if r := cli(t, dir, raw(nodes[:1]), "append"); r.code != wanted {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if after := ok(t, dir, "", "dump", "-o", "json", "--values"); after != dump {
		t.Error(after)
	}

	for _, form := range []string{"records", "leaves"} {
		stream := ok(t, dir, "", "export", "--form", form)
		length := int(binary.LittleEndian.Uint32([]byte(stream[9:])))
		header := stream[13 : 13+length]
		for name, text := range spoilt(t, header, true) {
			if name == "records missing" { // an older header, whose count is then wrong
				continue
			}
			changed := stream[:9] + string(binary.LittleEndian.AppendUint32(nil, uint32(len(text)))) + text + stream[13+length:]
			r := cli(t, dir, changed, "import", "--dir", "copy")
			if r.code != exit.Input || !strings.Contains(r.err, "its header") {
				t.Errorf("%s, %s: %+v", form, name, r)
			}
			if _, err := os.Lstat(filepath.Join(dir, "copy")); err == nil {
				t.Fatalf("%s, %s: there is a copy", form, name)
			}
		}
		changed := strings.Replace(stream, `"retained":false`, `"retained":null `, 1)
		if r := cli(t, dir, changed, "import", "--dir", "copy"); r.code != exit.Input || !strings.Contains(r.err, "checkpoints[0].retained") {
			t.Errorf("%+v", r)
		}
	}
}
