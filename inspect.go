//go:build cgo

package kvshard

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A Violation is an invariant that [Tree.Check] found broken. errors.Is finds
// [ErrCorrupt] in it.
type Violation struct {
	// Invariant is its name: "keys", "tip", "summary", "checkpoints",
	// "retained", "ledger", "removals", "shards", "flags", "cap" or "quads".
	Invariant string
	// Key is the key of the record, as the store knows it, so with the prefix
	// of [WithPrefix]; nil if it is about no single record.
	Key []byte
	// Record is what the key stands for, such as "shard(3)"; "" if it is none
	// of the tree's keys, or there is no key.
	Record string
	// Detail tells in words what was expected and what is there.
	Detail string
}

// Error puts the parts in one line.
func (v *Violation) Error() string {
	var b strings.Builder
	b.WriteString("kvshard: Check: ")
	// "shard(3)" says "shards" too.
	if kind, _, _ := strings.Cut(v.Record, "("); kind != strings.TrimSuffix(v.Invariant, "s") {
		fmt.Fprintf(&b, "%s: ", v.Invariant)
	}
	if v.Record != "" {
		fmt.Fprintf(&b, "%s ", v.Record)
	}
	if v.Key != nil {
		fmt.Fprintf(&b, "(key %x) ", v.Key)
	}
	b.WriteString(v.Detail)
	return b.String()
}

// Unwrap returns [ErrCorrupt].
func (v *Violation) Unwrap() error { return ErrCorrupt }

// Check reads all of the tree's records and checks that they are sound and
// agree with each other: that shards decode, that inner nodes are the hashes
// of their children, that the cap is the frontier's, that checkpoints are in
// range and in order, that there is no record that does not belong. It
// returns nil if so, and otherwise every violation as a [*Violation], joined
// by errors.Join. If the tree could not be read to the end, it is an [*Error]
// instead.
//
// Cost: it reads every record once and hashes the whole tree. It is for
// operators and tests, not for a transaction.
func (t *Tree) Check() error {
	const op = "Check"
	var lines []byte
	if err := t.run(op, func(c *call) status { return c.check(&lines) }); err != nil {
		return err
	}
	violations, err := parseViolations(op, string(lines), t.options.prefix)
	if err != nil {
		return err
	}
	return errors.Join(violations...)
}

// parseViolations reads the engine's lines "invariant TAB key TAB detail LF",
// in which the key is hex without the prefix, or "-" for none.
func parseViolations(op, lines string, prefix []byte) ([]error, error) {
	malformed := func(line string) error {
		return &Error{Op: op, Kind: ErrInternal, What: fmt.Sprintf("the engine reports a violation in an unknown form: %q", line)}
	}
	var violations []error
	for line := range strings.Lines(lines) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(fields) != 3 {
			return nil, malformed(line)
		}
		v := &Violation{Invariant: fields[0], Detail: strings.ToValidUTF8(fields[2], "\uFFFD")}
		if fields[1] != "-" {
			key, err := hex.DecodeString(fields[1])
			if err != nil {
				return nil, malformed(line)
			}
			v.Record, v.Key = keyName(key), append(bytes.Clone(prefix), key...)
			if named, rest := splitKey(v.Detail, prefix); bytes.Equal(named, v.Key) {
				v.Detail = rest
			}
		}
		violations = append(violations, v)
	}
	return violations, nil
}

// Dump writes a picture of the tree as text: its size, frontier, cap, shards
// and checkpoints, with the bytes that each record takes. The text is for
// people; its form may change. A nil writer is [ErrInvalidArgument]; an error of
// the writer is wrapped, and is no [*Error].
//
// Cost: it reads every record once.
func (t *Tree) Dump(w io.Writer) error {
	const op = "Dump"
	if w == nil {
		return t.refuse(op, "the writer is nil")
	}
	var text []byte
	if err := t.run(op, func(c *call) status { return c.dump(&text) }); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("kvshard: Dump: %w", err)
	}
	return nil
}
