package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/stream"
)

// made is a stream of either form, and what its pieces are.
func made(t *testing.T, form string) (text []byte, pieces string) {
	t.Helper()
	var b bytes.Buffer
	h := stream.Header{Form: form, Size: 2, Records: 2, Checkpoints: []stream.Checkpoint{}, MaxCheckpoints: 100, Retention: "marked"}
	w, err := stream.NewWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	if form == "records" {
		w.Record(record.Record{Key: []byte{record.Cap}, Value: []byte{1}})
		w.Record(record.Record{Key: []byte{record.Checkpoint, 0, 0, 0, 7}, Value: []byte{2, 3}})
		pieces = "cap 01, checkpoint(7) 0203, "
	} else {
		w.Leaves([]kvshard.Node{{1}})
		w.Checkpoint(7)
		w.Leaves([]kvshard.Node{{2}, {3}})
		pieces = "leaves 1, checkpoint 7, leaves 2, "
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), pieces
}

// read tells the pieces of a stream, and the error that ended it.
func read(text []byte) (pieces string, err error) {
	r, err := stream.NewReader(bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	for {
		p, err := r.Next()
		switch {
		case err != nil:
			return pieces, err
		case p.Record != nil:
			pieces += fmt.Sprintf("%s %x, ", record.Name(p.Record.Key), p.Record.Value)
		case p.Checkpoint != nil:
			pieces += fmt.Sprintf("checkpoint %d, ", *p.Checkpoint)
		default:
			pieces += fmt.Sprintf("leaves %d, ", len(p.Leaves))
		}
	}
}

// A stream is read as it was written; cut anywhere it is [stream.ErrCut], and
// with another byte anywhere it never ends well.
func TestStream(t *testing.T) {
	for _, form := range []string{"records", "leaves"} {
		text, want := made(t, form)
		if pieces, err := read(text); pieces != want || !errors.Is(err, io.EOF) {
			t.Errorf("%s: %q, %v; want %q", form, pieces, err, want)
		}
		for n := range text {
			if _, err := read(text[:n]); !errors.Is(err, stream.ErrCut) {
				t.Errorf("%s cut at %d: %v", form, n, err)
			}
			other := bytes.Clone(text)
			other[n] ^= 1
			if _, err := read(other); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("%s with another byte %d: %v", form, n, err)
			}
		}
		if _, err := read(append(text, 0)); err == nil || !strings.Contains(err.Error(), "behind its end") {
			t.Errorf("%s with a byte behind it: %v", form, err)
		}
	}
}

// Checkpoints may be long, but not all of them together.
func TestLimits(t *testing.T) {
	var limits stream.Limits
	key := []byte{record.Checkpoint, 0, 0, 0, 1}
	if shard := limits.Next([]byte{record.Shard}); shard >= limits.Next(key) {
		t.Errorf("a shard may have %d bytes", shard)
	}
	for range 100 {
		limits.Add(record.Record{Key: key, Value: make([]byte, limits.Next(key))})
	}
	if left := limits.Next(key); left != 0 {
		t.Errorf("%d bytes are left after 100 of the longest", left)
	}
}
