package disk

import (
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
// goleveldb's own storage makes a lock file where there is none, also when it
// only reads.
type levelFiles string

// GetMeta returns the manifest in use. CURRENT.bak is the one before, which
// goleveldb keeps for a crash in between.
func (f levelFiles) GetMeta() (storage.FileDesc, error) {
	for _, name := range []string{"CURRENT", "CURRENT.bak"} {
		text, err := os.ReadFile(filepath.Join(string(f), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return storage.FileDesc{}, err
		}
		named := strings.TrimSpace(string(text))
		if fd, is := levelFile(named); is && fd.Type == storage.TypeManifest {
			if _, err := os.Stat(filepath.Join(string(f), named)); err == nil {
				return fd, nil
			}
		}
		return storage.FileDesc{}, &storage.ErrCorrupted{Err: fmt.Errorf("%s names %q, which is no manifest", name, named)}
	}
	return storage.FileDesc{}, os.ErrNotExist
}

// List returns the files of some types.
func (f levelFiles) List(types storage.FileType) (list []storage.FileDesc, err error) {
	entries, err := os.ReadDir(string(f))
	for _, e := range entries {
		if fd, is := levelFile(e.Name()); is && fd.Type&types != 0 {
			list = append(list, fd)
		}
	}
	return list, err
}

// Open opens a file. Tables have had two endings.
func (f levelFiles) Open(fd storage.FileDesc) (storage.Reader, error) {
	file, err := os.Open(filepath.Join(string(f), fd.String()))
	if errors.Is(err, fs.ErrNotExist) && fd.Type == storage.TypeTable {
		return os.Open(filepath.Join(string(f), fmt.Sprintf("%06d.sst", fd.Num)))
	}
	return file, err
}

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
