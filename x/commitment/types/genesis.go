package types

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kvshard/kvshard"
)

// DefaultGenesisState is an empty tree under the default parameters.
func DefaultGenesisState() *GenesisState {
	root, err := kvshard.EmptyRoot(kvshard.Depth)
	if err != nil {
		panic(err)
	}
	nothing := sha256.Sum256(nil)
	return &GenesisState{
		Params:  DefaultParams(),
		Tree:    GenesisTree{Root: root[:], Sha256: nothing[:]},
		History: &GenesisHistory{},
	}
}

// Validate checks what needs no store: the parameters, that every part is there that
// all trees have, that the history grows, and that what waits can be appended. The import
// checks the records.
//
// Errors name the field.
func (g GenesisState) Validate() error {
	return errors.Join(
		named("params", g.Params.Validate()),
		named("tree", g.Tree.Validate()),
		named("history", g.History.Validate()),
		named("waiting", g.validateWaiting()),
	)
}

func named(field string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", field, err)
	}
	return err
}

// Validate checks that every part is there that all trees have: JSON's null or a missing
// field is an empty one. Without file and data the tree is in the store, where only
// InitGenesis sees it.
func (g GenesisTree) Validate() error {
	if _, err := kvshard.NodeFromBytes(g.Root); err != nil {
		return named("root", err)
	}
	switch {
	case len(g.Sha256) != sha256.Size:
		return fmt.Errorf("sha256: it has %d bytes, not %d", len(g.Sha256), sha256.Size)
	case g.File != "" && len(g.Data) > 0:
		return errors.New("data: the tree is in file: remove one of the two")
	case g.Size_ > 0 && g.Records == 0:
		return fmt.Errorf("size: %d leaves in no records", g.Size_)
	}
	return nil
}

// String names the tree, and not where the stream is.
func (g *GenesisTree) String() string {
	return fmt.Sprintf("%d records of %d leaves with root %x and SHA-256 %x", g.Records, g.Size_, g.Root, g.Sha256)
}

// NewGenesisHistory packs the sizes after the heights that appended, which both grow:
// some four bytes a height.
func NewGenesisHistory(knownFrom uint64, sizes []HeightSize) *GenesisHistory {
	h := &GenesisHistory{KnownFrom: knownFrom}
	var last HeightSize
	for _, s := range sizes {
		h.Sizes = binary.AppendUvarint(h.Sizes, s.Height-last.Height)
		h.Sizes = binary.AppendUvarint(h.Sizes, s.Size_-last.Size_)
		last = s
	}
	return h
}

// Validate checks that heights and sizes grow. No history is a valid one.
func (h *GenesisHistory) Validate() error {
	if h == nil {
		return nil
	}
	_, err := h.Unpack()
	return err
}

// Unpack returns the sizes. Heights and sizes must grow.
func (h *GenesisHistory) Unpack() (sizes []HeightSize, err error) {
	var last HeightSize
	for data := h.Sizes; len(data) > 0; {
		var next HeightSize
		// A tree from elsewhere may have a checkpoint 0.
		if next.Height, data, err = grow(data, last.Height, len(sizes) == 0); err != nil {
			return nil, fmt.Errorf("sizes: height number %d: %w", len(sizes), err)
		}
		if next.Size_, data, err = grow(data, last.Size_, false); err != nil {
			return nil, fmt.Errorf("sizes: size number %d: %w", len(sizes), err)
		}
		sizes, last = append(sizes, next), next
	}
	return sizes, nil
}

// grow reads by how much a number is above the last one, or the same if that may be.
func grow(data []byte, last uint64, same bool) (next uint64, rest []byte, err error) {
	by, n := binary.Uvarint(data)
	switch {
	case n <= 0:
		return 0, nil, errors.New("it is cut short")
	case by == 0 && !same || last+by < last:
		return 0, nil, errors.New("it does not grow")
	}
	return last + by, data[n:], nil
}
