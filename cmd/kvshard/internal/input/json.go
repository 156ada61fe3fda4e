package input

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/strict"
)

// A jsonBlock has these fields and no others. A node's own block has fields that look
// like them, but no commitments.
type jsonBlock struct {
	Height      *uint32        `json:"height,omitempty"`
	Commitments []kvshard.Node `json:"commitments"`
	Size        *uint64        `json:"size_after,omitempty"`
	Root        *kvshard.Node  `json:"root_after,omitempty"`
}

// jsonBlocks is a document of blocks, which may say where they are from.
type jsonBlocks struct {
	Network string      `json:"network,omitempty"`
	Source  string      `json:"source,omitempty"`
	Blocks  []jsonBlock `json:"blocks"`
}

func (b jsonBlock) items(queue []Item) ([]Item, error) {
	if b.Height == nil && (b.Size != nil || b.Root != nil) {
		return queue, errors.New("a block with size_after or root_after needs its height")
	}
	if b.Height != nil && *b.Height == math.MaxUint32 {
		return queue, fmt.Errorf("no checkpoint could follow height %d", *b.Height)
	}
	for _, leaf := range b.Commitments {
		queue = append(queue, Item{Leaf: leaf})
	}
	if b.Height != nil {
		queue = append(queue, Item{Block: &Block{*b.Height, b.Size, b.Root}})
	}
	return queue, nil
}

// A jsonInput is commitments or blocks, in one array or one after the other, or
// one document of blocks.
type jsonInput struct {
	name    string
	lines   *lineCounter
	decoder *json.Decoder

	begun, array, document bool
	kind                   byte // the first byte of each value: " a commitment, { a block
}

func jsonItems(name string, r *bufio.Reader) items {
	lines := &lineCounter{r: r}
	j := &jsonInput{name: name, lines: lines, decoder: json.NewDecoder(lines)}
	var queue []Item
	return func() (Item, error) {
		for len(queue) == 0 {
			var err error
			if queue, err = j.value(queue[:0]); err != nil {
				return Item{}, err
			}
		}
		found := queue[0]
		queue = queue[1:]
		return found, nil
	}
}

// value reads the next value into the queue; io.EOF at the end.
func (j *jsonInput) value(queue []Item) ([]Item, error) {
	if !j.begun {
		j.begun = true
		if first, err := j.peek(); err != nil {
			return nil, err
		} else if first == '[' {
			j.array = true
			if _, err := j.decoder.Token(); err != nil {
				return nil, j.syntax(err)
			}
		}
	}
	if j.array && !j.decoder.More() {
		return nil, j.endArray()
	}
	first := j.kind == 0 && !j.array
	var raw json.RawMessage
	if err := j.decoder.Decode(&raw); err != nil {
		if !j.array && errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, j.syntax(err)
	}
	queue, err := j.take(queue, raw, first)
	if err != nil {
		return nil, j.wrong(j.decoder.InputOffset()-int64(len(raw)), err)
	}
	j.lines.forget(j.decoder.InputOffset())
	return queue, nil
}

// take makes items of a value. The first value may be a document, if it stands alone.
func (j *jsonInput) take(queue []Item, raw json.RawMessage, first bool) ([]Item, error) {
	switch {
	case j.document:
		return nil, errors.New("there is text after the document's end")
	case raw[0] != '"' && raw[0] != '{':
		return nil, errors.New(string(shown(raw)) + ", want a commitment of 64 hex digits, or a block")
	case j.kind != 0 && raw[0] != j.kind:
		return nil, errors.New("commitments and blocks in one input; want one of them")
	}
	j.kind = raw[0]
	if raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
		leaf, err := kvshard.ParseNode(text)
		return append(queue, Item{Leaf: leaf}), err
	}
	if first && isDocument(raw) {
		j.document = true
		return documentItems(raw)
	}
	var block jsonBlock
	if err := strict.Decode(raw, &block); err != nil {
		return nil, err
	}
	return block.items(queue)
}

func isDocument(raw json.RawMessage) bool {
	var document struct {
		_      strict.Others
		Blocks json.RawMessage `json:"blocks"`
	}
	return strict.Decode(raw, &document) == nil
}

func documentItems(raw json.RawMessage) (queue []Item, err error) {
	var document jsonBlocks
	if err := strict.Decode(raw, &document); err != nil {
		return nil, err
	}
	for _, block := range document.Blocks {
		if queue, err = block.items(queue); err != nil {
			return nil, err
		}
	}
	return queue, nil
}

// endArray makes sure that the text ends with the array.
func (j *jsonInput) endArray() error {
	if _, err := j.decoder.Token(); err != nil {
		return j.syntax(err)
	}
	_, err := j.decoder.Token()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return j.wrong(j.ahead(), errors.New("there is text after the array's end"))
}

// peek looks at the first byte that is no white space.
func (j *jsonInput) peek() (byte, error) {
	r := j.lines.r
	for n := 1; ; n++ {
		head, err := r.Peek(n)
		if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
			return 0, Bad("%s: there is no JSON in it", j.name)
		}
		if err != nil {
			return 0, err
		}
		if c := head[n-1]; bytes.IndexByte([]byte(" \t\r\n"), c) < 0 {
			return c, nil
		}
	}
}

// syntax returns an error about text that is not JSON.
func (j *jsonInput) syntax(err error) error {
	var malformed *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = strict.ErrCut
	case !errors.As(err, &malformed): // the reader's own, or interrupted
		return err
	}
	return j.wrong(j.ahead(), err)
}

// ahead is where the next value begins.
func (j *jsonInput) ahead() int64 {
	rest, _ := io.ReadAll(j.decoder.Buffered())
	return j.decoder.InputOffset() + int64(len(rest)-len(bytes.TrimLeft(rest, " \t\r\n,")))
}

// wrong returns an error with the place. Lines and bytes count from 1.
func (j *jsonInput) wrong(offset int64, err error) error {
	return Bad("%s, line %d, byte %d: %w", j.name, j.lines.at(offset), offset+1, err)
}

// A lineCounter knows in which line of what was read a byte is.
type lineCounter struct {
	r      *bufio.Reader
	offset int64
	past   int     // line ends that were forgotten
	ends   []int64 // offsets of the others
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.offset+int64(i))
		}
	}
	l.offset += int64(n)
	return n, err
}

// at returns the line of the byte at an offset, from 1.
func (l *lineCounter) at(offset int64) int {
	return 1 + l.past + sort.Search(len(l.ends), func(i int) bool { return l.ends[i] >= offset })
}

// forget drops what later offsets do not need.
func (l *lineCounter) forget(offset int64) {
	n := l.at(offset) - 1 - l.past
	l.past, l.ends = l.past+n, l.ends[n:]
}
