package input

import (
	"bufio"
	"errors"
	"io"

	"github.com/kvshard/kvshard"
)

// rawItems reads 32 bytes for each commitment.
func rawItems(name string, r *bufio.Reader) items {
	count := 0
	return func() (Item, error) {
		var raw [32]byte
		n, err := io.ReadFull(r, raw[:])
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return Item{}, Bad("%s: commitment %d has %d bytes, want 32", name, count, n)
		}
		if err != nil {
			return Item{}, err
		}
		leaf, err := kvshard.NodeFromBytes(raw[:])
		if err != nil {
			return Item{}, Bad("%s: commitment %d of the input: %w", name, count, err)
		}
		count++
		return Item{Leaf: leaf}, nil
	}
}
