// Package schemes knows the schemes that trees are made with: Orchard's hash and depth,
// and those that package hashtree has built in, by name and by the fingerprint in a
// tree's tip. A tree of any other scheme can be opened too, for what needs no hash.
package schemes

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/scheme"
)

// A Scheme is a hash and a depth.
type Scheme struct {
	// Name is what the flag --scheme has; "" if the scheme is not known.
	Name string
	// Depth is the number of levels above the leaves; that of the highest tree if the
	// scheme is not known.
	Depth int

	fingerprint [8]byte          // zero for Orchard's
	built       *hashtree.Scheme // nil for Orchard's, and if it is not known
	option      kvshard.Option   // nil for Orchard's
}

// Orchard is the scheme of a tree that names none.
var Orchard = &Scheme{Name: "orchard", Depth: kvshard.Depth}

var known = []*Scheme{Orchard, builtIn(hashtree.VotePoseidon())}

func builtIn(s *hashtree.Scheme) *Scheme {
	option := scheme.OptionOf.(func(*hashtree.Scheme) kvshard.Option)(s)
	return &Scheme{Name: s.Name(), Depth: s.Depth(), fingerprint: s.Fingerprint(), built: s, option: option}
}

// Names are the names of all schemes that are known, Orchard's first.
func Names() (names []string) {
	for _, s := range known {
		names = append(names, s.Name)
	}
	return names
}

// ByName returns the scheme of a name; Orchard's for "".
func ByName(name string) (*Scheme, error) {
	for _, s := range known {
		if name == s.Name || name == "" {
			return s, nil
		}
	}
	return nil, exit.Usagef("scheme %q is unknown: it is %s", name, strings.Join(Names(), " or "))
}

// ByDepth returns the scheme whose trees have that depth.
func ByDepth(depth int) (s *Scheme, found bool) {
	for _, s := range known {
		if s.Depth == depth {
			return s, true
		}
	}
	return nil, false
}

// ByFingerprint returns the scheme that a tip names; zero stands for Orchard's. Of one
// that is not known the hash is missing, see [Scheme.Unknown].
func ByFingerprint(fingerprint [8]byte) *Scheme {
	for _, s := range known {
		if s.fingerprint == fingerprint {
			return s
		}
	}
	s := &Scheme{Depth: scheme.MaxDepth, fingerprint: fingerprint}
	s.option = scheme.Option.(func(*scheme.Scheme) kvshard.Option)(&scheme.Scheme{
		Kind: scheme.Hasher, Depth: s.Depth, Fingerprint: fingerprint,
		Combine: func(int, []byte, []byte) error { return s.Unknown() },
	})
	return s
}

// ParseFingerprint returns the scheme of a text of [Scheme.Fingerprint].
func ParseFingerprint(text string) (*Scheme, error) {
	raw, err := hex.DecodeString(text)
	if want := len(Scheme{}.fingerprint); err == nil && len(raw) != want {
		err = fmt.Errorf("%d bytes, want %d", len(raw), want)
	}
	if err != nil {
		return nil, err
	}
	return ByFingerprint([8]byte(raw)), nil
}

// Fingerprint returns the fingerprint in hex; "" for Orchard's scheme, which has none.
func (s *Scheme) Fingerprint() string {
	if s == Orchard {
		return ""
	}
	return hex.EncodeToString(s.fingerprint[:])
}

// Label is what JSON names the scheme with: its name, or else its fingerprint.
func (s *Scheme) Label() string {
	if s.Name == "" {
		return s.Fingerprint()
	}
	return s.Name
}

// Mention is the label, and "" for Orchard's scheme: what is not told of it.
func (s *Scheme) Mention() string {
	if s == Orchard {
		return ""
	}
	return s.Label()
}

// Options are what a tree of the scheme is opened with.
func (s *Scheme) Options() []kvshard.Option {
	if s.option == nil {
		return nil
	}
	return []kvshard.Option{s.option}
}

// An unknownError is that of whatever needs the hash of a scheme that is not known.
type unknownError struct{ s *Scheme }

func (e *unknownError) Error() string {
	return "the tree is of scheme " + e.s.Fingerprint() + ", which this command does not know"
}

// Unknown returns an error that names the scheme if it is not known, and nil if it is.
// The same error comes from each call of a tree that needs the hash: [Plain] takes it
// out.
func (s *Scheme) Unknown() error {
	if s.Name != "" {
		return nil
	}
	return exit.Errorf(exit.Store, "ask a program that has its hash, such as the chain's own; records, leaves and checkpoints can be read here",
		"%w", &unknownError{s})
}

// Plain returns the error of [Scheme.Unknown] alone if it is what err comes from, and
// else err.
func Plain(err error) error {
	var unknown *unknownError
	if errors.As(err, &unknown) {
		return unknown.s.Unknown()
	}
	return err
}

// Lacking says in one line what an answer lacks because the scheme is not known; "" if
// it is known.
func (s *Scheme) Lacking(what string) string {
	if err := s.Unknown(); err != nil {
		return "no " + what + ": " + err.Error()
	}
	return ""
}
