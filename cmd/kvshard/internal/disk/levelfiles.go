package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/syndtr/goleveldb/leveldb/storage"
)

// levelFiles are the files of the goleveldb database at a path, to read.
// goleveldb's own storage makes a lock file if there is none, even when it only
// reads.
type levelFiles struct {
	path string
	lost bool // a journal was damaged, and what came after it does not count
}

// GetMeta returns the manifest in use. CURRENT.bak is the earlier one, which goleveldb
// keeps in case of a crash in between.
func (f *levelFiles) GetMeta() (storage.FileDesc, error) {
	for _, name := range []string{"CURRENT", "CURRENT.bak"} {
		text, err := os.ReadFile(filepath.Join(f.path, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return storage.FileDesc{}, err
		}
		named := strings.TrimSpace(string(text))
		if fd, is := levelFile(named); is && fd.Type == storage.TypeManifest {
			if _, err := os.Stat(filepath.Join(f.path, named)); err == nil {
				return fd, nil
			}
		}
		return storage.FileDesc{}, &storage.ErrCorrupted{Err: fmt.Errorf("%s names %q, which is no manifest", name, named)}
	}
	return storage.FileDesc{}, os.ErrNotExist
}

// List returns the files of some types.
func (f *levelFiles) List(types storage.FileType) (list []storage.FileDesc, err error) {
	entries, err := os.ReadDir(f.path)
	for _, e := range entries {
		if fd, is := levelFile(e.Name()); is && fd.Type&types != 0 {
			list = append(list, fd)
		}
	}
	return list, err
}

// Open opens a file. Tables have had two endings.
//
// A damaged journal ends at the damage, and later ones are empty. goleveldb itself
// would drop a block and go on behind it, and so show a state that never existed.
func (f *levelFiles) Open(fd storage.FileDesc) (storage.Reader, error) {
	if fd.Type == storage.TypeJournal {
		data, err := os.ReadFile(filepath.Join(f.path, fd.String()))
		if err != nil {
			return nil, err
		}
		at, damaged := damage(data, nil)
		switch {
		case f.lost:
			data = nil
		case damaged:
			data, f.lost = data[:at], true
		}
		return readBytes{bytes.NewReader(data)}, nil
	}
	file, err := os.Open(filepath.Join(f.path, fd.String()))
	if errors.Is(err, fs.ErrNotExist) && fd.Type == storage.TypeTable {
		return os.Open(filepath.Join(f.path, fmt.Sprintf("%06d.sst", fd.Num)))
	}
	return file, err
}

type readBytes struct{ *bytes.Reader }

func (readBytes) Close() error { return nil }

var levelTypes = map[string]storage.FileType{
	".log": storage.TypeJournal, ".ldb": storage.TypeTable, ".sst": storage.TypeTable, ".tmp": storage.TypeTemp,
}

// levelFile tells what a file's name stands for.
func levelFile(name string) (storage.FileDesc, bool) {
	kind, number := storage.TypeManifest, ""
	if text, is := strings.CutPrefix(name, "MANIFEST-"); is {
		number = text
	} else {
		ending := filepath.Ext(name)
		kind, number = levelTypes[ending], strings.TrimSuffix(name, ending)
	}
	n, err := strconv.ParseInt(number, 10, 64)
	return storage.FileDesc{Type: kind, Num: n}, err == nil && kind != 0
}
