package stream

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/strict"
)

// A Reader reads what a [Writer] wrote. It trusts no length.
type Reader struct {
	r      *bufio.Reader
	sum    hash.Hash
	limits Limits
	Header Header
	Digest [32]byte // of the header
}

// Bad returns an error of a stream that is none, or not whole.
func Bad(format string, args ...any) error {
	return exit.Errorf(exit.Input, "give a whole stream of \"kvshard export\"", "the stream: "+format+"; nothing was imported", args...)
}

// NewReader reads the header of a stream.
func NewReader(r io.Reader) (*Reader, error) {
	s := &Reader{r: bufio.NewReaderSize(r, 1<<20), sum: sha256.New()}
	head, err := s.take(len(Magic) + 1)
	if err != nil {
		return nil, err
	}
	if string(head[:len(Magic)]) != Magic {
		return nil, Bad("it does not begin with %s", Magic)
	}
	if head[len(Magic)] != version {
		return nil, Bad("version %d is unknown to this kvshard", head[len(Magic)])
	}
	text, err := s.sized(maxHeader)
	if err != nil {
		return nil, err
	}
	if err := strict.Decode(text, &s.Header); err != nil {
		return nil, Bad("its header: %w", err)
	}
	if f := s.Header.Form; f != "records" && f != "leaves" {
		return nil, Bad("form %q is unknown to this kvshard", f)
	}
	s.Digest = sha256.Sum256(text)
	return s, nil
}

func (s *Reader) take(n int) ([]byte, error) {
	// By what is there, not by what a length claims.
	var b bytes.Buffer
	if _, err := io.CopyN(&b, s.r, int64(n)); err != nil {
		return nil, streamCut(err)
	}
	_, _ = s.sum.Write(b.Bytes())
	return b.Bytes(), nil
}

func streamCut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return exit.Errorf(exit.Input, "give the same command with the whole stream", "%w", ErrCut)
	}
	return err
}

// ErrCut is returned for a stream that is cut off: what there was of the stream may be right.
var ErrCut = errors.New("the stream ends too early")

func (s *Reader) u32() (uint32, error) {
	raw, err := s.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(raw), nil
}

func (s *Reader) sized(limit uint32) ([]byte, error) {
	n, err := s.u32()
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, Bad("a length of %d, want at most %d", n, limit)
	}
	return s.take(int(n))
}

// A Piece is one of a record, leaves and a checkpoint.
type Piece struct {
	Record     *record.Record
	Leaves     []kvshard.Node
	Checkpoint *uint32
}

// Next returns the next piece; io.EOF after the last, if the sum is right.
func (s *Reader) Next() (p Piece, err error) {
	kind, err := s.r.ReadByte()
	if err != nil {
		return p, streamCut(err)
	}
	if kind == pieceEnd {
		return p, s.finish()
	}
	_, _ = s.sum.Write([]byte{kind})
	records := s.Header.Form == "records"
	switch {
	case kind == pieceRecord && records:
		r := &record.Record{}
		if r.Key, err = s.sized(64); err != nil {
			return p, err
		}
		if record.Name(r.Key) == "" {
			return p, Bad("%x is no key of a tree", r.Key)
		}
		if r.Value, err = s.sized(uint32(s.limits.Next(r.Key))); err != nil {
			return p, err
		}
		if len(r.Value) == 0 {
			return p, Bad("%s is empty", record.Name(r.Key))
		}
		s.limits.Add(*r)
		p.Record = r
	case kind == pieceLeaves && !records:
		n, err := s.u32()
		if err != nil {
			return p, err
		}
		if n == 0 || n > maxLeaves {
			return p, Bad("%d leaves at once, want 1 to %d", n, maxLeaves)
		}
		raw, err := s.take(32 * int(n))
		if err != nil {
			return p, err
		}
		p.Leaves = make([]kvshard.Node, n)
		for i := range p.Leaves {
			copy(p.Leaves[i][:], raw[32*i:])
		}
	case kind == pieceCheckpoint && !records:
		id, err := s.u32()
		if err != nil {
			return p, err
		}
		p.Checkpoint = &id
	default:
		return p, Bad("a piece of kind %d in a stream of %s", kind, s.Header.Form)
	}
	return p, nil
}

func (s *Reader) finish() error {
	want := s.sum.Sum(nil)
	got, err := s.take(len(want))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return Bad("its SHA-256 is %x, and it says %x: it was damaged", want, got)
	}
	if _, err := s.r.ReadByte(); err == nil {
		return Bad("there are bytes behind its end")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the stream: %w", err)
	}
	return io.EOF
}
