package source

import (
	"path/filepath"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
)

// tipScheme returns the scheme that the tree's tip names, and nil if there is no tip, as
// in a tree without leaves. A tip that cannot be read is left to what reads it.
func (s *Source) tipScheme() *schemes.Scheme {
	record, found, err := kvshard.ReadRecord(s.KV, kvshard.RecordName{Kind: kvshard.KindTip}, s.Options...)
	if err != nil || !found {
		return nil
	}
	tip, err := record.Tip()
	if err != nil {
		return nil
	}
	return schemes.ByFingerprint(tip.Scheme)
}

// takeScheme opens the tree of a database with the scheme that its tip names.
func (s *Source) takeScheme() {
	if named := s.tipScheme(); named != nil {
		s.Scheme = named
		s.Options = append(s.Options, named.Options()...)
	}
}

// checkScheme refuses a directory whose config says another scheme than the tip. The error
// is kvshard.ErrSchemeMismatch.
func (s *Source) checkScheme() error {
	named := s.tipScheme()
	if named == nil || named == s.Scheme {
		return nil
	}
	hint := "put the database back that was made there, or write the tree's scheme into the file"
	if named.Unknown() != nil { // the file takes only a scheme that is known
		hint = "put the database back that was made there, or read the database with --db"
	}
	return exit.Errorf(exit.Store, hint,
		"%w: %s says the scheme %s, and the tree in %s is of %s", kvshard.ErrSchemeMismatch, filepath.Join(s.Dir, ConfigName), s.Scheme.Label(), s.DBPath, named.Label())
}
