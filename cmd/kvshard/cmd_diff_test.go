package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(1000)
	for _, tree := range []string{"a", "b"} {
		ok(t, dir, "", append([]string{"init", "--dir", tree}, map[string][]string{"a": {"--prefix", "01"}}[tree]...)...)
		ok(t, dir, clitest.Raw(nodes[:500]), "append", "--dir", tree, "--checkpoint", "1")
		ok(t, dir, clitest.Raw(nodes[500:900]), "append", "--dir", tree, "--checkpoint", "2")
		if tree == "b" {
			nodes[977][0] ^= 1
		}
		ok(t, dir, clitest.Raw(nodes[900:]), "append", "--dir", tree, "--checkpoint", "3")
	}
	if out := ok(t, dir, "", "diff", "a", "a"); !strings.Contains(out, "no record differs") {
		t.Error(out)
	}
	r := cli(t, dir, "", "diff", "a", "b")
	for _, says := range []string{
		"same up to checkpoint 2, different from checkpoint 3",
		"first differing shard 61: leaves 976 to 991; first differing leaf 977",
		"shard(61)   575 bytes   575 bytes",
	} {
		if r.code != exit.No || !strings.Contains(r.out, says) {
			t.Errorf("want %q: %+v", says, r)
		}
	}
	r = cli(t, dir, "", "diff", "a", "b", "--output", "json", "--limit", "1")
	var d difference
	if err := json.Unmarshal([]byte(r.out), &d); err != nil || *d.Leaf != 977 || len(d.Records) != 1 || d.Differing < 2 || d.OnlyA != 0 {
		t.Errorf("%v %s", err, r.out)
	}
	ok(t, dir, "", "rewind", "2", "--dir", "a")
	if r := cli(t, dir, "", "diff", "a", "b"); !strings.Contains(r.out, "only in B") || !strings.Contains(r.out, "absent") {
		t.Errorf("%+v", r)
	}
	// A store that is broken can be compared, too.
	db, err := disk.Open(filepath.Join(dir, "a/tree.db"), disk.GoLevelDB)
	if err != nil {
		t.Fatal(err)
	}
	clitest.BreakRecord(t, db, "\x01", kvshard.RecordName{Kind: kvshard.KindTip}, []byte("broken"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "diff", "a", "b"); r.code != exit.No || !strings.Contains(r.out, "unsupported version") {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, "", "diff", "a", "nowhere"); r.code != exit.Store {
		t.Errorf("%+v", r)
	}
}
