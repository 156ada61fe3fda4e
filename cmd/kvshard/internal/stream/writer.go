package stream

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"io"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
)

// A Writer writes a stream.
type Writer struct {
	w   *bufio.Writer
	sum hash.Hash
}

// NewWriter begins a stream. An error of writing it comes from [Writer.End].
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	s := &Writer{bufio.NewWriterSize(w, 1<<20), sha256.New()}
	s.bytes([]byte(Magic), []byte{version})
	s.u32(len(text))
	s.bytes(text)
	return s, nil
}

// bytes writes; an error stays in the buffered writer until the end.
func (s *Writer) bytes(parts ...[]byte) {
	for _, part := range parts {
		_, _ = s.sum.Write(part)
		_, _ = s.w.Write(part)
	}
}

func (s *Writer) u32(n int) { s.bytes(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// Record writes a record.
func (s *Writer) Record(r record.Record) {
	s.bytes([]byte{pieceRecord})
	s.u32(len(r.Key))
	s.bytes(r.Key)
	s.u32(len(r.Value))
	s.bytes(r.Value)
}

// Leaves writes leaves, at most 2^20.
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

// End writes the sum. It returns the first error of writing the stream.
func (s *Writer) End() error {
	sum := s.sum.Sum(nil)
	_ = s.w.WriteByte(pieceEnd)
	_, _ = s.w.Write(sum)
	return s.w.Flush()
}
