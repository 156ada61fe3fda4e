package input

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/internal/strict"
)

// A StartingPoint is a frontier with what is known of it.
type StartingPoint struct {
	Frontier kvshard.Frontier
	Height   *uint32
	Roots    []kvshard.Node // each must be the root
	Either   []kvshard.Node // one of them must be, if there are any
}

// A FrontierView is a frontier as the command has it in JSON.
type FrontierView struct {
	Scheme    string         `json:"scheme,omitempty"` // of a tree that is not Orchard's
	Size      uint64         `json:"size"`
	Leaf      *kvshard.Node  `json:"leaf,omitempty"` // of a tree that has one
	Ommers    []kvshard.Node `json:"ommers"`
	Root      kvshard.Node   `json:"root"`
	Treestate string         `json:"treestate,omitempty"` // of Orchard's tree

	Checkpoint *uint32 `json:"checkpoint,omitempty"` // whose frontier it is, if it was asked for
}

func badTreestate(format string, args ...any) error {
	return exit.Errorf(exit.Input, "give orchard.commitments.finalState of z_gettreestate, or orchardTree of lightwalletd", "the tree state: "+format, args...)
}

// ReadTreestate reads a tree state given in hex, or as @FILE or - (standard
// input) with the hex or the JSON.
func ReadTreestate(stdin io.Reader, from string) (t StartingPoint, err error) {
	path, inFile := strings.CutPrefix(from, "@")
	if !inFile && from != "-" {
		return t, t.decode(from)
	}
	if inFile && strings.TrimSpace(path) == "" {
		return t, exit.Usagef("--import-treestate @ names no file")
	}
	raw, name, err := readSmall(stdin, path)
	if err != nil {
		return t, exit.Errorf(exit.Input, "", "%w", err)
	}
	if raw, err = plainText(name, raw); err != nil {
		return t, err
	}
	if text := strings.TrimSpace(string(raw)); !strings.HasPrefix(text, "{") {
		return t, t.decode(text)
	}
	if raw, err = withoutEnvelope(raw); err != nil {
		return t, err
	}
	return t, t.fromJSON(raw)
}

func (t *StartingPoint) decode(text string) error {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return badTreestate("%w", err)
	}
	t.Frontier, err = kvshard.ParseTreestate(raw)
	var failed *kvshard.Error
	switch {
	case errors.Is(err, kvshard.ErrInvalidNode):
		return exit.Errorf(exit.Input, "give the tree state of Orchard's pool, not of Sapling's", "the tree state: %w", err)
	case errors.As(err, &failed):
		return badTreestate("%s", failed.What)
	}
	return err
}

// withoutEnvelope returns the result in an answer of JSON-RPC, or else the text.
func withoutEnvelope(text []byte) ([]byte, error) {
	var answer struct {
		_      strict.Others
		Result json.RawMessage `json:"result,omitempty"`
		Error  json.RawMessage `json:"error,omitempty"`
	}
	if err := strict.Decode(text, &answer); err != nil {
		return nil, badTreestate("%w", err)
	}
	if len(answer.Error) > 0 && string(answer.Error) != "null" {
		return nil, badTreestate("the node answered with an error: %s", shown(answer.Error))
	}
	if answer.Result != nil {
		return answer.Result, nil
	}
	return text, nil
}

// fromJSON reads what one of the programs answered. They are told apart by a
// field that only one has.
func (t *StartingPoint) fromJSON(text []byte) error {
	var answer struct {
		_       strict.Others
		Orchard json.RawMessage `json:"orchard,omitempty"`
		Light   json.RawMessage `json:"orchardTree,omitempty"`
		Own     json.RawMessage `json:"treestate,omitempty"`
	}
	if err := strict.Decode(text, &answer); err != nil {
		return badTreestate("%w", err)
	}
	switch {
	case answer.Orchard != nil:
		return t.fromZcash(text)
	case answer.Light != nil:
		return t.fromLightwalletd(text)
	case answer.Own != nil:
		return t.fromFrontier(text)
	}
	return badTreestate("there is none of Orchard's in it")
}

// fromZcash reads the answer to z_gettreestate, which has further fields.
func (t *StartingPoint) fromZcash(text []byte) (err error) {
	var answer struct {
		_       strict.Others
		Height  *uint32 `json:"height,omitempty"`
		Orchard struct {
			_           strict.Others
			Commitments struct {
				_     strict.Others
				Root  string `json:"finalRoot,omitempty"`
				State string `json:"finalState"`
			} `json:"commitments"`
		} `json:"orchard"`
	}
	if err := strict.Decode(text, &answer); err != nil {
		return badTreestate("%w", err)
	}
	t.Height = answer.Height
	if t.Either, err = eitherOrder(answer.Orchard.Commitments.Root); err != nil {
		return err
	}
	return t.decode(answer.Orchard.Commitments.State)
}

// fromLightwalletd reads a TreeState, which has further fields. Its height is a number
// of 64 bits, and JSON made from a protocol buffer has that as a string.
func (t *StartingPoint) fromLightwalletd(text []byte) error {
	var answer struct {
		_       strict.Others
		Height  *height `json:"height,omitempty"`
		Orchard string  `json:"orchardTree"`
	}
	if err := strict.Decode(text, &answer); err != nil {
		return badTreestate("%w", err)
	}
	if answer.Orchard == "" {
		return badTreestate("orchardTree is empty: the block is below Orchard's activation")
	}
	t.Height = (*uint32)(answer.Height)
	return t.decode(answer.Orchard)
}

// A height is a checkpoint's id, as a number or as a string.
type height uint32

func (h *height) UnmarshalJSON(text []byte) error {
	digits := string(text)
	if len(digits) > 1 && digits[0] == '"' {
		digits = digits[1 : len(digits)-1]
	}
	id, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return fmt.Errorf("%s, want a number from 0 to 4294967295", text)
	}
	*h = height(id)
	return nil
}

// fromFrontier reads what "kvshard frontier --output json" wrote.
func (t *StartingPoint) fromFrontier(text []byte) error {
	var view FrontierView
	if err := strict.Decode(text, &view); err != nil {
		return badTreestate("%w", err)
	}
	if err := t.decode(view.Treestate); err != nil {
		return err
	}
	if view.Leaf == nil {
		view.Leaf = &kvshard.Node{}
	}
	if f := t.Frontier; view.Size != f.Size || *view.Leaf != f.Leaf || !slices.Equal(view.Ommers, f.Ommers) {
		return badTreestate("size, leaf and ommers are not those of its field treestate")
	}
	t.Roots, t.Height = append(t.Roots, view.Root), view.Checkpoint
	return nil
}

// eitherOrder reads a root that may be in the order of block explorers.
func eitherOrder(text string) ([]kvshard.Node, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		return nil, badTreestate("finalRoot %q is no root", text)
	}
	as := kvshard.Node(raw)
	slices.Reverse(raw)
	return []kvshard.Node{as, kvshard.Node(raw)}, nil
}
