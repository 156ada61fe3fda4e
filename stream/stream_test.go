package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/stream"
)

var (
	capName        = kvshard.RecordName{Kind: kvshard.KindCap}
	checkpointName = kvshard.RecordName{Kind: kvshard.KindCheckpoint, Checkpoint: 7}
	tipName        = kvshard.RecordName{Kind: kvshard.KindTip}
)

func recordOf(name kvshard.RecordName, value ...byte) kvshard.Record {
	return kvshard.Record{Key: name.Key(), Value: value}
}

// made is a stream of either form, and what its pieces are.
func made(t *testing.T, form string) (text []byte, pieces string) {
	t.Helper()
	var b bytes.Buffer
	h := stream.Header{Form: form, Size: 2, MaxCheckpoints: 100, Retention: "marked"}
	if form == stream.FormRecords {
		h.Records = 2
	}
	w, err := stream.NewWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	if form == stream.FormRecords {
		err = errors.Join(w.Record(recordOf(capName, 1)), w.Record(recordOf(checkpointName, 2, 3)))
		pieces = "cap 01, checkpoint(7) 0203, "
	} else {
		w.Leaves([]kvshard.Node{{1}})
		w.Checkpoint(7)
		w.Leaves([]kvshard.Node{{2}, {3}})
		pieces = "leaves 1, checkpoint 7, leaves 2, "
	}
	if err := errors.Join(err, w.End()); err != nil {
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
			pieces += fmt.Sprintf("%s %x, ", p.Record.Name(), p.Record.Value)
		case p.Checkpoint != nil:
			pieces += fmt.Sprintf("checkpoint %d, ", *p.Checkpoint)
		default:
			pieces += fmt.Sprintf("leaves %d, ", len(p.Leaves))
		}
	}
}

var forms = []string{stream.FormRecords, stream.FormLeaves}

// A stream is read as it was written; cut anywhere it is [stream.ErrCut], and
// with another byte anywhere it never ends well.
func TestStream(t *testing.T) {
	for _, form := range forms {
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
			if _, err := read(other); !errors.Is(err, stream.ErrMalformed) && !errors.Is(err, stream.ErrCut) {
				t.Errorf("%s with another byte %d: %v", form, n, err)
			}
		}
		if _, err := read(append(text, 0)); !errors.Is(err, stream.ErrMalformed) || !strings.Contains(err.Error(), "behind its end") {
			t.Errorf("%s with a byte behind it: %v", form, err)
		}
	}
}

