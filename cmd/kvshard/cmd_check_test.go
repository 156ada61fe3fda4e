package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func TestCheckFindsAndCannotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init", "--prefix", "6e")
	ok(t, dir, raw(leaves(40)), "append")
	db, err := disk.Open(filepath.Join(dir, "tree/tree.db"), disk.GoLevelDB)
	if err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "append"); r.code != exit.Store || !strings.Contains(r.err, "in use") {
		t.Errorf("a database in use: %+v", r)
	}
	if err := db.DeleteSync(append([]byte{0x6e, 0x0F}, 0, 0, 0, 0, 0, 0, 0, 1)); err != nil {
		t.Fatal(err)
	}
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
