package stream

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"iter"

	"github.com/kvshard/kvshard"
)

// A Writer writes a stream, and refuses what a [Reader] would refuse. The first error
// comes from [Writer.End], if not from the method that met it.
type Writer struct {
	w      *bufio.Writer
	sum    hash.Hash
	limits limits
	header Header
	before []byte // the key of the last record
	count  uint64 // records so far
	err    error  // the first refusal
}

// NewWriter begins a stream of the header's form.
//
// Errors: [ErrMalformed] for a header without a form, with a scheme that is no
// fingerprint, or of more bytes than a reader takes.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if h.Checkpoints == nil {
		h.Checkpoints = []Checkpoint{}
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(text) > maxHeader {
		return nil, malformed("its header has %d bytes, want at most %d", len(text), maxHeader)
	}
	s := &Writer{w: bufio.NewWriterSize(w, 1<<20), sum: sha256.New(), header: h}
	s.bytes([]byte(Magic), []byte{version})
	s.u32(len(text))
	s.bytes(text)
	return s, nil
}

// check refuses what no stream's header is.
func (h Header) check() error {
	if h.Form != FormRecords && h.Form != FormLeaves {
		return malformed("form %q is unknown: it is %s or %s", h.Form, FormRecords, FormLeaves)
	}
	if h.Scheme == "" {
		return nil
	}
	fingerprint := kvshard.TipRecord{}.Scheme
	raw, err := hex.DecodeString(h.Scheme)
	if err != nil || len(raw) != len(fingerprint) || hex.EncodeToString(raw) != h.Scheme || [8]byte(raw) == fingerprint {
		return malformed("scheme %q is no fingerprint: it has %d lower-case hex digits, and is not zero", h.Scheme, hex.EncodedLen(len(fingerprint)))
	}
	return nil
}

// bytes writes; an error stays in the buffered writer until the end.
func (s *Writer) bytes(parts ...[]byte) {
	for _, part := range parts {
		_, _ = s.sum.Write(part)
		_, _ = s.w.Write(part)
	}
}

func (s *Writer) u32(n int) { s.bytes(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// Record writes a record. Records come in the order of the keys, as [kvshard.Records]
// has them.
//
// Errors: [ErrTooLong] for a record that is longer than a stream takes; [ErrMalformed]
// for one without a name or a value, out of order, or in a stream of leaves.
func (s *Writer) Record(r kvshard.Record) error {
	name := r.Name()
	switch most := s.limits.next(name); {
	case s.header.Form != FormRecords:
		return s.refuse(malformed("a record in a stream of %s", s.header.Form))
	case name == kvshard.RecordName{} || len(r.Value) == 0:
		return s.refuse(malformed("key %x with %d bytes is no record of a tree", r.Key, len(r.Value)))
	case bytes.Compare(s.before, r.Key) >= 0:
		return s.refuse(malformed("%s is not behind the record before it", name))
	case len(r.Value) > most:
		return s.refuse(&Error{Kind: ErrTooLong, What: fmt.Sprintf("%s has %d bytes, and in a stream at most %d", name, len(r.Value), most)})
	}
	s.before = bytes.Clone(r.Key)
	s.limits.add(name, len(r.Value))
	s.count++
	s.bytes([]byte{pieceRecord})
	s.u32(len(r.Key))
	s.bytes(r.Key)
	s.u32(len(r.Value))
	s.bytes(r.Value)
	return nil
}

// Records writes all of these records.
//
// Errors: those of the records, and of [Writer.Record].
func (s *Writer) Records(records iter.Seq2[kvshard.Record, error]) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		if err := s.Record(r); err != nil {
			return err
		}
	}
	return nil
}

// Leaves writes leaves, 1 to [MaxLeaves], into a stream of leaves.
func (s *Writer) Leaves(nodes []kvshard.Node) {
	if n := len(nodes); n == 0 || n > MaxLeaves {
		_ = s.refuse(malformed("%d leaves at once, want 1 to %d", n, MaxLeaves))
	}
	s.inLeaves("leaves")
	s.bytes([]byte{pieceLeaves})
	s.u32(len(nodes))
	for i := range nodes {
		s.bytes(nodes[i][:])
	}
}

// Checkpoint writes that there is one here, into a stream of leaves.
func (s *Writer) Checkpoint(id uint32) {
	s.inLeaves("a checkpoint")
	s.bytes([]byte{pieceCheckpoint})
	s.u32(int(id))
}

// inLeaves refuses a piece that only a stream of leaves has.
func (s *Writer) inLeaves(piece string) {
	if s.header.Form != FormLeaves {
		_ = s.refuse(malformed("%s in a stream of %s", piece, s.header.Form))
	}
}

// refuse keeps the first error for End, and returns this one.
func (s *Writer) refuse(err error) error {
	if s.err == nil {
		s.err = err
	}
	return err
}

// End writes the sum.
//
// Errors: the first refusal, or the first error of writing the stream; [ErrMalformed] if
// there are not as many records as the header says.
func (s *Writer) End() error {
	if s.err != nil {
		return s.err
	}
	if s.count != s.header.Records {
		return malformed("%d records were written, and its header says %d: the tree has changed meanwhile", s.count, s.header.Records)
	}
	sum := s.sum.Sum(nil)
	_ = s.w.WriteByte(pieceEnd)
	_, _ = s.w.Write(sum)
	return s.w.Flush()
}