// The frozen streams were written by the first version of the command.
func TestFrozenStreams(t *testing.T) {
	for _, form := range forms {
		frozen, err := os.ReadFile(filepath.Join("../testdata/streams", "v1-"+form+".kvx"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(frozen); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", form, err)
		}
		if again, err := write(tree(t), form); err != nil || !bytes.Equal(again, frozen) {
			t.Errorf("%s: the stream of the same tree is another one now, %v", form, err)
		}
	}
}

// tree returns a store with the tree of the frozen streams.
func tree(t *testing.T) *kvtest.MemStore {
	t.Helper()
	mem := kvtest.Strict(t)
	tree := treetest.Open(t, mem)
	for id := range uint32(3) {
		if _, err := treetest.Block(tree, uint64(20*id), 20, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.RetainCheckpoint(1); err != nil {
		t.Fatal(err)
	}
	return mem
}

// write writes the stream of a tree of marked leaves.
func write(kv store.KVStore, form string) ([]byte, error) {
	tree, err := kvshard.Open(kv)
	if err != nil {
		return nil, err
	}
	h, err := stream.Describe(tree)
	if err != nil {
		return nil, err
	}
	h.Form, h.MaxCheckpoints, h.Retention = form, 100, "marked"
	if form == stream.FormRecords {
		if h.Records, err = stream.Count(kvshard.Records(kv)); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	w, err := stream.NewWriter(&out, h)
	if err != nil {
		return nil, err
	}
	if form == stream.FormRecords {
		err = errors.Join(w.Records(kvshard.Records(kv)), w.End())
		return out.Bytes(), err
	}
	position := uint64(0)
	for _, c := range h.Checkpoints {
		var leaves []kvshard.Node
		for ; position < c.Size; position++ {
			leaf, err := tree.Leaf(position)
			if err != nil {
				return nil, err
			}
			leaves = append(leaves, leaf)
		}
		w.Leaves(leaves)
		w.Checkpoint(c.ID)
	}
	err = w.End()
	return out.Bytes(), err
}

// TestVerify: each part of a header is compared with the tree.
func TestVerify(t *testing.T) {
	tree := treetest.Open(t, tree(t))
	for what, change := range map[string]func(*stream.Header){
		"":                func(*stream.Header) {},
		"size":            func(h *stream.Header) { h.Size++ },
		"root":            func(h *stream.Header) { h.Root[0] ^= 1 },
		"checkpoint":      func(h *stream.Header) { h.Checkpoints = h.Checkpoints[1:] },
		"one more":        func(h *stream.Header) { h.Checkpoints = append(h.Checkpoints, stream.Checkpoint{ID: 9}) },
		"one less":        func(h *stream.Header) { h.Checkpoints = h.Checkpoints[:2] },
		"checkpoint size": func(h *stream.Header) { h.Checkpoints[1].Size++ },
		"checkpoint root": func(h *stream.Header) { h.Checkpoints[2].Root[0] ^= 1 },
		"retained":        func(h *stream.Header) { h.Checkpoints[1].Retained = false },
	} {
		h, err := stream.Describe(tree)
		if err != nil {
			t.Fatal(err)
		}
		change(&h)
		if err := h.Verify(tree); (err == nil) != (what == "") || err != nil && !errors.Is(err, stream.ErrMismatch) {
			t.Errorf("%s: %v", what, err)
		}
	}
	broken := treetest.Open(t, kvtest.NewFaultStore(kvtest.NewMemStore(), kvtest.Fault{At: 1}))
	if err := (stream.Header{}).Verify(broken); !errors.Is(err, kvtest.ErrInjected) {
		t.Errorf("%v, want the store's own error", err)
	}
}

// A writer refuses what a reader would.
func TestWriterRefuses(t *testing.T) {
	if _, err := stream.NewWriter(io.Discard, stream.Header{}); !errors.Is(err, stream.ErrMalformed) {
		t.Errorf("no form: %v", err)
	}
	for _, scheme := range []string{"67eb3c15ca9a24", "67EB3C15CA9A2460", "vote-poseidon", "0000000000000000", "67eb3c15ca9a246000"} {
		if _, err := stream.NewWriter(io.Discard, stream.Header{Form: stream.FormRecords, Scheme: scheme}); !errors.Is(err, stream.ErrMalformed) {
			t.Errorf("scheme %q: %v", scheme, err)
		}
	}
	writer := func() *stream.Writer {
		w, err := stream.NewWriter(io.Discard, stream.Header{Form: stream.FormRecords, Records: 1})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for what, c := range map[string]struct{ err, want error }{
		"a key":       {writer().Record(kvshard.Record{Key: []byte("k"), Value: []byte{1}}), stream.ErrMalformed},
		"no value":    {writer().Record(recordOf(tipName)), stream.ErrMalformed},
		"a long one":  {writer().Record(recordOf(tipName, make([]byte, 64<<10+1)...)), stream.ErrTooLong},
		"none of one": {writer().End(), stream.ErrMalformed},
		"a failure":   {writer().Records(failing), kvtest.ErrInjected},
		"to count":    {second(stream.Count(failing)), kvtest.ErrInjected},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", what, c.err, c.want)
		}
	}
	for what, write := range map[string]func(w *stream.Writer){
		"leaves among records":       func(w *stream.Writer) { w.Leaves(make([]kvshard.Node, 1)) },
		"a checkpoint among records": func(w *stream.Writer) { w.Checkpoint(7) },
		"a record twice": func(w *stream.Writer) {
			_ = w.Record(recordOf(tipName, 1))
			_ = w.Record(recordOf(tipName, 1))
		},
	} {
		w := writer()
		write(w)
		if err := w.End(); !errors.Is(err, stream.ErrMalformed) || strings.Contains(err.Error(), "were written") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, write := range map[string]func(w *stream.Writer){
		"no leaves":               func(w *stream.Writer) { w.Leaves(nil) },
		"too many leaves":         func(w *stream.Writer) { w.Leaves(make([]kvshard.Node, stream.MaxLeaves+1)) },
		"a record between leaves": func(w *stream.Writer) { _ = w.Record(recordOf(tipName, 1)) },
	} {
		w, err := stream.NewWriter(io.Discard, stream.Header{Form: stream.FormLeaves})
		if err != nil {
			t.Fatal(err)
		}
		write(w)
		if err := w.End(); !errors.Is(err, stream.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	w := writer()
	if err := errors.Join(w.Record(recordOf(tipName, make([]byte, 64<<10)...)), w.End()); err != nil {
		t.Errorf("as long as can be: %v", err)
	}
	broken, err := stream.NewWriter(failingWriter{}, stream.Header{Form: stream.FormLeaves})
	if err = errors.Join(err, broken.End()); !errors.Is(err, kvtest.ErrInjected) {
		t.Errorf("%v, want the error of writing", err)
	}
}

func failing(yield func(kvshard.Record, error) bool) { yield(kvshard.Record{}, kvtest.ErrInjected) }

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, kvtest.ErrInjected }

func second[T any](_ T, err error) error { return err }

// TestHeaderNamesScheme: the header of an Orchard tree's stream says nothing of a scheme,
// that of another one has its fingerprint.
func TestHeaderNamesScheme(t *testing.T) {
	for scheme, want := range map[string]string{
		"":                 `{"form":"records","size":0,`,
		"67eb3c15ca9a2460": `{"form":"records","scheme":"67eb3c15ca9a2460","size":0,`,
	} {
		var text bytes.Buffer
		w, err := stream.NewWriter(&text, stream.Header{Form: stream.FormRecords, Scheme: scheme})
		if err := errors.Join(err, w.End()); err != nil {
			t.Fatal(err)
		}
		if header := text.String()[len(stream.Magic)+5:]; !strings.HasPrefix(header, want) {
			t.Errorf("%q, want %s", header, want)
		}
		if r, err := stream.NewReader(&text); err != nil || r.Header.Scheme != scheme {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// Checkpoints may be long, but not all of them together.
func TestLimits(t *testing.T) {
	w, err := stream.NewWriter(io.Discard, stream.Header{Form: stream.FormRecords, Records: 17})
	if err != nil {
		t.Fatal(err)
	}
	for id := range uint32(17) {
		name := kvshard.RecordName{Kind: kvshard.KindCheckpoint, Checkpoint: id}
		err := w.Record(recordOf(name, make([]byte, 4<<20)...))
		if id < 16 && err != nil || id == 16 && !errors.Is(err, stream.ErrTooLong) {
			t.Errorf("checkpoint %d of 4 MiB: %v", id, err)
		}
	}
}

// A reader's own error is not one of the stream.
func TestReaderFails(t *testing.T) {
	for _, form := range forms {
		text, _ := made(t, form)
		for n := range text {
			r, err := stream.NewReader(io.MultiReader(bytes.NewReader(text[:n]), iotest.ErrReader(kvtest.ErrInjected)))
			for err == nil {
				_, err = r.Next()
			}
			if !errors.Is(err, kvtest.ErrInjected) {
				t.Errorf("%s, at byte %d: %v", form, n, err)
			}
		}
	}
}
