package realdata

import (
	"math/big"
	"math/bits"
	"slices"
	"strings"
	"testing"
)

// modulus of the Pallas base field: a node is below it.
var modulus, _ = new(big.Int).SetString("40000000000000000000000000000000224698fc094cf91b992d30ed00000001", 16)

// checkNodes fails for a node that is not canonical, and for zero. No
// commitment or hash of the data is zero, so a zero is a field that the file
// lacks.
func checkNodes(t *testing.T, what string, nodes ...[32]byte) {
	t.Helper()
	for _, n := range nodes {
		bigEndian := slices.Clone(n[:])
		slices.Reverse(bigEndian)
		v := new(big.Int).SetBytes(bigEndian)
		if v.Sign() == 0 || v.Cmp(modulus) >= 0 {
			t.Errorf("%s: %x is no node", what, n)
		}
	}
}

func TestChains(t *testing.T) {
	for _, tt := range []struct {
		network     string
		load        func() (Chain, error)
		heights     []uint32
		commitments uint64
	}{
		{"testnet", Testnet, []uint32{1842421, 1842432, 1842462, 1842467, 1842468}, 8},
		{"mainnet", Mainnet, []uint32{1687106, 1687107, 1687108}, 2},
	} {
		t.Run(tt.network, func(t *testing.T) {
			c, err := tt.load()
			if err != nil {
				t.Fatal(err)
			}
			if c.Network != tt.network || c.Source == "" {
				t.Errorf("network %q, source %q", c.Network, c.Source)
			}
			var heights []uint32
			var size uint64
			for _, b := range c.Blocks {
				heights = append(heights, b.Height)
				size += uint64(len(b.Commitments))
				if b.SizeAfter != size {
					t.Errorf("block %d: size %d, want %d", b.Height, b.SizeAfter, size)
				}
				checkNodes(t, "commitment", b.Commitments...)
				checkNodes(t, "root", b.RootAfter)
			}
			if !slices.Equal(heights, tt.heights) {
				t.Errorf("heights %v, want %v", heights, tt.heights)
			}
			if size != tt.commitments {
				t.Errorf("%d commitments, want %d", size, tt.commitments)
			}
		})
	}
}

func TestFrontiers(t *testing.T) {
	frontiers, err := Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	var sizes []uint64
	for _, f := range frontiers {
		sizes = append(sizes, f.Size)
		if got, want := len(f.Ommers), bits.OnesCount64(f.Size-1); got != want {
			t.Errorf("frontier at %d: %d ommers, want %d", f.Height, got, want)
		}
		checkNodes(t, "leaf", f.Leaf)
		checkNodes(t, "ommer", f.Ommers...)
		checkNodes(t, "root", f.Root)
	}
	if want := []uint64{114, 48707008, 49517611}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %d, want %d", sizes, want)
	}

	// A subtree that is complete in two frontiers has the same root in both.
	last, before := frontiers[len(frontiers)-1], frontiers[len(frontiers)-2]
	shared := 0
	for level := range Depth {
		a, ok := before.ommer(level)
		b, too := last.ommer(level)
		same := (before.Size-1)>>(level+1) == (last.Size-1)>>(level+1)
		if !ok || !too || !same {
			continue
		}
		shared++
		if a != b {
			t.Errorf("level %d: the subtree left of both frontiers differs: %x, %x", level, a, b)
		}
	}
	if shared == 0 {
		t.Error("the frontiers share no subtree: nothing was compared")
	}
}

// ommer returns the ommer at a level, if the frontier has one there.
func (f Frontier) ommer(level int) ([32]byte, bool) {
	position := f.Size - 1
	if position>>level&1 == 0 {
		return [32]byte{}, false
	}
	return f.Ommers[bits.OnesCount64(position&(1<<level-1))], true
}

func TestTreestates(t *testing.T) {
	states, err := Treestates()
	if err != nil {
		t.Fatal(err)
	}
	var heights []uint32
	for _, s := range states {
		heights = append(heights, s.Height)
	}
	if want := []uint32{1687104, 1690000, 1722500, 1937500, 2402500, 3155000}; !slices.Equal(heights, want) {
		t.Errorf("heights %d, want %d", heights, want)
	}
}

