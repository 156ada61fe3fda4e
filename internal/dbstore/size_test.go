package dbstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestBytesIn(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"a": 10, "b": 0, "deep/c": 100} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int64{"": 110, "a": 10, "deep": 100} {
		if got, err := BytesIn(filepath.Join(dir, name)); err != nil || got != want {
			t.Errorf("%q: %d bytes, %v; want %d", name, got, err, want)
		}
	}
	if _, err := BytesIn(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
}

// An engine removes files, and folders, while they are counted.
func TestBytesInWhileFilesGo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "stays"), make([]byte, 7), 0o644); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			folder := filepath.Join(dir, fmt.Sprint("goes", i%64))
			err := errors.Join(
				os.Mkdir(folder, 0o755),
				os.WriteFile(filepath.Join(folder, "log"), nil, 0o644),
				os.WriteFile(folder+".log", nil, 0o644),
				os.Remove(folder+".log"),
				os.RemoveAll(folder))
			if err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 500 {
		if got, err := BytesIn(dir); err != nil || got != 7 {
			t.Fatalf("%d bytes, %v; want 7", got, err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}
