package input

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/internal/strict"
)

// A Proof is a witness with what it proves, as JSON has it.
type Proof struct {
	Position   uint64         `json:"position"`
	Scheme     string         `json:"scheme,omitempty"` // of a tree that is not Orchard's
	Leaf       *kvshard.Node  `json:"leaf,omitempty"`
	Root       *kvshard.Node  `json:"root,omitempty"`
	Size       uint64         `json:"size,omitempty"`
	Checkpoint *uint32        `json:"checkpoint,omitempty"`
	Path       []kvshard.Node `json:"path"` // a sibling a level, from the leaf's up
}

// Binary returns the binary form: the position, u32 LE, and the siblings from the
// leaf's up.
func (p *Proof) Binary() []byte {
	raw := binary.LittleEndian.AppendUint32(nil, uint32(p.Position))
	for _, node := range p.Path {
		raw = append(raw, node[:]...)
	}
	return raw
}

// WitnessBytes is the length of the binary form in Orchard's tree.
const WitnessBytes = 4 + 32*kvshard.Depth

const proofHint = "give a file of \"kvshard witness --output json\" or --binary"

// ReadProof reads a Proof from a file, or from standard input for "-": the
// binary form, or JSON with the fields of a Proof and no others. It has as many
// siblings as its scheme's depth.
func ReadProof(stdin io.Reader, path string) (p Proof, of *schemes.Scheme, err error) {
	raw, name, err := readSmall(stdin, path)
	if err != nil {
		return p, nil, exit.Errorf(exit.Input, proofHint, "%w", err)
	}
	if of := ofLength(len(raw)); of != nil && !isText(raw) {
		if err := p.fromBinary(raw); err != nil {
			return p, nil, exit.Errorf(exit.Input, proofHint, "%s: %w", name, err)
		}
		return p, of, nil
	}
	text, err := plainText(name, raw)
	if err != nil {
		return p, nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return p, nil, exit.Errorf(exit.Input, proofHint, "%s: neither JSON nor the %d bytes of the binary form, but %d bytes", name, WitnessBytes, len(raw))
	}
	if err := strict.Decode(text, &p); err != nil {
		return p, nil, exit.Errorf(exit.Input, proofHint, "%s: %w", name, err)
	}
	if of, err = schemes.ByName(p.Scheme); err != nil {
		return p, nil, exit.Errorf(exit.Input, proofHint, "%s: %w", name, err)
	}
	if len(p.Path) != of.Depth {
		return p, nil, exit.Errorf(exit.Input, proofHint, "%s: path: %d nodes, want the %d of %s", name, len(p.Path), of.Depth, of.Name)
	}
	return p, of, nil
}

// ofLength returns the scheme whose witnesses have so many bytes in binary, or nil.
func ofLength(length int) *schemes.Scheme {
	depth := (length - 4) / 32
	if of, found := schemes.ByDepth(depth); found && length == 4+32*depth {
		return of
	}
	return nil
}

func (p *Proof) fromBinary(raw []byte) error {
	p.Position = uint64(binary.LittleEndian.Uint32(raw))
	for at := 4; at < len(raw); at += 32 {
		node, err := kvshard.NodeFromBytes(raw[at : at+32])
		if err != nil {
			return fmt.Errorf("level %d: %w", len(p.Path), err)
		}
		p.Path = append(p.Path, node)
	}
	return nil
}
