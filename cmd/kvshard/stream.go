package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/strict"
)

// The stream of export and import:
//
//	"KVSHARDX"  version u8 = 1  length u32  header, JSON
//	pieces, each begun by a u8:
//	  1  a record: length u32, key without the prefix; length u32, value
//	  2  leaves:   count u32, 32 bytes each
//	  3  a checkpoint of the leaves so far: id u32
//	0  SHA-256 of all before this 0
//
// Numbers are little-endian. A stream of records has pieces 1 alone, in the
// order of the keys; a stream of leaves has pieces 2 and 3.
const (
	streamMagic   = "KVSHARDX"
	streamVersion = 1

	pieceEnd        = 0
	pieceRecord     = 1
	pieceLeaves     = 2
	pieceCheckpoint = 3

	maxHeader = 64 << 20
	maxLeaves = 1 << 20
)

// A streamHeader tells what must come out of an import.
type streamHeader struct {
	Form           string             `json:"form"` // "records" or "leaves"
	Size           uint64             `json:"size"`
	Root           kvshard.Node       `json:"root"`
	Records        uint64             `json:"records,omitempty"` // pieces 1
	Checkpoints    []checkpointRecord `json:"checkpoints"`
	MaxCheckpoints uint32             `json:"max_checkpoints"`
	Retention      string             `json:"retention"`
}

// recordLimits bound the values of a stream's records, and so the memory that an
// import takes: checkpoints alone are read all at once when the tree is checked,
// and they alone are long, with the marks that were removed as of each.
type recordLimits struct{ checkpoints int } // bytes so far

const (
	maxRecord      = 64 << 10
	maxCheckpoint  = 4 << 20
	maxCheckpoints = 64 << 20 // bytes of all
)

// next returns how long the value of the next record may be.
func (l *recordLimits) next(key []byte) int {
	if key[0] == record.Checkpoint {
		return min(maxCheckpoint, maxCheckpoints-l.checkpoints)
	}
	return maxRecord
}

func (l *recordLimits) add(r record.Record) {
	if r.Key[0] == record.Checkpoint {
		l.checkpoints += len(r.Value)
	}
}

type checkpointRecord struct {
	source.Checkpoint
	Root kvshard.Node `json:"root"`
}

type streamWriter struct {
	w   *bufio.Writer
	sum hash.Hash
}

func newStreamWriter(w io.Writer, h streamHeader) (*streamWriter, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	s := &streamWriter{bufio.NewWriterSize(w, 1<<20), sha256.New()}
	s.bytes([]byte(streamMagic), []byte{streamVersion})
	s.u32(len(text))
	s.bytes(text)
	return s, nil
}

// bytes writes; an error stays in the buffered writer until the end.
func (s *streamWriter) bytes(parts ...[]byte) {
	for _, part := range parts {
		_, _ = s.sum.Write(part)
		_, _ = s.w.Write(part)
	}
}

