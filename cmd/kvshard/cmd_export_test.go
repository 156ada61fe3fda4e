package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// TestExportJSON: what was exported is the stream's header, with the name of the file. The
// records of a stream of leaves are not counted.
func TestExportJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(clitest.Leaves(20)), "append", "--checkpoint", "1")
	root := okJSON[map[string]any](t, dir, "", "root")["root"]
	for form, records := range map[string]any{"records": 5.0, "leaves": nil} {
		want := map[string]any{
			"form": form, "size": 20.0, "root": root, "max_checkpoints": 100.0, "retention": "marked", "file": "x.kvx",
			"checkpoints": []any{map[string]any{"id": 1.0, "size": 20.0, "retained": false, "root": root}},
		}
		if records != nil {
			want["records"] = records
		}
		if got := okJSON[map[string]any](t, dir, "", "export", "--form", form, "x.kvx"); !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// A mark that was removed as of a checkpoint is no leaf's business until that one
// is pruned: from leaves alone it would come back.
func TestExportLeavesKeepsRemovedMarks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(clitest.Leaves(20)), "append", "--checkpoint", "1")
	ok(t, dir, "", "checkpoint", "--retain", "1")
	db, err := disk.Open(filepath.Join(dir, "tree/tree.db"), disk.GoLevelDB)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := kvshard.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := tree.RemoveMark(4, 1); err != nil || !removed {
		t.Fatal(removed, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "export", "--form", "leaves", "x.kvx"); r.code != exit.State || !strings.Contains(r.err, "--form records") {
		t.Errorf("%+v", r)
	}
	ok(t, dir, "", "export", "x.kvx")
	ok(t, dir, "", "import", "x.kvx", "--dir", "copy")
	ok(t, dir, "", "diff", "tree", "copy")
}
