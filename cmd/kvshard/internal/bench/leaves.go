package bench

import (
	"encoding/binary"
	"iter"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// makeLeaves makes the leaves from a position on: pseudorandom, the same in every
// run, and canonical since their last byte is 0.
func makeLeaves(first, n uint64) []kvshard.Node {
	leaves := make([]kvshard.Node, n)
	for i := range leaves {
		for word := range uint64(4) {
			mixed := (first + uint64(i) + 1 + word<<32) * 0x9E3779B97F4A7C15
			binary.LittleEndian.PutUint64(leaves[i][8*word:], mixed^mixed>>29)
		}
		leaves[i][31] = 0
	}
	return leaves
}

// inParts makes the first n leaves, as many at once as a command writes: all of a
// large tree would need gigabytes.
func inParts(n uint64) iter.Seq[[]kvshard.Node] {
	return func(yield func([]kvshard.Node) bool) {
		for first := uint64(0); first < n; first += source.BatchLeaves {
			if !yield(makeLeaves(first, min(source.BatchLeaves, n-first))) {
				return
			}
		}
	}
}
