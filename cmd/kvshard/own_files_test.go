package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// The files beside a tree, and a stream's header, are whole, or an error.
func TestOwnFilesAreWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(40)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes), "append", "--checkpoint", "9")
	config := filepath.Join(dir, "tree", source.ConfigName)
	good := read(t, dir, "tree/"+source.ConfigName)
	dump := ok(t, dir, "", "dump", "-o", "json", "--values")
	for name, text := range spoilt(t, good, true) {
		write(t, dir, "tree/"+source.ConfigName, text)
		for _, args := range [][]string{{"root"}, {"append"}} {
			if r := cli(t, dir, clitest.Raw(nodes[:1]), args...); r.code != exit.Store || !strings.Contains(r.err, source.ConfigName) {
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
		if r := cli(t, dir, clitest.Raw(nodes[:1]), "append"); r.code != wanted {
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
