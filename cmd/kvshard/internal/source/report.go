package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/internal/strict"
)

// ReportName is a file beside a tree with what the last command that wrote left
// there. A database that lost its newest writes is whole and has fewer leaves:
// only what was told outside of it shows the loss.
const ReportName = "reported.json"

// A Report is the tree as a command left it.
type Report struct {
	Size   uint64       `json:"size"`
	Root   kvshard.Node `json:"root"`
	Newest *uint32      `json:"newest_checkpoint,omitempty"`
}

// Report reads the tree also when the command is interrupted.
func (s *Source) Report() (r Report, err error) {
	tree, err := kvshard.Open(s.DB, s.Options...)
	if err != nil {
		return r, err
	}
	if r.Size, err = tree.Size(); err != nil {
		return r, err
	}
	if r.Root, err = tree.Root(); err != nil {
		return r, err
	}
	newest, there, err := tree.Newest()
	if there {
		r.Newest = &newest.ID
	}
	return r, err
}

// WriteReport notes what is in the tree, beside it.
func (s *Source) WriteReport(r Report) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return WriteBeside(s.Dir, ReportName, append(text, '\n'))
}

// readReport returns nil if there is none: nothing was written yet.
func readReport(dir string) (*Report, error) {
	path := filepath.Join(dir, ReportName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var r Report
	if err == nil {
		err = strict.Decode(text, &r)
	}
	if err != nil {
		return nil, exit.Errorf(exit.Store, "remove the file if \"kvshard check\" and the size are right without it", "%s: %w", path, err)
	}
	return &r, nil
}

// lost tells what of the report the tree does not have, "" if it has all. A
// tree may have more: a command may end before it has told.
func (r Report) lost(now Report) string {
	switch {
	case now.Size < r.Size:
		return fmt.Sprintf("%d leaves were reported, and %d are there: the leaves from position %d on are lost", r.Size, now.Size, now.Size)
	case now.Size == r.Size && now.Root != r.Root:
		return fmt.Sprintf("the root of these %d leaves was reported as %s, and is %s", r.Size, r.Root, now.Root)
	case r.Newest != nil && (now.Newest == nil || *now.Newest < *r.Newest):
		return fmt.Sprintf("checkpoint %d was reported, and is lost", *r.Newest)
	}
	return ""
}

// Lost tells what the last command reported and the tree does not have, "" if it
// has all, or if it is in a database alone, of which nothing was reported. A tree
// that cannot be read is left to what reads it.
func (s *Source) Lost() (what string, err error) {
	if s.Dir == "" {
		return "", nil
	}
	r, err := readReport(s.Dir)
	if r == nil || err != nil {
		return "", err
	}
	now, err := s.Report()
	if err != nil {
		return "", nil
	}
	return r.lost(now), nil
}

// nothingLost refuses a tree that has lost leaves or checkpoints which a
// command reported.
func (s *Source) nothingLost() error {
	what, err := s.Lost()
	if what == "" || err != nil {
		return err
	}
	return exit.Errorf(exit.Store,
		fmt.Sprintf("make a backup, then save what is left with \"kvshard export --salvage\", or remove %s to take the tree as it is", filepath.Join(s.Dir, ReportName)),
		"%s: %s", s.Where, what)
}
