package kvshard_test

import (
	"encoding"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
)

var (
	_ encoding.BinaryMarshaler   = kvshard.Witness{}
	_ encoding.BinaryUnmarshaler = (*kvshard.Witness)(nil)
)

func TestWitnessInBinary(t *testing.T) {
	tree := treetest.Fill(t, dbm.NewMemDB())
	for position := range uint64(50) {
		w, err := tree.Witness(position)
		if err != nil {
			t.Fatal(err)
		}
		data, err := w.MarshalBinary()
		if err != nil || len(data) != 1_028 {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		if data[0] != byte(position) || data[1]|data[2]|data[3] != 0 || kvshard.Node(data[4:]) != w.Path[0] || kvshard.Node(data[996:]) != w.Path[31] {
			t.Errorf("position %d: %x", position, data)
		}
		var back kvshard.Witness
		if err := back.UnmarshalBinary(data); err != nil || back != w {
			t.Errorf("position %d: %+v, %v", position, back, err)
		}
	}
	last := kvshard.Witness{Position: 1<<32 - 1}
	data, err := last.MarshalBinary()
	if err != nil || string(data[:4]) != "\xff\xff\xff\xff" {
		t.Errorf("the last position: %x, %v", data, err)
	}
}

// TestWitnessOfTheWallet: the bytes that the crate orchard accepts as a Merkle
// path, in tools/wallet.
func TestWitnessOfTheWallet(t *testing.T) {
	for _, name := range []string{"7-of-50", "99-of-100"} {
		path := filepath.Join("tools", "wallet", "testdata", name)
		data, err := os.ReadFile(path + ".bin")
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		var nodes [2]kvshard.Node
		for i, line := range strings.Fields(string(text)) {
			if nodes[i], err = kvshard.ParseNode(line); err != nil {
				t.Fatal(err)
			}
		}
		var w kvshard.Witness
		if err := w.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Verify(nodes[1], nodes[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if again, err := w.MarshalBinary(); err != nil || string(again) != string(data) {
			t.Errorf("%s: %x, %v", name, again, err)
		}
	}
}

func TestBadWitnessInBinary(t *testing.T) {
	bad := kvshard.Node{31: 0xFF}
	w := kvshard.Witness{Position: 7}
	good, err := w.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 4, 1_024, 1_027, 1_029, 2_056} {
		kept := kvshard.Witness{Position: 3}
		err := kept.UnmarshalBinary(append(good, good...)[:n])
		if !errors.Is(err, kvshard.ErrInvalidArgument) || !strings.Contains(err.Error(), "want 1028") || kept.Position != 3 {
			t.Errorf("%d bytes: %+v, %v", n, kept, err)
		}
	}
	for i := range w.Path {
		data := append([]byte{}, good...)
		copy(data[4+32*i:], bad[:])
		kept := kvshard.Witness{Position: 3}
		var e *kvshard.Error
		if err := kept.UnmarshalBinary(data); !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) || e.Index != uint64(i)+1 || kept.Position != 3 {
			t.Errorf("node %d: %+v, %v", i, kept, err)
		}
		wrong := w
		wrong.Path[i] = bad
		if data, err := wrong.MarshalBinary(); !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) || e.Index != uint64(i)+1 || data != nil {
			t.Errorf("node %d: %x, %v", i, data, err)
		}
	}
	beyond := kvshard.Witness{Position: 1 << 32}
	if data, err := beyond.MarshalBinary(); !errors.Is(err, kvshard.ErrInvalidArgument) || data != nil {
		t.Errorf("%x, %v", data, err)
	}
}
