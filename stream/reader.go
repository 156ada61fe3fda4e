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
	"github.com/kvshard/kvshard/internal/strict"
)

// A Reader reads what a [Writer] wrote. It trusts no length: it never holds more than
// it has read, and the size of a record is bounded.
type Reader struct {
	// Header describes the tree that must come out.
	Header Header
	// Digest is the header's SHA-256, which tells streams apart.
	Digest [32]byte

	r      *bufio.Reader
	sum    hash.Hash
	limits limits
	before []byte // key of the record before
	count  uint64 // records so far
}

// NewReader reads the header of a stream.
//
// Errors: [ErrMalformed] if it is not a stream; [ErrCut] if it ends within the
// header; an error of r comes back as it is.
func NewReader(r io.Reader) (*Reader, error) {
	s := &Reader{r: bufio.NewReaderSize(r, 1<<20), sum: sha256.New()}
	head, err := s.take(len(Magic) + 1)
	if err != nil {
		return nil, err
	}
	if string(head[:len(Magic)]) != Magic {
		return nil, malformed("it does not begin with %s", Magic)
	}
	if head[len(Magic)] != version {
		return nil, malformed("version %d is unknown to this kvshard", head[len(Magic)])
	}
	text, err := s.sized(maxHeader)
	if err != nil {
		return nil, err
	}
	if err := strict.Decode(text, &s.Header); err != nil {
		return nil, &Error{Kind: ErrMalformed, What: "its header", Err: err}
	}
	if err := s.Header.check(); err != nil {
		return nil, err
	}
	s.Digest = sha256.Sum256(text)
	return s, nil
}

func (s *Reader) take(n int) ([]byte, error) {
	// By what is there, not by what a length claims.
	var b bytes.Buffer
	if _, err := io.CopyN(&b, s.r, int64(n)); err != nil {
		return nil, cut(err)
	}
	_, _ = s.sum.Write(b.Bytes())
	return b.Bytes(), nil
}

func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrCut
	}
	return err
}

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
		return nil, malformed("a length of %d, want at most %d", n, limit)
	}
	return s.take(int(n))
}

// A Piece is one of a record, leaves and a checkpoint. Its slices are the caller's.
type Piece struct {
	Record     *kvshard.Record
	Leaves     []kvshard.Node
	Checkpoint *uint32
}

// Next returns the next piece, and [io.EOF] after the last one if everything is there
// and the sum is right. Only then is the stream what was written.
//
// A record has a name and a value, and its key is behind that of the record before.
// Next does not check that leaves are canonical: AppendBatch does.
//
// Errors: [ErrMalformed] or [ErrCut] for anything else; an error of the underlying
// reader comes back as it is.
func (s *Reader) Next() (p Piece, err error) {
	kind, err := s.r.ReadByte()
	if err != nil {
		return p, cut(err)
	}
	if kind == pieceEnd {
		return p, s.finish()
	}
	_, _ = s.sum.Write([]byte{kind})
	records := s.Header.Form == FormRecords
	switch {
	case kind == pieceRecord && records:
		p.Record, err = s.record()
	case kind == pieceLeaves && !records:
		p.Leaves, err = s.leaves()
	case kind == pieceCheckpoint && !records:
		var id uint32
		id, err = s.u32()
		p.Checkpoint = &id
	default:
		err = malformed("a piece of kind %d in a stream of %s", kind, s.Header.Form)
	}
	if err != nil {
		return Piece{}, err
	}
	return p, nil
}

func (s *Reader) record() (*kvshard.Record, error) {
	key, err := s.sized(maxKey)
	if err != nil {
		return nil, err
	}
	r := &kvshard.Record{Key: key}
	name := r.Name()
	if name == (kvshard.RecordName{}) {
		return nil, malformed("%x is no key of a tree", key)
	}
	if bytes.Compare(s.before, key) >= 0 {
		return nil, malformed("%s is not behind the record before it", name)
	}
	if r.Value, err = s.sized(uint32(s.limits.next(name))); err != nil {
		return nil, err
	}
	if len(r.Value) == 0 {
		return nil, malformed("%s is empty", name)
	}
	s.limits.add(name, len(r.Value))
	s.before = bytes.Clone(key)
	s.count++
	return r, nil
}

func (s *Reader) leaves() ([]kvshard.Node, error) {
	n, err := s.u32()
	if err != nil {
		return nil, err
	}
	if n == 0 || n > MaxLeaves {
		return nil, malformed("%d leaves at once, want 1 to %d", n, MaxLeaves)
	}
	raw, err := s.take(len(kvshard.Node{}) * int(n))
	if err != nil {
		return nil, err
	}
	leaves := make([]kvshard.Node, n)
	for i := range leaves {
		copy(leaves[i][:], raw[len(leaves[i])*i:])
	}
	return leaves, nil
}

func (s *Reader) finish() error {
	want := s.sum.Sum(nil)
	got, err := s.take(len(want))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return malformed("its SHA-256 is %x, and it says %x: it was damaged", want, got)
	}
	if _, err := s.r.ReadByte(); err == nil {
		return malformed("there are bytes behind its end")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the stream: %w", err)
	}
	if s.count != s.Header.Records {
		return malformed("it has %d records, and its header says %d", s.count, s.Header.Records)
	}
	return io.EOF
}
