package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Engine tells from the files which engine made the database at path: GoLevelDB or
// Pebble. It returns ErrMissing for a directory without a database, and ErrEngine for
// an engine that this package cannot read.
func Engine(path string) (string, error) {
	if err := checkName(path); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: %w", path, ErrMissing)
	}
	if err != nil {
		return "", err
	}
	var current, manifest, marker bool
	options := "" // pebble and RocksDB have such a file, and it names the engine
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "CURRENT":
			current = true
		case strings.HasPrefix(name, "MANIFEST-"):
			manifest = true
		case strings.HasPrefix(name, "marker."):
			marker = true
		case strings.HasPrefix(name, "OPTIONS-"):
			options = name
		}
	}
	if options != "" {
		text, err := os.ReadFile(filepath.Join(path, options))
		if err != nil {
			return "", err
		}
		if bytes.Contains(text, []byte("rocksdb_version")) && !bytes.Contains(text, []byte("pebble_version")) {
			return "", fmt.Errorf("%s: %w: a RocksDB database, and %s and %s can be read", path, ErrEngine, GoLevelDB, Pebble)
		}
	}
	switch {
	case manifest && (marker || options != ""):
		return Pebble, nil
	case manifest && current:
		return GoLevelDB, nil
	case len(entries) == 0:
		return "", fmt.Errorf("%s: %w: the directory is empty", path, ErrMissing)
	}
	return "", fmt.Errorf("%s: %w: there are files of neither %s nor %s", path, ErrMissing, GoLevelDB, Pebble)
}

// expect refuses a database that is not the backend's. An empty backend fits any.
func expect(path, backend string) error {
	found, err := Engine(path)
	if err != nil {
		return err
	}
	if backend != "" && found != backend {
		return fmt.Errorf("%s: %w: a %s database, and %s was asked for", path, ErrEngine, found, backend)
	}
	return nil
}
