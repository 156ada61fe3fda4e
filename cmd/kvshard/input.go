package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode"
	"unicode/utf8"

	"github.com/kvshard/kvshard"
)

// An item of an input is a leaf, or the end of a block.
type item struct {
	leaf  kvshard.Node
	block *blockEnd
}

// A blockEnd asks for a checkpoint, and may say what the tree must be then.
type blockEnd struct {
	height uint32
	size   *uint64
	root   *kvshard.Node
}

// An input yields items until io.EOF. Errors say where in the input.
type input struct {
	next func() (item, error)
	// about how many leaves it has; -1 if that cannot be known
	total int64
	close func()
}

const formats = "auto, hex, json or raw"

// openInput opens a file, or standard input for "-" or "".
func (a *app) openInput(ctx context.Context, name, format string) (*input, error) {
	var r io.Reader
	size, closer := int64(-1), func() {}
	if name == "" || name == "-" {
		name, r = "standard input", interruptible(ctx, a.in)
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, coded(codeInput, "a file of commitments, or - for standard input", "%w", err)
		}
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		r, closer = file, func() { _ = file.Close() }
	}
	buffered := bufio.NewReaderSize(r, 1<<20)
	if format == "auto" {
		format = guess(name, buffered)
	}
	in := &input{total: -1, close: closer}
	per := int64(0)
	switch format {
	case "hex":
		in.next, per = hexItems(name, buffered), 65
	case "raw":
		in.next, per = rawItems(name, buffered), 32
	case "json":
		in.next = jsonItems(name, buffered)
	default:
		closer()
		return nil, usage("--format %q: it is %s", format, formats)
	}
	if size >= 0 && per > 0 {
		in.total = (size + per - 1) / per
	}
	return in, nil
}

// isText tells whether these are the first bytes of a text: no commitment in 32
// bytes is likely to be one.
func isText(head []byte) bool {
	for len(head) > 0 {
		c, n := utf8.DecodeRune(head)
		switch {
		case c == utf8.RuneError && n == 1:
			return len(head) < utf8.UTFMax && !utf8.FullRune(head) // cut off
		case unicode.IsControl(c) && c != '\t' && c != '\r' && c != '\n':
			return false
		}
		head = head[n:]
	}
	return true
}

// guess tells the format by the name's ending, and otherwise by the first
// bytes: 64 hex digits are no raw commitment that anyone will ever see.
func guess(name string, r *bufio.Reader) string {
	switch filepath.Ext(name) {
	case ".json", ".jsonl":
		return "json"
	case ".hex", ".txt":
		return "hex"
	case ".raw", ".bin":
		return "raw"
	}
	head, _ := r.Peek(64)
	if !isText(head) {
		return "raw"
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0, text[0] == '#':
		return "hex"
	case text[0] == '{', text[0] == '[' && (len(text) == 1 || bytes.IndexByte([]byte("\" \t\r\n]{"), text[1]) >= 0):
		return "json"
	}
	for _, c := range text {
		if !bytes.ContainsRune([]byte("0123456789abcdefABCDEF\r\n"), rune(c)) {
			return "raw"
		}
	}
	return "hex"
}

func badInput(format string, args ...any) error {
	return coded(codeInput, "a commitment is 64 hex digits a line, 32 raw bytes, or JSON; see \"kvshard append --help\"", format, args...)
}

func hexItems(name string, r *bufio.Reader) func() (item, error) {
	line := 0
	return func() (item, error) {
		for {
			text, err := r.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				return item{}, badInput("%s, line %d: too long", name, line+1)
			}
			if err != nil && !(errors.Is(err, io.EOF) && len(text) > 0) {
				return item{}, err
			}
			line++
			text = bytes.TrimSpace(text)
			if len(text) == 0 || text[0] == '#' {
				continue
			}
			leaf, err := kvshard.ParseNode(string(text))
			if err != nil {
				return item{}, badInput("%s, line %d: %w", name, line, err)
			}
			return item{leaf: leaf}, nil
		}
	}
}

func rawItems(name string, r *bufio.Reader) func() (item, error) {
	count := 0
	return func() (item, error) {
		var leaf kvshard.Node
		n, err := io.ReadFull(r, leaf[:])
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return item{}, badInput("%s: commitment %d has %d bytes, want 32", name, count, n)
		}
		if err != nil {
			return item{}, err
		}
		count++
		return item{leaf: leaf}, nil
	}
}

// jsonBlock is what a JSON input may hold: blocks, in an array "blocks" or one
// after the other, or commitments alone.
type jsonBlock struct {
	Height      *uint32        `json:"height"`
	Commitments []kvshard.Node `json:"commitments"`
	Size        *uint64        `json:"size_after"`
	Root        *kvshard.Node  `json:"root_after"`
	Blocks      []jsonBlock    `json:"blocks"`
}

func (b jsonBlock) items(queue []item) []item {
	for _, leaf := range b.Commitments {
		queue = append(queue, item{leaf: leaf})
	}
	if b.Height != nil {
		queue = append(queue, item{block: &blockEnd{*b.Height, b.Size, b.Root}})
	}
	for _, inner := range b.Blocks {
		queue = inner.items(queue)
	}
	return queue
}

func jsonItems(name string, r *bufio.Reader) func() (item, error) {
	decoder := json.NewDecoder(r)
	var queue []item
	array := false
	wrong := func(err error) error {
		if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) {
			return err
		}
		return badInput("%s, byte %d: %w", name, decoder.InputOffset(), err)
	}
	fill := func() error {
		if array && !decoder.More() {
			array = false
			_, err := decoder.Token()
			return wrong(err)
		}
		var value json.RawMessage
		if !array {
			if head, err := firstByte(decoder, r); err == nil && head == '[' {
				array = true
				_, err := decoder.Token()
				return wrong(err)
			}
		}
		if err := decoder.Decode(&value); err != nil {
			return wrong(err)
		}
		if value[0] == '"' {
			var leaf kvshard.Node
			if err := json.Unmarshal(value, &leaf); err != nil {
				return wrong(err)
			}
			queue = append(queue, item{leaf: leaf})
			return nil
		}
		var block jsonBlock
		if err := json.Unmarshal(value, &block); err != nil {
			return wrong(err)
		}
		queue = block.items(queue[:0])
		return nil
	}
	return func() (item, error) {
		for len(queue) == 0 {
			if err := fill(); err != nil {
				return item{}, err
			}
		}
		next := queue[0]
		queue = queue[1:]
		return next, nil
	}
}

// firstByte looks at the next byte of the input that is not white space.
func firstByte(decoder *json.Decoder, r *bufio.Reader) (byte, error) {
	isSpace := func(c byte) bool { return bytes.IndexByte([]byte(" \t\r\n"), c) >= 0 }
	var c [1]byte
	for buffered := decoder.Buffered(); ; {
		if _, err := buffered.Read(c[:]); err != nil {
			break
		}
		if !isSpace(c[0]) {
			return c[0], nil
		}
	}
	for n := 1; ; n++ {
		head, err := r.Peek(n)
		if err != nil {
			return 0, err
		}
		if !isSpace(head[n-1]) {
			return head[n-1], nil
		}
	}
}

// interruptible reads until the context is cancelled, even where a read waits.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
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

func parseNode(what, text string) (kvshard.Node, error) {
	node, err := kvshard.ParseNode(text)
	if err != nil {
		return node, fmt.Errorf("%s: %w", what, err)
	}
	return node, nil
}
