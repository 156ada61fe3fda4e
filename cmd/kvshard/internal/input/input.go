// Package input reads what a user gives: commitments and blocks in several
// formats, witnesses, and the tree states of Zcash nodes.
package input

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// An Item of an input is a leaf, or the end of a block.
type Item struct {
	Leaf  kvshard.Node
	Block *Block
}

// A Block asks for a checkpoint, and may say what the tree must be then.
type Block struct {
	Height uint32
	Size   *uint64
	Root   *kvshard.Node
}

// items yields the next one, and io.EOF after the last. Its errors say where in
// the input.
type items func() (Item, error)

// An Input is a source of leaves and blocks.
type Input struct {
	Next  items
	Total int64 // leaves; -1 if that is not known
	Close func()
}

// Formats are the names of those that [Open] reads.
var Formats = []string{"auto", "hex", "json", "raw"}

// Open opens a file, or standard input for "-", in one of the formats. If the input can
// be read twice, it is first read to its end, so a file with a fault anywhere yields
// nothing. Otherwise a batch is read ahead.
func Open(ctx context.Context, stdin io.Reader, name, format string) (*Input, error) {
	in := &Input{Total: -1, Close: func() {}}
	var r io.Reader
	if name == "-" {
		name, r = "standard input", stdin
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, exit.Errorf(exit.Input, "name a file of commitments, or - for standard input", "%w", err)
		}
		r, in.Close = file, func() { _ = file.Close() }
	}
	err := in.open(ctx, r, name, format)
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *Input) open(ctx context.Context, r io.Reader, name, format string) error {
	file, start, again := regular(r)
	if !again {
		next, err := itemsOf(Interruptible(ctx, r), name, format)
		in.Next = ahead(next, source.BatchLeaves)
		return err
	}
	next, err := itemsOf(file, name, format)
	if err != nil {
		return err
	}
	if in.Total, err = countLeaves(ctx, next); err != nil {
		return err
	}
	if _, err := file.Seek(start, io.SeekStart); err != nil {
		return exit.Errorf(exit.Input, "", "%w", err)
	}
	in.Next, err = itemsOf(file, name, format)
	return err
}

// regular tells whether the reader is a file that can be read again from here.
func regular(r io.Reader) (file *os.File, start int64, ok bool) {
	file, ok = r.(*os.File)
	if !ok {
		return nil, 0, false
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, 0, false
	}
	start, err := file.Seek(0, io.SeekCurrent)
	return file, start, err == nil
}

// countLeaves reads an input to its end.
func countLeaves(ctx context.Context, next items) (leaves int64, err error) {
	for n := 0; ; n++ {
		switch found, err := next(); {
		case errors.Is(err, io.EOF):
			return leaves, nil
		case err != nil:
			return 0, err
		case found.Block == nil:
			leaves++
		}
		if n%source.BatchLeaves == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
}

// ahead yields an item only after the next n items, or all that are left, were read
// without an error.
func ahead(next items, n int) items {
	var queue []Item
	var ended error
	return func() (Item, error) {
		if len(queue) == 0 && ended == nil {
			queue = make([]Item, 0, n)
			for len(queue) < n && ended == nil {
				found, err := next()
				switch {
				case errors.Is(err, io.EOF):
					ended = err
				case err != nil:
					return Item{}, err
				default:
					queue = append(queue, found)
				}
			}
		}
		if len(queue) == 0 {
			return Item{}, ended
		}
		found := queue[0]
		queue = queue[1:]
		return found, nil
	}
}

// itemsOf reads the format, or that which the input seems to have.
func itemsOf(r io.Reader, name, format string) (items, error) {
	buffered := bufio.NewReaderSize(r, 1<<20)
	if format == "auto" {
		format = guess(name, buffered)
	}
	if format == "raw" {
		return rawItems(name, buffered), nil
	}
	if head, _ := buffered.Peek(headBytes); isWide(head) {
		return nil, wideError(name)
	} else if bytes.HasPrefix(head, byteOrderMark) {
		_, _ = buffered.Discard(len(byteOrderMark))
	}
	if format == "json" {
		return jsonItems(name, buffered), nil
	}
	return hexItems(name, buffered), nil
}

// headBytes of an input tell what it is.
const headBytes = 4096

// guess tells the format from the ending of the name, or else from the first bytes.
// Input that can be text is never taken for raw commitments. In doubt it is read as
// hex, whose errors name the line.
func guess(name string, r *bufio.Reader) string {
	head, _ := r.Peek(headBytes)
	switch filepath.Ext(name) {
	case ".json", ".jsonl":
		return "json"
	case ".hex", ".txt":
		return "hex"
	case ".raw", ".bin":
		if !isText(head) {
			return "raw"
		}
	}
	if isBinary(head) && !isWide(head) {
		return "raw"
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, byteOrderMark), " \t\r\n")
	if len(text) > 0 && bytes.IndexByte([]byte("{[\""), text[0]) >= 0 {
		return "json"
	}
	return "hex"
}

// Bad returns an error of a malformed input.
func Bad(format string, args ...any) error {
	return exit.Errorf(exit.Input, "read the formats in \"kvshard append --help\"", format, args...)
}
