package kvshard_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/bits"
	"reflect"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/internal/treetest"
)

// frontierOf returns a frontier of any nodes.
func frontierOf(size uint64) kvshard.Frontier {
	f := kvshard.Frontier{Size: size}
	if size > 0 {
		f.Leaf = treetest.LeafAt(size - 1)
		for i := range bits.OnesCount64(size - 1) {
			f.Ommers = append(f.Ommers, treetest.LeafAt(1<<40+uint64(i)))
		}
	}
	return f
}

// TestRealTreestates reads what Zcash's nodes answered. Their writer ends with
// absent parents up to the root; ours with the last that is there.
func TestRealTreestates(t *testing.T) {
	states, err := realdata.Treestates()
	if err != nil {
		t.Fatal(err)
	}
	frontiers, err := realdata.Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	known := map[uint32]realdata.Frontier{}
	for _, f := range frontiers {
		known[f.Height] = f
	}
	var size uint64
	held := 0
	for _, s := range states {
		f, err := kvshard.ParseTreestate(s.Orchard)
		if err != nil || f.Size < size {
			t.Errorf("block %d: %d leaves behind %d, %v", s.Height, f.Size, size, err)
		}
		size = f.Size
		root, err := f.Root()
		if err != nil {
			t.Fatal(err)
		}
		if want, ok := known[s.Height]; ok {
			held++
			if f.Size != want.Size || f.Leaf != want.Leaf || !reflect.DeepEqual(f.Ommers, treetest.Nodes(want.Ommers)) || root != want.Root {
				t.Errorf("block %d: %+v with the root %s, want %+v", s.Height, f, root, want)
			}
		}
		if empty, err := kvshard.EmptyRoot(kvshard.Depth); f.Size == 0 && (root != empty || err != nil) {
			t.Errorf("block %d: root %s, %v; want the empty one", s.Height, root, err)
		}
		ours, err := f.MarshalTreestate()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := kvshard.ParseTreestate(ours); err != nil || !reflect.DeepEqual(again, f) {
			t.Errorf("block %d: %+v, %v; want %+v", s.Height, again, err, f)
		}
		// The same bytes, but for the number of parents and the absent ones at the end.
		if f.Size > 0 {
			at := 2 + 32 + 32*int((f.Size-1)&1)
			if !bytes.Equal(ours[:at], s.Orchard[:at]) || !bytes.HasPrefix(s.Orchard[at+1:], ours[at+1:]) || len(bytes.Trim(s.Orchard[len(ours):], "\x00")) != 0 {
				t.Errorf("block %d: %x, want %x", s.Height, ours, s.Orchard)
			}
		}
		var e *kvshard.Error
		if f, err := kvshard.ParseTreestate(s.Sapling); !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) {
			t.Errorf("block %d: Sapling's tree state came to %+v, %v", s.Height, f, err)
		} else if e.Index > 32 || !strings.Contains(e.What, "modulus") {
			t.Errorf("block %d: %v names node %d", s.Height, err, e.Index)
		}
	}
	if held != len(frontiers) {
		t.Errorf("%d states have a known frontier, want %d", held, len(frontiers))
	}
}

// TestTreestateLayout writes the bytes out: 114 leaves, so position 113 = 0b1110001.
func TestTreestateLayout(t *testing.T) {
	f := frontierOf(114)
	data, err := f.MarshalTreestate()
	if err != nil {
		t.Fatal(err)
	}
	want := "01" + f.Ommers[0].String() + "01" + f.Leaf.String() + "06" +
		"00" + "00" + "00" + "01" + f.Ommers[1].String() + "01" + f.Ommers[2].String() + "01" + f.Ommers[3].String()
	if got := hex.EncodeToString(data); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTreestateOfEverySize(t *testing.T) {
	sizes := []uint64{1 << 16, 1<<16 + 1, 49_517_611, 1<<32 - 1, 1 << 32}
	for size := range uint64(600) {
		sizes = append(sizes, size)
	}
	longest := 0
	for _, size := range sizes {
		f := frontierOf(size)
		data, err := f.MarshalTreestate()
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, len(data))
		if back, err := kvshard.ParseTreestate(data); err != nil || !reflect.DeepEqual(back, f) {
			t.Fatalf("size %d: %+v, %v", size, back, err)
		}
		for cut := range data {
			if _, err := kvshard.ParseTreestate(data[:cut]); !errors.Is(err, kvshard.ErrInvalidArgument) || !strings.Contains(err.Error(), "end within") {
				t.Fatalf("size %d cut to %d bytes: %v", size, cut, err)
			}
		}
		if _, err := kvshard.ParseTreestate(append(data, 0)); !errors.Is(err, kvshard.ErrInvalidArgument) || !strings.Contains(err.Error(), "1 bytes behind the end") {
			t.Fatalf("size %d and a byte: %v", size, err)
		}
	}
	if longest != 1_090 {
		t.Errorf("the longest has %d bytes", longest)
	}
}

