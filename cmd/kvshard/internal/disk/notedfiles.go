package disk

import (
	"errors"
	"sync"

	"github.com/syndtr/goleveldb/leveldb/storage"
)

// notedFiles are the files of a goleveldb database that is written. They note that the
// disk was full, because goleveldb turns some errors into a text of its own.
type notedFiles struct {
	storage.Storage

	mutex sync.Mutex
	full  error
}

// note keeps the last error if it is that of a full disk.
func (n *notedFiles) note(err error) error {
	if IsFull(err) {
		n.mutex.Lock()
		n.full = err
		n.mutex.Unlock()
	}
	return err
}

// noted gives an error of goleveldb its lost cause back.
func (n *notedFiles) noted(err error) error {
	n.mutex.Lock()
	full := n.full
	n.mutex.Unlock()
	if err == nil || full == nil || errors.Is(err, full) || IsFull(err) {
		return err
	}
	return &engineError{err.Error(), full}
}

func (n *notedFiles) SetMeta(fd storage.FileDesc) error { return n.note(n.Storage.SetMeta(fd)) }

func (n *notedFiles) Create(fd storage.FileDesc) (storage.Writer, error) {
	w, err := n.Storage.Create(fd)
	if err != nil {
		return nil, n.note(err)
	}
	return &notedWriter{w, n}, nil
}

type notedWriter struct {
	storage.Writer
	files *notedFiles
}

func (w *notedWriter) Write(p []byte) (int, error) {
	written, err := w.Writer.Write(p)
	return written, w.files.note(err)
}

func (w *notedWriter) Sync() error  { return w.files.note(w.Writer.Sync()) }
func (w *notedWriter) Close() error { return w.files.note(w.Writer.Close()) }
