package input

import (
	"context"
	"io"
)

// Interruptible reads until the context is cancelled, even while a read waits.
func Interruptible(ctx context.Context, r io.Reader) io.Reader {
	type piece struct {
		data []byte
		err  error
	}
	pieces := make(chan piece)
	go func() {
		for {
			data := make([]byte, 1<<16)
			n, err := r.Read(data)
			select {
			case pieces <- piece{data[:n], err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	var rest []byte
	var failed error
	return readFunc(func(p []byte) (int, error) {
		for len(rest) == 0 {
			if failed != nil {
				return 0, failed
			}
			select {
			case next := <-pieces:
				rest, failed = next.data, next.err
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		n := copy(p, rest)
		rest = rest[n:]
		return n, nil
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
