package treestate

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
)

func real(t *testing.T) (frontiers []kvshard.Frontier, roots []kvshard.Node) {
	t.Helper()
	list, err := realdata.Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		made := kvshard.Frontier{Size: f.Size, Leaf: f.Leaf}
		for _, ommer := range f.Ommers {
			made.Ommers = append(made.Ommers, ommer)
		}
		frontiers, roots = append(frontiers, made), append(roots, f.Root)
	}
	return frontiers, roots
}

func TestMainChain(t *testing.T) {
	frontiers, roots := real(t)
	for i, f := range frontiers {
		raw, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(raw)
		if err != nil || !reflect.DeepEqual(back, f) {
			t.Fatalf("size %d: %+v, %v", f.Size, back, err)
		}
		tree, err := kvshard.Open(dbm.NewMemDB())
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.InsertFrontier(back, 1); err != nil {
			t.Fatal(err)
		}
		if root, err := tree.Root(); err != nil || root != roots[i] {
			t.Errorf("size %d: root %s, %v, want %s", f.Size, root, err, roots[i])
		}
	}
}

// The bytes of the smallest, written out: 114 leaves, so position 113 = 0b1110001.
func TestLayout(t *testing.T) {
	frontiers, _ := real(t)
	f := frontiers[0]
	raw, err := Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	want := "01" + f.Ommers[0].String() + "01" + f.Leaf.String() + "06" +
		"00" + "00" + "00" + "01" + f.Ommers[1].String() + "01" + f.Ommers[2].String() + "01" + f.Ommers[3].String()
	if got := hex.EncodeToString(raw); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEverySize(t *testing.T) {
	for size := range uint64(600) {
		f := kvshard.Frontier{Size: size}
		if size > 0 {
			f.Leaf = kvshard.Node{1}
			for bit := range 20 {
				if (size-1)>>bit&1 == 1 {
					f.Ommers = append(f.Ommers, kvshard.Node{2, byte(bit)})
				}
			}
		}
		raw, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(raw); err != nil || !reflect.DeepEqual(back, f) {
			t.Fatalf("size %d: %+v, %v", size, back, err)
		}
		for cut := range raw {
			if _, err := Decode(raw[:cut]); !errors.Is(err, ErrInvalid) {
				t.Fatalf("size %d cut to %d bytes: %v", size, cut, err)
			}
		}
		if _, err := Decode(append(raw, 0)); !errors.Is(err, ErrInvalid) {
			t.Fatalf("size %d and a byte: %v", size, err)
		}
	}
}

func TestBad(t *testing.T) {
	node := "01" + strings.Repeat("07", 32)
	for text, says := range map[string]string{
		"":                   "ends within left",
		"02":                 "left begins with 0x02",
		"00" + node + "00":   "without a left",
		"0000" + "01" + node: "without a leaf",
		node + "00" + "20" + strings.Repeat("00", 32): "32 parents",
		node + "00" + "fd":                            "too many",
		node + "00" + "01":                            "within parent 0",
		node + "00" + "00" + "00":                     "behind the end",
	} {
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(raw); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	// Absent parents behind the last are what some writers leave there.
	raw, _ := hex.DecodeString(node + "00" + "02" + "0000")
	if f, err := Decode(raw); err != nil || f.Size != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := Encode(kvshard.Frontier{Size: 4}); err == nil {
		t.Error("a frontier without its ommers was encoded")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 0, 0})
	f.Add(append([]byte{1}, make([]byte, 34)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := Decode(raw)
		if err != nil {
			return
		}
		again, err := Encode(got)
		if err != nil {
			t.Fatalf("%+v: %v", got, err)
		}
		if back, err := Decode(again); err != nil || !reflect.DeepEqual(back, got) {
			t.Fatalf("%+v, %v, want %+v", back, err, got)
		}
	})
}
