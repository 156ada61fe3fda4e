// Package realdata decodes the committed test data: the commitments and roots of
// real Zcash blocks, frontiers of the main chain's tree, and the test vectors of
// its hash. The files are part of the binary; testdata/README.md tells where each
// comes from.
//
// A node is 32 bytes in the tree's own serialized order. Functions check the
// shape of what they return (lengths, sizes, number of ommers and siblings) and
// compute no hash. Every call decodes anew, so the caller owns the result.
package realdata

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/kvshard/kvshard/testdata"
)

// Depth of the tree that the blocks and frontiers belong to.
const Depth = 32

// Chain is a run of real blocks whose tree starts empty before the first of them.
type Chain struct {
	Network string
	Source  string
	Blocks  []Block
}

// Block is what one block does to the tree. Heights between two blocks of a chain
// may be missing; the blocks there added nothing.
type Block struct {
	Height      uint32
	Commitments [][32]byte // of every Orchard action, in block order; may be empty
	SizeAfter   uint64     // leaves in the tree after the block
	RootAfter   [32]byte   // the consensus root after the block
}

// Frontier is the right edge of the main chain's tree after the block at Height.
type Frontier struct {
	Height uint32
	Size   uint64     // leaves
	Leaf   [32]byte   // the last one, at position Size-1
	Ommers [][32]byte // from the lowest level up, one for each 1 bit of that position
	Root   [32]byte
}

// Depth4 is a tree of depth 4, which is one shard of 16 leaves. It has 16 trees:
// one for each number of first leaves.
type Depth4 struct {
	Leaves [16][32]byte
	Trees  [16]Depth4Tree // Trees[n-1] has n leaves
}

// Depth4Tree is the tree of depth 4 of the first Size leaves; the rest are empty.
type Depth4Tree struct {
	Size  int
	Paths [][4][32]byte // of each leaf that is there; Paths[i][0] is the sibling of leaf i
	Root  [32]byte
}

// Testnet returns the testnet blocks, oldest first: 8 commitments.
func Testnet() (Chain, error) { return chain("roots/testnet.json") }

// Mainnet returns the mainnet blocks, oldest first: 2 commitments.
func Mainnet() (Chain, error) { return chain("roots/mainnet.json") }

