package input

import (
	"bytes"
	"io"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/internal/strict"
)

// A Proof is a witness with what it proves, as JSON has it.
type Proof struct {
	Position   uint64                      `json:"position"`
	Leaf       *kvshard.Node               `json:"leaf,omitempty"`
	Root       *kvshard.Node               `json:"root,omitempty"`
	Size       uint64                      `json:"size,omitempty"`
	Checkpoint *uint32                     `json:"checkpoint,omitempty"`
	Path       [kvshard.Depth]kvshard.Node `json:"path"`
}

// WitnessBytes is the length of the binary form: the position, u32 LE, and the
// 32 siblings from the leaf's up.
const WitnessBytes = 4 + 32*kvshard.Depth

// ReadProof reads a Proof from a file, or from standard input for "-": the
// binary form, or JSON with the fields of a Proof and no others.
func ReadProof(stdin io.Reader, path string) (p Proof, err error) {
	const hint = "give a file of \"kvshard witness --output json\" or --binary"
	raw, name, err := readSmall(stdin, path)
	if err != nil {
		return p, exit.Errorf(exit.Input, hint, "%w", err)
	}
	if len(raw) == WitnessBytes && !isText(raw) {
		var witness kvshard.Witness
		if err := witness.UnmarshalBinary(raw); err != nil {
			return p, exit.Errorf(exit.Input, hint, "%s: %w", name, err)
		}
		p.Position, p.Path = witness.Position, witness.Path
		return p, nil
	}
	text, err := plainText(name, raw)
	if err != nil {
		return p, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return p, exit.Errorf(exit.Input, hint, "%s: neither JSON nor the %d bytes of the binary form, but %d bytes", name, WitnessBytes, len(raw))
	}
	if err := strict.Decode(text, &p); err != nil {
		return p, exit.Errorf(exit.Input, hint, "%s: %w", name, err)
	}
	return p, nil
}