func TestBadTreestates(t *testing.T) {
	node := "01" + strings.Repeat("07", 32)
	high := "01" + strings.Repeat("ff", 32)
	for text, c := range map[string]struct {
		kind  error
		index uint64
		says  string
	}{
		"":                   {kvshard.ErrInvalidArgument, 0, "end within left"},
		"02":                 {kvshard.ErrInvalidArgument, 0, "left begins with 0x02"},
		"00" + node + "00":   {kvshard.ErrInvalidArgument, 0, "without a left"},
		"0000" + "01" + node: {kvshard.ErrInvalidArgument, 0, "without a leaf"},
		node + "00" + "20" + strings.Repeat("00", 32): {kvshard.ErrInvalidArgument, 0, "32 parents"},
		node + "00" + "fd":                            {kvshard.ErrInvalidArgument, 0, "253 parents"},
		node + "00" + "ff" + strings.Repeat("00", 9):  {kvshard.ErrInvalidArgument, 0, "255 parents"},
		node + "00" + "01":                            {kvshard.ErrInvalidArgument, 0, "within parent 0"},
		node + "00" + "01" + "03":                     {kvshard.ErrInvalidArgument, 0, "parent 0 begins with 0x03"},
		node + "00" + "00" + "00":                     {kvshard.ErrInvalidArgument, 0, "behind the end"},
		high + "00" + "00":                            {kvshard.ErrInvalidNode, 0, "modulus"},
		node + high + "00":                            {kvshard.ErrInvalidNode, 0, "modulus"},
		high + node + "00":                            {kvshard.ErrInvalidNode, 1, "modulus"},
		node + node + "02" + "00" + high:              {kvshard.ErrInvalidNode, 2, "modulus"},
	} {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		f, err := kvshard.ParseTreestate(data)
		var e *kvshard.Error
		if !errors.Is(err, c.kind) || !errors.As(err, &e) || e.Index != c.index || !strings.Contains(err.Error(), c.says) || !reflect.DeepEqual(f, kvshard.Frontier{}) {
			t.Errorf("%s: %+v, %v, want %q of node %d", text, f, err, c.says, c.index)
		}
	}
	// Absent parents behind the last are what other writers leave there.
	data, _ := hex.DecodeString(node + "00" + "1f" + strings.Repeat("00", 31))
	if f, err := kvshard.ParseTreestate(data); err != nil || f.Size != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}

// badFrontiers are none, each with its error and the node that it names.
var badFrontiers = []struct {
	f     kvshard.Frontier
	kind  error
	index uint64
}{
	{kvshard.Frontier{Size: 4}, kvshard.ErrInvalidArgument, 0},
	{kvshard.Frontier{Size: 4, Ommers: make([]kvshard.Node, 3)}, kvshard.ErrInvalidArgument, 0},
	{kvshard.Frontier{Size: 1<<32 + 1, Ommers: make([]kvshard.Node, 1)}, kvshard.ErrInvalidArgument, 0},
	{kvshard.Frontier{Leaf: kvshard.Node{1}}, kvshard.ErrInvalidArgument, 0},
	{kvshard.Frontier{Ommers: make([]kvshard.Node, 1)}, kvshard.ErrInvalidArgument, 0},
	{kvshard.Frontier{Size: 4, Leaf: kvshard.Node{31: 0xFF}, Ommers: make([]kvshard.Node, 2)}, kvshard.ErrInvalidNode, 0},
	{kvshard.Frontier{Size: 4, Ommers: []kvshard.Node{{31: 0x41}, {}}}, kvshard.ErrInvalidNode, 1},
	{kvshard.Frontier{Size: 4, Ommers: []kvshard.Node{{}, {31: 0xFF}}}, kvshard.ErrInvalidNode, 2},
}

func TestBadFrontierHasNoTreestate(t *testing.T) {
	for _, bad := range badFrontiers {
		data, err := bad.f.MarshalTreestate()
		var e *kvshard.Error
		if !errors.Is(err, bad.kind) || !errors.As(err, &e) || e.Index != bad.index || data != nil {
			t.Errorf("%+v: %x, %v, want %v of node %d", bad.f, data, err, bad.kind, bad.index)
		}
	}
}

func FuzzParseTreestate(f *testing.F) {
	f.Add([]byte{0, 0, 0})
	f.Add(append([]byte{1}, make([]byte, 34)...))
	for _, size := range []uint64{1, 2, 3, 114, 1 << 20} {
		data, err := frontierOf(size).MarshalTreestate()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := kvshard.ParseTreestate(data)
		if err != nil {
			if !errors.Is(err, kvshard.ErrInvalidArgument) && !errors.Is(err, kvshard.ErrInvalidNode) {
				t.Fatal(err)
			}
			return
		}
		again, err := got.MarshalTreestate()
		if err != nil {
			t.Fatalf("%+v: %v", got, err)
		}
		if back, err := kvshard.ParseTreestate(again); err != nil || !reflect.DeepEqual(back, got) {
			t.Fatalf("%+v, %v, want %+v", back, err, got)
		}
	})
}
