//go:build unix

package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

func lockToWrite(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, file.Close())
	}
	return file, nil
}

// removeLocked removes the file before it frees the lock, so nobody locks a file that
// is about to go.
func removeLocked(path string, file *os.File) error {
	return errors.Join(os.Remove(path), file.Close())
}

// lockToRead holds a database's lock against writers. It makes no file, because a
// database without a lock file has no writer, and needs no right to write. goleveldb
// locks with flock, pebble with fcntl.
func lockToRead(path string) (io.Closer, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(nil), nil
	}
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		whole := syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart}
		err = syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &whole)
	}
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, file.Close())
	}
	return file, nil
}

func lockedElsewhere(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EWOULDBLOCK)
}

// IsFull tells whether an error says that a disk or a quota is full.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// SyncDir makes a rename in a directory durable.
func SyncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = file.Sync()
	if errors.Is(err, syscall.EINVAL) { // a file system that cannot
		err = nil
	}
	return errors.Join(err, file.Close())
}
