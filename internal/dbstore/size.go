package dbstore

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// BytesIn is the size of a file, or of all files in a directory. A database in it may
// be open: engines remove files in the background, and what goes while it counts does
// not count. If there is nothing at path, it returns fs.ErrNotExist.
func BytesIn(path string) (sum int64, err error) {
	err = filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				sum += info.Size()
			}
		}
		if name != path && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return sum, err
}
