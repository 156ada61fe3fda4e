package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// The system's error numbers, as winerror.h has them.
const (
	errSharing    = syscall.Errno(32)
	errLock       = syscall.Errno(33)
	errHandleFull = syscall.Errno(39)
	errDiskFull   = syscall.Errno(112)
)

// lockToWrite opens the file so that nobody else can.
func lockToWrite(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// removeLocked closes first: an open file cannot be removed here.
func removeLocked(path string, file *os.File) error {
	return errors.Join(file.Close(), os.Remove(path))
}

// lockToRead holds the database's lock file open, which its writers do not share.
func lockToRead(path string) (io.Closer, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return io.NopCloser(nil), nil
	}
	return file, err
}

func lockedElsewhere(err error) bool { return errors.Is(err, errSharing) || errors.Is(err, errLock) }

// IsFull tells whether an error is that of a disk without space.
func IsFull(err error) bool { return errors.Is(err, errDiskFull) || errors.Is(err, errHandleFull) }

// SyncDir does nothing: directories cannot be synced here.
func SyncDir(string) error { return nil }
