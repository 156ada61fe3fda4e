package input

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// hexItems reads 64 hex digits a line. It leaves out empty lines and lines that begin
// with #.
func hexItems(name string, r *bufio.Reader) items {
	line := 0
	return func() (Item, error) {
		for {
			text, err := r.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				return Item{}, Bad("%s, line %d: longer than %d bytes", name, line+1, len(text))
			}
			if err != nil && !(errors.Is(err, io.EOF) && len(text) > 0) {
				return Item{}, err
			}
			line++
			text = bytes.TrimSpace(text)
			if len(text) == 0 || text[0] == '#' {
				continue
			}
			leaf, err := hexLeaf(text)
			if err != nil {
				return Item{}, exit.Errorf(exit.Input, "give 64 hex digits a line; or --format raw, if these are commitments of 32 bytes",
					"%s, line %d, %q: %w", name, line, shown(text), err)
			}
			return Item{Leaf: leaf}, nil
		}
	}
}

func hexLeaf(text []byte) (kvshard.Node, error) {
	if bytes.HasPrefix(bytes.ToLower(text[:min(len(text), 2)]), []byte("0x")) {
		// This is a number, which has the most significant digit first.
		return kvshard.Node{}, errors.New("0x in front; want the 64 hex digits alone, the least significant byte first")
	}
	return kvshard.ParseNode(string(text))
}
