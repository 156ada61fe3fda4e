// Package scheme is what packages kvshard and hashtree share and hide from
// everybody else: a tree's hash and depth, and the way by which hashtree reaches
// the engine. Package kvshard owns the one C boundary; package hashtree owns the
// API of other hashes. Neither can import what the other does not export.
package scheme

import (
	"crypto/sha256"
)

// MaxDepth is the greatest depth of a tree.
const MaxDepth = 32

// A Kind says where the hash is computed.
type Kind uint32

// The kinds, with the numbers of KVSHARD_SCHEME_* in kvshard.h.
const (
	VotePoseidon Kind = 1
	Hasher       Kind = 2
)

// A Scheme is a hash, the roots of empty subtrees, and a depth.
type Scheme struct {
	Kind Kind
	// Only Hasher uses the fields below; a built-in scheme knows them itself.
	Depth       int
	Fingerprint [8]byte
	EmptyRoots  [MaxDepth + 1][32]byte // by level, up to Depth
	// Combine hashes children, nodes of 32 bytes each, in pairs, and fills parents
	// with the results.
	Combine func(level int, children, parents []byte) error
	// Canonical tells whether the hash takes a node as a leaf or in a frontier.
	Canonical func(node [32]byte) bool
}

// A BuiltIn is a hash that the engine has. Nodes are 32 bytes each, one behind the
// other. A node that is not canonical is a kvshard.ErrInvalidNode with its index.
type BuiltIn interface {
	// CombineBatch hashes children in pairs, at least one.
	CombineBatch(op string, level int, children, parents []byte) error
	EmptyRoot(op string, level int) ([32]byte, error)
	// WitnessRoot takes a path of the scheme's depth.
	WitnessRoot(op string, position uint64, path []byte, leaf [32]byte) ([32]byte, error)
	// FrontierRoot takes a frontier of the right shape.
	FrontierRoot(op string, size uint64, leaf [32]byte, ommers []byte) ([32]byte, error)
}

// Package kvshard sets these for package hashtree when it is initialised. Option
// is any because its type is kvshard's: func(*Scheme) kvshard.Option.
var (
	Option any
	// Hash returns a built-in scheme's hash.
	Hash func(*Scheme) BuiltIn
)

// OptionOf is set by package hashtree for the command, which opens trees of all
// schemes as kvshard.Tree: func(*hashtree.Scheme) kvshard.Option.
var OptionOf any

// Fingerprint returns the 8 bytes by which a tree's tip names its scheme
// (FORMAT.md). They are the first bytes of SHA-256 over the text "kvshard scheme",
// the length of the name in one byte, the name, the depth in one byte, the empty
// leaf, and the hash at level 0 of the empty leaf with itself, which is the empty
// root of level 1.
func Fingerprint(name string, depth int, empty, hash [32]byte) [8]byte {
	h := sha256.New()
	h.Write([]byte("kvshard scheme"))
	h.Write([]byte{byte(len(name))})
	h.Write([]byte(name))
	h.Write([]byte{byte(depth)})
	h.Write(empty[:])
	h.Write(hash[:])
	return [8]byte(h.Sum(nil))
}
