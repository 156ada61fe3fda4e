package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file is replaced as a whole: a failure leaves the one that was there, links
// and rights stay, and what is no regular file is written to.
func TestReplaceFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "file", "old")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	own := errors.New("own")
	err := replaceFile(link, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 1<<20))
		return errors.Join(err, own)
	})
	if !errors.Is(err, own) || read(t, dir, "file") != "old" {
		t.Errorf("%v: %q", err, read(t, dir, "file"))
	}
	if err := replaceText(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o600 || read(t, dir, "file") != "new" {
		t.Errorf("%v %v %q", err, info.Mode(), read(t, dir, "file"))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v: the link is gone", err)
	}
	if err := replaceText(os.DevNull, []byte("new")); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(os.DevNull); err != nil || info.Mode()&os.ModeDevice == 0 {
		t.Errorf("%v %v", err, info.Mode())
	}
	if err := replaceText(filepath.Join(dir, "no", "file"), nil); err == nil {
		t.Error("a directory that is not there")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v %v", err, entries)
	}
}

// Every command that writes a file does it so: what it cannot finish is not seen.
func TestOutputsReplaceFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, raw(leaves(50)), "append", "--checkpoint", "1")
	for _, args := range [][]string{
		{"export", "out"}, {"export", "--form", "leaves", "out"}, {"view", "out"},
		{"witness", "3", "--file", "out"}, {"witness", "3", "--binary", "--file", "out"},
	} {
		write(t, dir, "out", "old")
		before, err := os.Stat(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		ok(t, dir, "", args...)
		after, err := os.Stat(filepath.Join(dir, "out"))
		if err != nil || os.SameFile(before, after) || after.Size() < 100 {
			t.Errorf("%v wrote into the file that was there, %v", args, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "out.*")); len(left) > 0 {
			t.Error(left)
		}
	}
}