func chain(name string) (Chain, error) {
	text, err := testdata.Files.ReadFile(name)
	if err != nil {
		return Chain{}, err
	}
	c, err := decodeChain(text)
	if err != nil {
		return Chain{}, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

func decodeChain(text []byte) (Chain, error) {
	var file struct {
		Network string
		Source  string
		Blocks  []struct {
			Height      uint32
			Commitments []node
			SizeAfter   uint64 `json:"size_after"`
			RootAfter   node   `json:"root_after"`
		}
	}
	if err := decode(text, &file); err != nil {
		return Chain{}, err
	}
	if len(file.Blocks) == 0 {
		return Chain{}, errors.New("no blocks")
	}

	c := Chain{Network: file.Network, Source: file.Source}
	var size uint64
	for i, b := range file.Blocks {
		if i > 0 && b.Height <= file.Blocks[i-1].Height {
			return Chain{}, fmt.Errorf("block %d is not above the one before it", b.Height)
		}
		size += uint64(len(b.Commitments))
		if b.SizeAfter != size {
			return Chain{}, fmt.Errorf("block %d: size %d after it, want %d", b.Height, b.SizeAfter, size)
		}
		if i > 0 && len(b.Commitments) == 0 && b.RootAfter != file.Blocks[i-1].RootAfter {
			return Chain{}, fmt.Errorf("block %d adds nothing, but its root differs from the one before it", b.Height)
		}
		c.Blocks = append(c.Blocks, Block{
			Height:      b.Height,
			Commitments: plain(b.Commitments),
			SizeAfter:   b.SizeAfter,
			RootAfter:   b.RootAfter,
		})
	}
	return c, nil
}

// Frontiers returns the frontiers of the main chain's tree, smallest first. The
// largest has 49.5 million leaves.
func Frontiers() ([]Frontier, error) {
	const name = "frontiers/mainnet.json"
	text, err := testdata.Files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	frontiers, err := decodeFrontiers(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return frontiers, nil
}

func decodeFrontiers(text []byte) ([]Frontier, error) {
	var file struct {
		Network     string
		Source      string
		Attribution string
		Frontiers   []struct {
			Height uint32
			Size   uint64
			Leaf   node
			Ommers []node
			Root   node
		}
	}
	if err := decode(text, &file); err != nil {
		return nil, err
	}
	if len(file.Frontiers) == 0 {
		return nil, errors.New("no frontiers")
	}

	var frontiers []Frontier
	for i, f := range file.Frontiers {
		if f.Size == 0 || f.Size > 1<<Depth {
			return nil, fmt.Errorf("frontier at %d: no tree has %d leaves and a last one", f.Height, f.Size)
		}
		if want := bits.OnesCount64(f.Size - 1); len(f.Ommers) != want {
			return nil, fmt.Errorf("frontier at %d: %d ommers, want %d", f.Height, len(f.Ommers), want)
		}
		if i > 0 && (f.Height <= file.Frontiers[i-1].Height || f.Size < file.Frontiers[i-1].Size) {
			return nil, fmt.Errorf("frontier at %d is not after the one before it", f.Height)
		}
		frontiers = append(frontiers, Frontier{
			Height: f.Height,
			Size:   f.Size,
			Leaf:   f.Leaf,
			Ommers: plain(f.Ommers),
			Root:   f.Root,
		})
	}
	return frontiers, nil
}

// Treestate is what lightwalletd answered for a block of the main chain: the
// trees after it, encoded.
type Treestate struct {
	Height  uint32
	Orchard []byte
	Sapling []byte // the tree of another pool
}

// Treestates returns some tree states of the main chain, oldest first. The first
// is from before Orchard's first commitment, and three have the trees of
// Frontiers.
func Treestates() (states []Treestate, err error) {
	const name = "treestates/mainnet.json"
	text, err := testdata.Files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var file struct {
		Network     string
		Source      string
		Attribution string
		States      []struct {
			Height      uint32
			OrchardTree string
			SaplingTree string
		}
	}
	if err := decode(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, s := range file.States {
		orchard, err := hex.DecodeString(s.OrchardTree)
		if err != nil {
			return nil, fmt.Errorf("%s: orchardTree at %d: %w", name, s.Height, err)
		}
		sapling, err := hex.DecodeString(s.SaplingTree)
		if err != nil {
			return nil, fmt.Errorf("%s: saplingTree at %d: %w", name, s.Height, err)
		}
		if len(orchard) == 0 || len(sapling) == 0 {
			return nil, fmt.Errorf("%s: a tree at %d is missing", name, s.Height)
		}
		states = append(states, Treestate{s.Height, orchard, sapling})
	}
	return states, nil
}

// EmptyRoots returns the root of an empty tree of each depth: [0] is the empty
// leaf, [32] the empty tree.
func EmptyRoots() (roots [Depth + 1][32]byte, err error) {
	const name = "vectors/empty_roots.json"
	text, err := testdata.Files.ReadFile(name)
	if err != nil {
		return roots, err
	}
	var file struct {
		Source string
		Roots  []node
	}
	if err := decode(text, &file); err != nil {
		return roots, fmt.Errorf("%s: %w", name, err)
	}
	if len(file.Roots) != len(roots) {
		return roots, fmt.Errorf("%s: %d roots, want %d", name, len(file.Roots), len(roots))
	}
	copy(roots[:], plain(file.Roots))
	return roots, nil
}

// MerkleDepth4 returns the trees of depth 4.
func MerkleDepth4() (Depth4, error) {
	const name = "vectors/merkle_depth4.json"
	text, err := testdata.Files.ReadFile(name)
	if err != nil {
		return Depth4{}, err
	}
	trees, err := decodeDepth4(text)
	if err != nil {
		return Depth4{}, fmt.Errorf("%s: %w", name, err)
	}
	return trees, nil
}

func decodeDepth4(text []byte) (Depth4, error) {
	var file struct {
		Source string
		Leaves []node
		Trees  []struct {
			Size  int
			Paths [][]node
			Root  node
		}
	}
	if err := decode(text, &file); err != nil {
		return Depth4{}, err
	}

	var d Depth4
	if len(file.Leaves) != len(d.Leaves) || len(file.Trees) != len(d.Trees) {
		return Depth4{}, fmt.Errorf("%d leaves and %d trees, want %d of both", len(file.Leaves), len(file.Trees), len(d.Leaves))
	}
	copy(d.Leaves[:], plain(file.Leaves))
	for i, t := range file.Trees {
		if t.Size != i+1 || len(t.Paths) != t.Size {
			return Depth4{}, fmt.Errorf("tree %d: size %d and %d paths, want %d of both", i, t.Size, len(t.Paths), i+1)
		}
		tree := Depth4Tree{Size: t.Size, Paths: make([][4][32]byte, t.Size), Root: t.Root}
		for j, path := range t.Paths {
			if len(path) != len(tree.Paths[j]) {
				return Depth4{}, fmt.Errorf("tree %d: path %d has %d siblings", i, j, len(path))
			}
			copy(tree.Paths[j][:], plain(path))
		}
		d.Trees[i] = tree
	}
	return d, nil
}

// decode reads one JSON value, and refuses fields that v does not have.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}

// node is 32 bytes that a file shows as 64 hex digits.
type node [32]byte

// A node has UnmarshalJSON and not UnmarshalText: encoding/json would skip
// UnmarshalText for null and leave zeros, which are a valid node.
func (n *node) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	if text == nil {
		return errors.New("null for a node")
	}
	if len(*text) != hex.EncodedLen(len(n)) {
		return fmt.Errorf("a node of %d hex digits, want %d", len(*text), hex.EncodedLen(len(n)))
	}
	_, err := hex.Decode(n[:], []byte(*text))
	return err
}

func plain(nodes []node) [][32]byte {
	out := make([][32]byte, len(nodes))
	for i, n := range nodes {
		out[i] = n
	}
	return out
}
