package hashtree

import (
	"fmt"
	"sync"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/scheme"
)

// MaxDepth is the greatest depth of a tree.
const MaxDepth = scheme.MaxDepth

// A Hasher is the hash of a tree, in Go.
//
// It must be a function of its arguments alone, on every machine and in every
// release: the roots of a tree are consensus. Several goroutines can call it at
// once, because Trees over different stores run in parallel.
//
// If it returns an error, so does the call of the Tree, wrapped in a
// [kvshard.Error] of kind [kvshard.ErrHasher]. If it panics, so does the call. In
// both cases the store has not changed; only [Tree.Adopt] may have written, and goes
// on when it is called again.
type Hasher interface {
	// CombineBatch writes to parents[i] the hash of children[2i] and
	// children[2i+1]. The children are at this level; level 0 has the leaves. It
	// must write every parent, and each must be a canonical value. It is called on
	// the caller's goroutine. It may use other Trees, but not the one that is
	// hashing. The slices are valid during the call only.
	CombineBatch(level int, children, parents []Node) error

	// Canonical tells whether a node is a value of the hash's field. A hash of
	// bytes, such as keccak256, takes every value. It is asked about what the caller
	// gives and what CombineBatch answers, but not about what is read from the store:
	// a damaged record can hand CombineBatch any 32 bytes. It returns an error for
	// those that it cannot hash.
	Canonical(leaf Node) bool
}

// A Scheme is what a tree is built with: a hash, the value of an absent leaf,
// and a depth. It can be used by several goroutines at once.
//
// A store names the scheme of its tree. Calls with another scheme return
// [kvshard.ErrSchemeMismatch].
type Scheme struct {
	name   string
	hasher Hasher         // nil if the hash is built in
	built  scheme.BuiltIn // nil if it is a Hasher
	inner  scheme.Scheme
	option kvshard.Option
}

// NewScheme returns a scheme with this hash. A store names the scheme by its name
// (1 to 64 bytes), its depth (1 to [MaxDepth]), its absent leaf and its hash: keep
// all of them as long as there are trees.
//
// Errors: [kvshard.ErrInvalidArgument] for a bad argument;
// [kvshard.ErrInvalidNode] if the absent leaf is not canonical;
// [kvshard.ErrHasher] if the hasher fails or answers badly, its own error wrapped
// too.
//
// Cost: depth+1 calls of the hasher, with one pair each.
func NewScheme(name string, depth int, empty Node, h Hasher) (*Scheme, error) {
	const op = "NewScheme"
	switch {
	case name == "" || len(name) > 64:
		return nil, invalidArgument(op, "a name of %d bytes, want 1 to 64", len(name))
	case depth < 1 || depth > MaxDepth:
		return nil, invalidArgument(op, "depth %d, want 1 to %d", depth, MaxDepth)
	case h == nil:
		return nil, invalidArgument(op, "the hasher is nil")
	case !h.Canonical(empty):
		return nil, invalidNode(op, 0, "the absent leaf "+empty.String()+" is not canonical")
	}
	s := &Scheme{name: name, hasher: h}
	s.inner = scheme.Scheme{Kind: scheme.Hasher, Depth: depth, Combine: s.combineBytes, Canonical: s.canonical}
	root := empty
	for level := range depth {
		s.inner.EmptyRoots[level] = root
		parents, err := s.parents(op, level, []Node{root, root})
		if err != nil {
			return nil, err
		}
		root = parents[0]
	}
	s.inner.EmptyRoots[depth] = root
	hash, err := s.parents(op, 0, []Node{empty, s.inner.EmptyRoots[1]})
	if err != nil {
		return nil, err
	}
	s.inner.Fingerprint = scheme.Fingerprint(name, depth, empty, hash[0])
	s.option = newOption(&s.inner)
	return s, nil
}

// The command opens trees of all schemes through one type of Tree.
func init() {
	scheme.OptionOf = func(s *Scheme) kvshard.Option { return s.option }
}

// newOption makes the option that opens a tree of the scheme.
func newOption(s *scheme.Scheme) kvshard.Option {
	return scheme.Option.(func(*scheme.Scheme) kvshard.Option)(s)
}

// VotePoseidon returns the scheme of the trees that the crate
// vote-commitment-tree builds: Poseidon P128Pow5T3 over Pallas, depth 24, an
// absent leaf Poseidon(0, 0). It is built in: no Hasher is called. Nodes are
// the canonical little-endian encoding of a Pallas base field element.
func VotePoseidon() *Scheme { return votePoseidon() }

var votePoseidon = sync.OnceValue(func() *Scheme {
	s := &Scheme{name: "vote-poseidon"}
	s.inner = scheme.Scheme{Kind: scheme.VotePoseidon, Depth: 24}
	// The engine has it too; the rule is that of NewScheme.
	s.inner.Fingerprint = [8]byte{0x67, 0xeb, 0x3c, 0x15, 0xca, 0x9a, 0x24, 0x60}
	s.option, s.built = newOption(&s.inner), scheme.Hash(&s.inner)
	return s
})

// Name returns the scheme's name.
func (s *Scheme) Name() string { return s.name }

// Depth returns the number of levels above the leaves.
func (s *Scheme) Depth() int { return s.inner.Depth }

// String returns the name and the depth.
func (s *Scheme) String() string { return fmt.Sprintf("%s at depth %d", s.name, s.inner.Depth) }

