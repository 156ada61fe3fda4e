package source_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func code(err error) int {
	code, _ := exit.Classify(err)
	return code
}

func makeTree(t *testing.T, backend string) source.Place {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	c := source.Config{Version: 1, Backend: backend, Prefix: "6e", MaxCheckpoints: 3, Retention: "marked"}
	if err := source.Make(dir, c); err != nil {
		t.Fatal(err)
	}
	if err := source.Make(dir, c); code(err) != exit.State {
		t.Errorf("over a tree: %v", err)
	}
	return source.Place{Dir: dir}
}

func appendLeaves(p source.Place, n int, own error) error {
	return p.Write(context.Background(), func(s *source.Source) error {
		return s.Update(func(tree *kvshard.Tree) error {
			_, err := tree.AppendBatch(make([]kvshard.Node, n))
			return errors.Join(err, own)
		})
	})
}

func size(t *testing.T, p source.Place) uint64 {
	t.Helper()
	s, err := p.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(&err)
	tree, err := s.Tree()
	if err != nil {
		t.Fatal(err)
	}
	now, err := source.ReadState(tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	for position := range now.Size {
		if leaf, err := s.Leaves(tree).Leaf(position); err != nil || leaf != (kvshard.Node{}) {
			t.Errorf("leaf %d: %v, %v", position, leaf, err)
		}
	}
	return now.Size
}

// What is written is there as a whole or not at all, and what was reported and
// is lost is told.
func TestWriteAndLost(t *testing.T) {
	for _, backend := range []string{disk.GoLevelDB, disk.Pebble} {
		t.Run(backend, func(t *testing.T) {
			p := makeTree(t, backend)
			own := errors.New("own")
			if err := errors.Join(appendLeaves(p, 20, nil), appendLeaves(p, 5, nil)); err != nil {
				t.Fatal(err)
			}
			if err := appendLeaves(p, 7, own); !errors.Is(err, own) {
				t.Errorf("%v, want the function's own error", err)
			}
			if n := size(t, p); n != 25 {
				t.Errorf("%d leaves, want 25", n)
			}
			if n := size(t, source.Place{DB: filepath.Join(p.Dir, source.DatabaseName), Prefix: "6e"}); n != 25 {
				t.Errorf("%d leaves in the database, want 25", n)
			}
			report := filepath.Join(p.Dir, source.ReportName)
			text, err := os.ReadFile(report)
			if err != nil {
				t.Fatal(err)
			}
			more := strings.Replace(string(text), `"size":25`, `"size":26`, 1)
			if err := os.WriteFile(report, []byte(more), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Open(context.Background()); code(err) != exit.Store || !strings.Contains(err.Error(), "from position 25 on are lost") {
				t.Errorf("a leaf is lost: %v", err)
			}
			p.Salvage = true
			s, err := p.Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(&err)
			if what, err := s.Lost(); err != nil || !strings.Contains(what, "from position 25 on are lost") {
				t.Errorf("%q, %v", what, err)
			}
		})
	}
}

// What a tree's report costs does not grow with its checkpoints: they are not listed.
func TestReportListsNothing(t *testing.T) {
	p := makeTree(t, disk.GoLevelDB)
	var told source.Report
	err := p.Write(context.Background(), func(s *source.Source) error {
		err := s.Update(func(tree *kvshard.Tree) error {
			_, err := tree.AppendBatch(make([]kvshard.Node, 20))
			return errors.Join(err, tree.Checkpoint(4), tree.Checkpoint(7))
		})
		s.Options = append(s.Options, kvshard.WithObserver(func(stats kvshard.Stats) {
			if stats.IterCreates > 0 {
				t.Errorf("%s: %+v", stats.Op, stats)
			}
		}))
		if err == nil {
			told, err = s.Report()
		}
		return err
	})
	if err != nil || told.Size != 20 || told.Newest == nil || *told.Newest != 7 {
		t.Errorf("%+v, %v", told, err)
	}
}

func TestRefused(t *testing.T) {
	p := makeTree(t, disk.GoLevelDB)
	database := filepath.Join(p.Dir, source.DatabaseName)
	for what, c := range map[string]struct {
		place source.Place
		code  int
	}{
		"no tree":          {source.Place{Dir: t.TempDir()}, exit.Store},
		"no database":      {source.Place{DB: "no.db"}, exit.Store},
		"another engine":   {source.Place{DB: database, Engine: disk.Pebble}, exit.Usage},
		"nothing in it":    {source.Place{DB: database}, exit.Store},
		"no node's":        {source.Place{DB: database, Store: "notes"}, exit.Store},
		"no name of a .db": {source.Place{DB: p.Dir}, exit.Store},
	} {
		if _, err := c.place.Open(context.Background()); code(err) != c.code {
			t.Errorf("%s: %v, code %d, want %d", what, err, code(err), c.code)
		}
	}
	for what, place := range map[string]source.Place{"a database": {DB: database}, "salvaged": {Dir: p.Dir, Salvage: true}} {
		if err := appendLeaves(place, 1, nil); code(err) != exit.Usage {
			t.Errorf("writing to %s: %v", what, err)
		}
	}
}

// One process at a time makes a tree in a directory, and one that fails leaves
// nothing.
func TestClaim(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	claimed, err := source.ClaimDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.ClaimDir(dir); !errors.Is(err, disk.ErrInUse) {
		t.Errorf("claimed twice: %v", err)
	}
	err = errors.New("own")
	claimed.Release(&err)
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory is left: %v", err)
	}
}
