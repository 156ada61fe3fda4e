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

func TestCheckFindsAndCannotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init", "--prefix", "6e")
	ok(t, dir, clitest.Raw(clitest.Leaves(40)), "append")
	db, err := disk.Open(filepath.Join(dir, "tree/tree.db"), disk.GoLevelDB)
	if err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "append"); r.code != exit.Store || !strings.Contains(r.err, "in use") {
		t.Errorf("a database in use: %+v", r)
	}
	clitest.BreakRecord(t, db, "\x6e", kvshard.RecordName{Kind: kvshard.KindShard, Index: 1}, nil)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := cli(t, dir, "", "check")
	if r.code != exit.No || !strings.Contains(r.out, "violations") {
		t.Errorf("%+v", r)
	}
	r = cli(t, dir, "", "check", "-o", "json")
	var found struct {
		Sound      bool
		Violations []violationView
	}
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || found.Sound || len(found.Violations) == 0 || r.code != exit.No {
		t.Errorf("%v %+v", err, r)
	}
	if r := cli(t, dir, "", "witness", "20"); r.code != exit.Store || !strings.Contains(r.err, "kvshard check") {
		t.Errorf("%+v", r)
	}
}
