//go:build cgo

package kvshard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// encoding/json leaves a value alone if the text has null, too few elements, or
// no such field. Zero is a valid node, so such a text would become a node, a path
// or a frontier that nobody wrote. The methods of this file refuse it.

// UnmarshalJSON reads a node from a JSON string, whose text is that of
// UnmarshalText. It refuses null too: zero is a valid node, and no other node
// stands for "none". A *Node can be null, as any pointer, and then becomes nil.
// An error leaves the node alone.
//
// A Go array of nodes takes a JSON array of any length: encoding/json drops
// what is too much and sets to zero what is missing. Decode into a slice, and
// check its length.
//
// Errors: [ErrInvalidNode] for anything else.
func (n *Node) UnmarshalJSON(data []byte) error {
	parsed, err := nodeFromJSON("UnmarshalJSON", data)
	if err != nil {
		return err
	}
	*n = parsed
	return nil
}

func nodeFromJSON(op string, data []byte) (Node, error) {
	var text string
	if null := string(bytes.TrimSpace(data)) == "null"; null || json.Unmarshal(data, &text) != nil {
		return Node{}, &Error{Op: op, Kind: ErrInvalidNode, What: fmt.Sprintf("%s is no JSON string of %d hex digits", excerpt(data), 2*len(Node{}))}
	}
	return parseNode(op, text)
}

// UnmarshalJSON reads the JSON object that encoding/json writes for a Witness:
// {"Position": number, "Path": [32 strings]}. Both fields must be there and
// whole, and no others. An error leaves the witness alone.
//
// A struct that embeds a Witness is read by this method too, and its own fields
// are refused as unknown: give the Witness a field name.
//
// Errors: [ErrInvalidNode] for an element of Path that is no node, with Index
// i+1 for Path[i]; [ErrInvalidArgument] for everything else.
func (w *Witness) UnmarshalJSON(data []byte) error {
	const op = "Witness.UnmarshalJSON"
	var fields struct {
		Position *uint64
		Path     []json.RawMessage
	}
	if err := objectFromJSON(op, data, &fields); err != nil {
		return err
	}
	switch {
	case fields.Position == nil:
		return invalidArgument(op, "Position is missing")
	case *fields.Position >= 1<<Depth:
		return invalidArgument(op, "Position %d is not below 2^%d", *fields.Position, Depth)
	case len(fields.Path) != Depth:
		return invalidArgument(op, "Path has %d nodes, want %d", len(fields.Path), Depth)
	}
	path, err := nodesFromJSON(op, "Path", fields.Path)
	if err != nil {
		return err
	}
	*w = Witness{Position: *fields.Position, Path: [Depth]Node(path)}
	return nil
}

// UnmarshalJSON reads the JSON object that encoding/json writes for a Frontier:
// {"Size": number, "Leaf": string, "Ommers": [strings]}. Size and Leaf must be
// there. Ommers may be null or missing if the size needs none. There may be no
// other field. An error leaves the frontier alone. About structs that embed it
// see [Witness.UnmarshalJSON].
//
// Errors: [ErrInvalidNode] for a leaf or ommer that is no node, with Index 0 for
// the leaf and i+1 for Ommers[i]; [ErrInvalidArgument] for everything else, also
// for a number of ommers that does not fit the size.
func (f *Frontier) UnmarshalJSON(data []byte) error {
	const op = "Frontier.UnmarshalJSON"
	var fields struct {
		Size   *uint64
		Leaf   json.RawMessage
		Ommers []json.RawMessage
	}
	if err := objectFromJSON(op, data, &fields); err != nil {
		return err
	}
	switch {
	case fields.Size == nil:
		return invalidArgument(op, "Size is missing")
	case fields.Leaf == nil:
		return invalidArgument(op, "Leaf is missing")
	}
	read := Frontier{Size: *fields.Size}
	var err error
	if read.Leaf, err = nodeFromJSON(op, fields.Leaf); err != nil {
		return inField(err, "Leaf", 0)
	}
	if read.Ommers, err = nodesFromJSON(op, "Ommers", fields.Ommers); err != nil {
		return err
	}
	if wrong := read.check(); wrong != "" {
		return invalidArgument(op, "%s", wrong)
	}
	*f = read
	return nil
}

// objectFromJSON decodes a JSON object into a struct. It refuses fields that the
// struct does not have.
func objectFromJSON(op string, data []byte, fields any) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return invalidArgument(op, "%s is no JSON object", excerpt(data))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(fields)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return invalidArgument(op, "%s cannot be a JSON %s", wrong.Field, wrong.Value)
	}
	if err != nil {
		return invalidArgument(op, "%v", err)
	}
	if rest := bytes.TrimSpace(data[d.InputOffset():]); len(rest) > 0 {
		return invalidArgument(op, "%s stands behind the JSON object", excerpt(rest))
	}
	return nil
}

// nodesFromJSON reads the elements of the field called name, nil for none.
func nodesFromJSON(op, name string, elements []json.RawMessage) (nodes []Node, err error) {
	for i, element := range elements {
		node, err := nodeFromJSON(op, element)
		if err != nil {
			return nil, inField(err, fmt.Sprintf("%s[%d]", name, i), uint64(i)+1)
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// inField puts the field's name and index into an error of nodeFromJSON.
func inField(err error, name string, index uint64) error {
	e := err.(*Error)
	e.What, e.Index = name+": "+e.What, index
	return e
}

// excerpt returns text for a message, cut if it is long.
func excerpt(text []byte) string {
	const most = 70
	text = bytes.ToValidUTF8(bytes.TrimSpace(text), []byte("\uFFFD"))
	if len(text) > most {
		return string(bytes.ToValidUTF8(text[:most], nil)) + "…"
	}
	return string(text)
}
