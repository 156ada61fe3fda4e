package membership

import (
	"os"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/constraint"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/frontend/cs/r1cs"
	"github.com/consensys/gnark/logger"

	"github.com/kvshard/kvshard/examples/schemes"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

func TestMain(m *testing.M) {
	logger.Disable() // gnark's
	os.Exit(m.Run())
}

const (
	depth  = 20
	leaves = 1000
	proven = 617
)

// A hashed is one of the two that gnark has in circuits.
type hashed struct {
	name    string
	scheme  func(depth int) (*hashtree.Scheme, error)
	leaf    func(fr.Element) hashtree.Node
	circuit Hash
}

var all = []hashed{
	{"MiMC", schemes.MiMCTree, schemes.MiMC{}.Leaf, MiMC},
	{"Poseidon2", schemes.Poseidon2Tree, schemes.Poseidon2{}.Leaf, Poseidon2},
}

func dataAt(position uint64) fr.Element { return fr.NewElement(1000 + position) }

// grow returns a tree's root, and the witness of one of its leaves.
func (h hashed) grow(t *testing.T) (root hashtree.Node, w hashtree.Witness) {
	t.Helper()
	scheme, err := h.scheme(depth)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := hashtree.Open(kvtest.Strict(t), scheme)
	if err != nil {
		t.Fatal(err)
	}
	batch := make([]hashtree.Node, leaves)
	for i := range batch {
		batch[i] = h.leaf(dataAt(uint64(i)))
	}
	if _, err := tree.AppendBatch(batch); err != nil {
		t.Fatal(err)
	}
	if err := tree.Checkpoint(1); err != nil {
		t.Fatal(err)
	}
	if root, err = tree.RootAt(1); err != nil {
		t.Fatal(err)
	}
	if w, err = tree.WitnessAt(proven, 1); err != nil {
		t.Fatal(err)
	}
	return root, w
}

func (h hashed) compile(t *testing.T) constraint.ConstraintSystem {
	t.Helper()
	compiled, err := frontend.Compile(ecc.BN254.ScalarField(), r1cs.NewBuilder, New(depth, h.circuit))
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// TestProof compiles the circuit, proves with a path from the tree, and verifies;
// not against another root.
func TestProof(t *testing.T) {
	for _, h := range all {
		t.Run(h.name, func(t *testing.T) {
			root, w := h.grow(t)
			compiled := h.compile(t)
			proving, verifying, err := groth16.Setup(compiled)
			if err != nil {
				t.Fatal(err)
			}
			secret, err := frontend.NewWitness(Assign(root, dataAt(proven), w), ecc.BN254.ScalarField())
			if err != nil {
				t.Fatal(err)
			}
			proof, err := groth16.Prove(compiled, proving, secret)
			if err != nil {
				t.Fatal(err)
			}
			verify := func(root hashtree.Node) error {
				public, err := frontend.NewWitness(Public(root), ecc.BN254.ScalarField(), frontend.PublicOnly())
				if err != nil {
					t.Fatal(err)
				}
				return groth16.Verify(proof, verifying, public)
			}
			if err := verify(root); err != nil {
				t.Errorf("the proof is refused: %v", err)
			}
			other := root
			other[31] ^= 1
			if verify(other) == nil {
				t.Error("the proof is taken for another root")
			}
		})
	}
}

// TestUnprovable: what is not in the tree satisfies no circuit.
func TestUnprovable(t *testing.T) {
	for _, h := range all {
		t.Run(h.name, func(t *testing.T) {
			root, w := h.grow(t)
			compiled := h.compile(t)
			solves := func(root hashtree.Node, data fr.Element, w hashtree.Witness) error {
				full, err := frontend.NewWitness(Assign(root, data, w), ecc.BN254.ScalarField())
				if err != nil {
					t.Fatal(err)
				}
				return compiled.IsSolved(full)
			}
			if err := solves(root, dataAt(proven), w); err != nil {
				t.Fatalf("the leaf itself: %v", err)
			}
			elsewhere, changed := w, w
			elsewhere.Position++
			changed.Path = append([]hashtree.Node(nil), w.Path...)
			changed.Path[3][31] ^= 1
			for what, err := range map[string]error{
				"another leaf":     solves(root, dataAt(proven+1), w),
				"another position": solves(root, dataAt(proven), elsewhere),
				"another path":     solves(root, dataAt(proven), changed),
			} {
				if err == nil {
					t.Errorf("%s is proven", what)
				}
			}
		})
	}
}