// Fingerprint returns the 8 bytes that a store names the scheme with: those of
// [kvshard.TipRecord]. They are drawn from the name, the depth, the absent leaf
// and the hash.
func (s *Scheme) Fingerprint() [8]byte { return s.inner.Fingerprint }

// EmptyRoot returns the root of a subtree without leaves whose root is at this
// level, 0 to the depth. At level 0 that is the absent leaf.
//
// Errors: [kvshard.ErrInvalidArgument] for another level.
//
// Cost: no hash, and no store.
func (s *Scheme) EmptyRoot(level int) (Node, error) {
	const op = "Scheme.EmptyRoot"
	if level < 0 || level > s.inner.Depth {
		return Node{}, invalidArgument(op, "level %d, want 0 to %d", level, s.inner.Depth)
	}
	if s.built != nil {
		return s.built.EmptyRoot(op, level)
	}
	return s.inner.EmptyRoots[level], nil
}

// Combine returns the parent of two nodes at this level, 0 (two leaves) to
// depth-1.
//
// Errors: [kvshard.ErrInvalidArgument] for another level; [kvshard.ErrInvalidNode]
// if a node is not canonical; [kvshard.ErrHasher] if the hasher fails.
//
// Cost: 1 hash, and no store. It runs on the caller's goroutine.
func (s *Scheme) Combine(level int, left, right Node) (Node, error) {
	parents, err := s.combine("Scheme.Combine", level, []Node{left, right})
	if err != nil {
		return Node{}, err
	}
	return parents[0], nil
}

// CombineBatch returns the parents of many nodes, all at one level: children[2i] is
// the left child of parent i, children[2i+1] the right one. Without children it
// returns nil.
//
// Errors: those of [Scheme.Combine], and [kvshard.ErrInvalidArgument] for an odd
// number of children.
//
// Cost: 1 hash a parent, in one call of the hasher, and no store. A hasher is called on
// the caller's goroutine, with a copy of the children. A built-in hash shares batches of
// 4,096 parents and more among all cores.
func (s *Scheme) CombineBatch(level int, children []Node) ([]Node, error) {
	return s.combine("Scheme.CombineBatch", level, children)
}

func (s *Scheme) combine(op string, level int, children []Node) ([]Node, error) {
	switch {
	case level < 0 || level >= s.inner.Depth:
		return nil, invalidArgument(op, "level %d, want 0 to %d", level, s.inner.Depth-1)
	case len(children)%2 != 0:
		return nil, invalidArgument(op, "%d children, which are no pairs", len(children))
	case len(children) == 0:
		return nil, nil
	}
	if err := s.checkNodes(op, children); err != nil {
		return nil, err
	}
	// The hasher may write what it is given.
	return s.parents(op, level, append([]Node(nil), children...))
}

// parents returns the parents of canonical nodes. The hash owns the children from
// here on.
func (s *Scheme) parents(op string, level int, children []Node) ([]Node, error) {
	parents := make([]Node, len(children)/2)
	if s.built != nil {
		if err := s.built.CombineBatch(op, level, bytesOf(children), bytesOf(parents)); err != nil {
			return nil, err
		}
		return parents, nil
	}
	if err := s.callHasher(level, children, parents); err != nil {
		what := fmt.Sprintf("%d pairs at level %d", len(parents), level)
		return nil, &kvshard.Error{Op: op, Kind: kvshard.ErrHasher, What: what, Err: err}
	}
	return parents, nil
}

// checkNodes refuses a node that is not canonical. A built-in hash checks by
// itself.
func (s *Scheme) checkNodes(op string, nodes []Node) error {
	if s.built != nil {
		return nil
	}
	for i, node := range nodes {
		if !s.hasher.Canonical(node) {
			return invalidNode(op, uint64(i), fmt.Sprintf("node %d, %s, is not canonical in %s", i, node, s))
		}
	}
	return nil
}

// combineBytes and canonical are what package kvshard calls.
func (s *Scheme) combineBytes(level int, children, parents []byte) error {
	return s.callHasher(level, nodesOf(children), nodesOf(parents))
}

func (s *Scheme) canonical(node [32]byte) bool { return s.hasher.Canonical(node) }

// unwritten is what the parents hold before a hasher writes them. No hash has this
// value by chance.
var unwritten = func() (n Node) {
	for i := range n {
		n[i] = 0xFF
	}
	return n
}()

// callHasher lets the hasher write the parents, and checks what it wrote. The caller
// makes an ErrHasher of its error.
func (s *Scheme) callHasher(level int, children, parents []Node) error {
	for i := range parents {
		parents[i] = unwritten
	}
	if err := s.hasher.CombineBatch(level, children, parents); err != nil {
		return err
	}
	for i, parent := range parents {
		switch {
		case parent == unwritten:
			return fmt.Errorf("CombineBatch left parent %d of %d at level %d unwritten", i, len(parents), level+1)
		case !s.hasher.Canonical(parent):
			return fmt.Errorf("CombineBatch answered %s for parent %d of %d at level %d, which is not canonical", parent, i, len(parents), level+1)
		}
	}
	return nil
}

func invalidArgument(op, format string, args ...any) error {
	return &kvshard.Error{Op: op, Kind: kvshard.ErrInvalidArgument, What: fmt.Sprintf(format, args...)}
}

func invalidNode(op string, index uint64, what string) error {
	return &kvshard.Error{Op: op, Kind: kvshard.ErrInvalidNode, What: what, Index: index}
}
