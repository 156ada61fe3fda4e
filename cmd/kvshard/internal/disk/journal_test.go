package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// journalOf makes a database of many small synced writes and returns its path
// and that of its journal.
func journalOf(t *testing.T, backend string) (path, journal string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "test.db")
	db, err := Open(path, backend)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		if err := db.SetSync(fmt.Appendf(nil, "key %d", i), bytes.Repeat([]byte{byte(i)}, 400)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(path, "*.log"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return path, found[0]
}

// A journal that a crash tore is not damaged, wherever it was torn; one with a
// flipped bit and records behind it is.
func TestTornIsNotDamaged(t *testing.T) {
	for _, backend := range []string{GoLevelDB, Pebble} {
		path, journal := journalOf(t, backend)
		whole, err := os.ReadFile(journal)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) < 3*journalBlock {
			t.Fatalf("%s: only %d bytes", backend, len(whole))
		}
		look := func(data []byte) error {
			t.Helper()
			if err := os.WriteFile(journal, data, 0o644); err != nil {
				t.Fatal(err)
			}
			return Undamaged(path)
		}
		if err := look(whole); err != nil {
			t.Errorf("%s: %v", backend, err)
		}
		for cut := range 200 {
			cut := len(whole) * cut / 200
			if err := look(whole[:cut]); err != nil {
				t.Errorf("%s, cut at %d: %v", backend, cut, err)
			}
			// A file system may have made the file longer before it had the bytes.
			if err := look(append(bytes.Clone(whole[:cut]), make([]byte, 9000)...)); err != nil {
				t.Errorf("%s, zero from %d on: %v", backend, cut, err)
			}
		}
		seen := 0
		for i := range 200 {
			at := (len(whole) - 1000) * i / 200
			flipped := bytes.Clone(whole)
			flipped[at] ^= 1 << (i % 8)
			switch err := look(flipped); {
			case errors.Is(err, ErrDamaged):
				seen++
			case err != nil:
				t.Errorf("%s, byte %d: %v", backend, at, err)
			case !padding(whole, at):
				t.Errorf("%s, byte %d: not seen", backend, at)
			}
		}
		if seen < 190 {
			t.Errorf("%s: %d of 200 seen", backend, seen)
		}
	}
}

// padding tells whether a byte is one of those at a block's end that no chunk has.
func padding(data []byte, at int) bool {
	end := min((at/journalBlock+1)*journalBlock, len(data))
	return end-at < recyclableHeader && len(bytes.Trim(data[at:end], "\x00")) == 0
}

// A lock is one's own until it is released, and is gone then.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(path); !errors.Is(err, ErrInUse) {
		t.Errorf("%v, want ErrInUse", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is left")
	}
	second, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Release(); err != nil {
		t.Fatal(err)
	}
}
