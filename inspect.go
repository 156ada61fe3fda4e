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
	// Key is the key of the record, as the store knows it: with the prefix of
	// [WithPrefix]. It is nil if the violation is about no single record.
	Key []byte
	// Record is what the key stands for, such as "shard(3)". It is "" if the key
	// is not one of the tree's, or there is no key.
	Record string
	// Detail tells in words what is there and what was expected.
	Detail string
}

// Error returns the parts in one line.
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

// Check reads all records of the tree and checks that they are sound and agree
// with each other: shards decode, inner nodes are the hashes of their children,
// the cap is the frontier's, checkpoints are in range and in order, and no
// record is there that does not belong. It returns nil if all of that holds.
//
// Errors: every violation as a [*Violation], joined by [errors.Join], each of
// which wraps [ErrCorrupt]; or, if the tree cannot be read to the end, an
// [*Error] with [ErrStore], [ErrForeignStore] or [ErrInternal].
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
			v.Record, v.Key = ParseRecordKey(key).String(), append(bytes.Clone(prefix), key...)
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
// people; its form may change.
//
// Errors: [ErrInvalidArgument] for a nil writer; the writer's own error,
// wrapped, and then it is no [*Error]; and those of every method, see [Tree].
//
// Cost: it reads every record once, and hashes as much as [Tree.Root].
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