func (s *streamWriter) u32(n int) { s.bytes(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func (s *streamWriter) record(r record.Record) {
	s.bytes([]byte{pieceRecord})
	s.u32(len(r.Key))
	s.bytes(r.Key)
	s.u32(len(r.Value))
	s.bytes(r.Value)
}

func (s *streamWriter) leaves(nodes []kvshard.Node) {
	s.bytes([]byte{pieceLeaves})
	s.u32(len(nodes))
	for i := range nodes {
		s.bytes(nodes[i][:])
	}
}

func (s *streamWriter) checkpoint(id uint32) {
	s.bytes([]byte{pieceCheckpoint})
	s.u32(int(id))
}

func (s *streamWriter) end() error {
	sum := s.sum.Sum(nil)
	_ = s.w.WriteByte(pieceEnd)
	_, _ = s.w.Write(sum)
	return s.w.Flush()
}

// A streamReader reads what a streamWriter wrote. It trusts no length.
type streamReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	limits recordLimits
	header streamHeader
	digest [32]byte // of the header
}

func badStream(format string, args ...any) error {
	return exit.Errorf(exit.Input, "a stream of \"kvshard export\", whole; nothing was imported", "the stream: "+format, args...)
}

func newStreamReader(r io.Reader) (*streamReader, error) {
	s := &streamReader{r: bufio.NewReaderSize(r, 1<<20), sum: sha256.New()}
	head, err := s.take(len(streamMagic) + 1)
	if err != nil {
		return nil, err
	}
	if string(head[:len(streamMagic)]) != streamMagic {
		return nil, badStream("it does not begin with %s", streamMagic)
	}
	if head[len(streamMagic)] != streamVersion {
		return nil, badStream("version %d is unknown to this kvshard", head[len(streamMagic)])
	}
	text, err := s.sized(maxHeader)
	if err != nil {
		return nil, err
	}
	if err := strict.Decode(text, &s.header); err != nil {
		return nil, badStream("its header: %w", err)
	}
	if f := s.header.Form; f != "records" && f != "leaves" {
		return nil, badStream("form %q is unknown to this kvshard", f)
	}
	s.digest = sha256.Sum256(text)
	return s, nil
}

func (s *streamReader) take(n int) ([]byte, error) {
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
		return exit.Errorf(exit.Input, "give the same command with the whole stream", "%w", errStreamCut)
	}
	return err
}

// errStreamCut: what there was of the stream may be right.
var errStreamCut = errors.New("the stream ends too early")

func (s *streamReader) u32() (uint32, error) {
	raw, err := s.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(raw), nil
}

func (s *streamReader) sized(limit uint32) ([]byte, error) {
	n, err := s.u32()
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, badStream("a length of %d, want at most %d", n, limit)
	}
	return s.take(int(n))
}

// A piece is one of a record, leaves and a checkpoint.
type piece struct {
	record     *record.Record
	leaves     []kvshard.Node
	checkpoint *uint32
}

// next returns the next piece; io.EOF after the last, if the sum is right.
func (s *streamReader) next() (p piece, err error) {
	kind, err := s.r.ReadByte()
	if err != nil {
		return p, streamCut(err)
	}
	if kind == pieceEnd {
		return p, s.finish()
	}
	_, _ = s.sum.Write([]byte{kind})
	records := s.header.Form == "records"
	switch {
	case kind == pieceRecord && records:
		r := &record.Record{}
		if r.Key, err = s.sized(64); err != nil {
			return p, err
		}
		if record.Name(r.Key) == "" {
			return p, badStream("%x is no key of a tree", r.Key)
		}
		if r.Value, err = s.sized(uint32(s.limits.next(r.Key))); err != nil {
			return p, err
		}
		if len(r.Value) == 0 {
			return p, badStream("%s is empty", record.Name(r.Key))
		}
		s.limits.add(*r)
		p.record = r
	case kind == pieceLeaves && !records:
		n, err := s.u32()
		if err != nil {
			return p, err
		}
		if n == 0 || n > maxLeaves {
			return p, badStream("%d leaves at once, want 1 to %d", n, maxLeaves)
		}
		raw, err := s.take(32 * int(n))
		if err != nil {
			return p, err
		}
		p.leaves = make([]kvshard.Node, n)
		for i := range p.leaves {
			copy(p.leaves[i][:], raw[32*i:])
		}
	case kind == pieceCheckpoint && !records:
		id, err := s.u32()
		if err != nil {
			return p, err
		}
		p.checkpoint = &id
	default:
		return p, badStream("a piece of kind %d in a stream of %s", kind, s.header.Form)
	}
	return p, nil
}

func (s *streamReader) finish() error {
	want := s.sum.Sum(nil)
	got, err := s.take(len(want))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return badStream("its SHA-256 is %x, and it says %x: it was damaged", want, got)
	}
	if _, err := s.r.ReadByte(); err == nil {
		return badStream("there are bytes behind its end")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the stream: %w", err)
	}
	return io.EOF
}