func TestVectors(t *testing.T) {
	empty, err := EmptyRoots()
	if err != nil {
		t.Fatal(err)
	}
	checkNodes(t, "empty root", empty[:]...)
	if empty[0] != [32]byte{2} {
		t.Errorf("the empty leaf is %x, want 2", empty[0])
	}

	mainnet, err := Mainnet()
	if err != nil {
		t.Fatal(err)
	}
	if first := mainnet.Blocks[0]; first.SizeAfter != 0 || first.RootAfter != empty[Depth] {
		t.Errorf("the tree is empty after block %d, but its root is not the empty one", first.Height)
	}

	d, err := MerkleDepth4()
	if err != nil {
		t.Fatal(err)
	}
	checkNodes(t, "leaf", d.Leaves[:]...)
	for _, tree := range d.Trees {
		checkNodes(t, "root", tree.Root)
		for i, path := range tree.Paths {
			checkNodes(t, "sibling", path[:]...)
			sibling := empty[0]
			if i^1 < tree.Size {
				sibling = d.Leaves[i^1]
			}
			if path[0] != sibling {
				t.Errorf("%d leaves: path %d starts with %x, want %x", tree.Size, i, path[0], sibling)
			}
			for level := 1; level < 4; level++ {
				if (i>>level^1)<<level >= tree.Size && path[level] != empty[level] {
					t.Errorf("%d leaves: path %d, level %d is not the empty root", tree.Size, i, level)
				}
			}
		}
	}
}

func TestBadFiles(t *testing.T) {
	one := strings.Repeat("01", 32)
	two := strings.Repeat("02", 32)
	decodeChain := func(text string) error { _, err := decodeChain([]byte(text)); return err }
	decodeFrontiers := func(text string) error { _, err := decodeFrontiers([]byte(text)); return err }
	decodeDepth4 := func(text string) error { _, err := decodeDepth4([]byte(text)); return err }

	for _, tt := range []struct {
		name   string
		decode func(string) error
		text   string
		want   string
	}{
		{"empty file", decodeChain, ``, "EOF"},
		{"no blocks", decodeChain, `{}`, "no blocks"},
		{"unknown field", decodeChain, `{"block": []}`, "unknown field"},
		{"two values", decodeChain, `{} {}`, "more than one"},
		{"text behind", decodeChain, `{} ]`, "more than one"},
		{"null commitment", decodeChain, `{"blocks": [{"commitments": [null]}]}`, "null for a node"},
		{"null root", decodeChain, `{"blocks": [{"root_after": null}]}`, "null for a node"},
		{"null leaf", decodeFrontiers, `{"frontiers": [{"leaf": null}]}`, "null for a node"},
		{"null ommer", decodeFrontiers, `{"frontiers": [{"ommers": [null]}]}`, "null for a node"},
		{"null sibling", decodeDepth4, `{"trees": [{"paths": [[null]]}]}`, "null for a node"},
		{"number", decodeChain, `{"blocks": [{"root_after": 1}]}`, "cannot unmarshal number"},
		{"short node", decodeChain, `{"blocks": [{"root_after": "01"}]}`, "2 hex digits"},
		{"no hex", decodeChain, `{"blocks": [{"root_after": "` + strings.Repeat("x", 64) + `"}]}`, "invalid byte"},
		{"size", decodeChain, `{"blocks": [{"height": 1, "commitments": ["` + one + `"], "size_after": 2}]}`, "size 2 after it, want 1"},
		{"order", decodeChain, `{"blocks": [{"height": 1}, {"height": 1}]}`, "not above"},
		{"root of nothing", decodeChain, `{"blocks": [{"height": 1, "root_after": "` + one + `"}, {"height": 2, "root_after": "` + two + `"}]}`, "adds nothing"},
		{"no frontiers", decodeFrontiers, `{}`, "no frontiers"},
		{"empty frontier", decodeFrontiers, `{"frontiers": [{"size": 0}]}`, "0 leaves"},
		{"large frontier", decodeFrontiers, `{"frontiers": [{"size": 4294967297}]}`, "4294967297 leaves"},
		{"ommers", decodeFrontiers, `{"frontiers": [{"size": 2}]}`, "0 ommers, want 1"},
		{"frontier order", decodeFrontiers, `{"frontiers": [{"height": 2, "size": 1}, {"height": 1, "size": 1}]}`, "not after"},
		{"no trees", decodeDepth4, `{}`, "0 leaves and 0 trees"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.decode(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
