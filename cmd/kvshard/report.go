package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/strict"
)

// reportName is a file beside a tree with what the last command that wrote left
// there. A database that lost its newest writes is whole and has fewer leaves:
// only what was told outside of it shows the loss.
const reportName = "reported.json"

// A report is the tree as a command left it.
type report struct {
	Size   uint64       `json:"size"`
	Root   kvshard.Node `json:"root"`
	Newest *uint32      `json:"newest_checkpoint,omitempty"`
}

// reportOf reads the tree also when the command is interrupted.
func reportOf(db dbm.DB, options []kvshard.Option) (r report, err error) {
	tree, err := kvshard.Open(db, options...)
	if err != nil {
		return r, err
	}
	if r.Size, err = tree.Size(); err != nil {
		return r, err
	}
	if r.Root, err = tree.Root(); err != nil {
		return r, err
	}
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return r, err
		}
		r.Newest = &checkpoint.ID
	}
	return r, nil
}

func writeReport(dir string, r report) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeBeside(dir, reportName, append(text, '\n'))
}

// readReport returns nil if there is none: nothing was written yet.
func readReport(dir string) (*report, error) {
	path := filepath.Join(dir, reportName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var r report
	if err == nil {
		err = strict.Decode(text, &r)
	}
	if err != nil {
		return nil, exit.Errorf(exit.Store, "remove the file, if \"kvshard check\" and the size are right without it", "%s: %w", path, err)
	}
	return &r, nil
}

// lost tells what of the report the tree does not have, "" if it has all. A
// tree may have more: a command may end before it has told.
func (r report) lost(now report) string {
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

// nothingLost refuses a tree that has lost leaves or checkpoints which a
// command reported. A tree that cannot be read is left to what reads it.
func (s *source) nothingLost(dir string) error {
	r, err := readReport(dir)
	if r == nil || err != nil {
		return err
	}
	now, err := reportOf(s.db, s.options)
	if err != nil {
		return nil
	}
	if what := r.lost(now); what != "" {
		return exit.Errorf(exit.Store,
			fmt.Sprintf("take a backup; \"kvshard export --salvage\" takes out what is left; without %s the tree is taken as it is", filepath.Join(dir, reportName)),
			"%s: %s", s.where, what)
	}
	return nil
}
