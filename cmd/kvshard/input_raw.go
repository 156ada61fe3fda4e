package main

import (
	"bufio"
	"errors"
	"io"

	"github.com/kvshard/kvshard"
)

// rawItems reads 32 bytes for each commitment.
func rawItems(name string, r *bufio.Reader) items {
	count := 0
	return func() (item, error) {
		var raw [32]byte
		n, err := io.ReadFull(r, raw[:])
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return item{}, badInput("%s: commitment %d has %d bytes, want 32", name, count, n)
		}
		if err != nil {
			return item{}, err
		}
		leaf, err := kvshard.NodeFromBytes(raw[:])
		if err != nil {
			return item{}, badInput("%s: commitment %d of the input: %w", name, count, err)
		}
		count++
		return item{leaf: leaf}, nil
	}
}
