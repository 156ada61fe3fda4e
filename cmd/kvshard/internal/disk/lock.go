package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A Lock is a file that one process at a time holds. The system frees it when the
// process ends, in whatever way.
type Lock struct {
	path string
	file *os.File
}

// Acquire makes the file at path and locks it. It does not wait: if another process
// has the lock, it returns ErrInUse.
func Acquire(path string) (*Lock, error) {
	for {
		file, err := lockToWrite(path)
		if err != nil {
			return nil, typed(path, err)
		}
		// The process that had the lock may have removed the file in between.
		held, err := file.Stat()
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		now, err := os.Stat(path)
		if err == nil && os.SameFile(held, now) {
			return &Lock{path, file}, nil
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// Release removes the file and frees the lock.
func (l *Lock) Release() error {
	err := removeLocked(l.path, l.file)
	if err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	return nil
}
