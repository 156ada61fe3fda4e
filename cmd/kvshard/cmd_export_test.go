package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/stream"
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

// TestExportLeavesReadsShardsOnce: an export of leaves reads the shards and checkpoints,
// each once, and no other record.
func TestExportLeavesReadsShardsOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init", "--prefix", "6e")
	for id, some := range [][]kvshard.Node{clitest.Leaves(1000)[:900], clitest.Leaves(1000)[900:]} {
		ok(t, dir, clitest.Raw(some), "append", "--checkpoint", fmt.Sprint(id))
	}
	want := ok(t, dir, "", "export", "--form", "leaves")
	s, err := source.Place{Dir: filepath.Join(dir, "tree")}.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(&err)
	tree, err := s.Tree()
	if err != nil {
		t.Fatal(err)
	}
	h, err := stream.Describe(tree)
	if err != nil {
		t.Fatal(err)
	}
	h.Form, h.MaxCheckpoints, h.Retention = stream.FormLeaves, 100, "marked"
	trace := kvtest.NewTraceStore(s.KV)
	s.KV = trace
	var made strings.Builder
	if err := exportLeaves(&env{err: io.Discard, showing: "off"}, s, h, &made); err != nil || made.String() != want {
		t.Errorf("%v; the same stream: %v", err, made.String() == want)
	}
	const shards, checkpoints = 63, 2
	if c := trace.Counts(); c.IterNexts != shards+checkpoints || c.Gets != 0 {
		t.Errorf("%+v", c)
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
