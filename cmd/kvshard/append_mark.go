package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/internal/strict"
)

// markName is a file beside a tree, from an append's first batch to its end. If it
// is there later, that append was interrupted, and the same command would append
// leaves again that are already in the tree.
const markName = "append.json"

type appendMark struct {
	Start  uint64 `json:"start"` // position of the input's first leaf
	Input  string `json:"input"`
	Format string `json:"format,omitempty"` // if it was told
}

func readMark(dir string) (*appendMark, error) {
	path := filepath.Join(dir, markName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var mark appendMark
	if err := strict.Decode(text, &mark); err != nil {
		return nil, exit.Errorf(exit.Store, "look how far the last append came, then remove the file", "%s: %w", path, err)
	}
	return &mark, nil
}

func writeMark(dir string, mark appendMark) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	return source.WriteBeside(dir, markName, append(text, '\n'))
}

// appendCommand returns the command that goes on with an append, ready for a shell.
func appendCommand(dir string, mark appendMark, last *uint32) string {
	text := fmt.Sprintf("kvshard append --dir %s --start %d %s", quotedFile(dir), mark.Start, quotedFile(mark.Input))
	if mark.Format != "" {
		text += " --format " + mark.Format
	}
	if last != nil {
		text += fmt.Sprintf(" --checkpoint %d", *last)
	}
	return text
}
