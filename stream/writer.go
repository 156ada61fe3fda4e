package stream

import (
	"bufio"
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

// A Writer writes a stream. The first error of writing comes from [Writer.End].
type Writer struct {
	w      *bufio.Writer
	sum    hash.Hash
	limits limits
	header Header
	count  uint64 // records so far
}

// NewWriter begins a stream of the header's form.
//
// Errors: [ErrMalformed] for a header without a form.
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
// for one without a name or a value.
func (s *Writer) Record(r kvshard.Record) error {
	name := r.Name()
	switch most := s.limits.next(name); {
	case name == kvshard.RecordName{} || len(r.Value) == 0:
		return malformed("key %x with %d bytes is no record of a tree", r.Key, len(r.Value))
	case len(r.Value) > most:
		return &Error{Kind: ErrTooLong, What: fmt.Sprintf("%s has %d bytes, and in a stream at most %d", name, len(r.Value), most)}
	}
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

// Leaves writes leaves, at most [MaxLeaves].
func (s *Writer) Leaves(nodes []kvshard.Node) {
	s.bytes([]byte{pieceLeaves})
	s.u32(len(nodes))
	for i := range nodes {
		s.bytes(nodes[i][:])
	}
}

// Checkpoint writes that there is one here.
func (s *Writer) Checkpoint(id uint32) {
	s.bytes([]byte{pieceCheckpoint})
	s.u32(int(id))
}

// End writes the sum.
//
// Errors: the first error of writing the stream; [ErrMalformed] if there are not as many
// records as the header says.
func (s *Writer) End() error {
	if s.count != s.header.Records {
		return malformed("%d records were written, and its header says %d: the tree has changed meanwhile", s.count, s.header.Records)
	}
	sum := s.sum.Sum(nil)
	_ = s.w.WriteByte(pieceEnd)
	_, _ = s.w.Write(sum)
	return s.w.Flush()
}
