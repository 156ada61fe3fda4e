package hashtree

import "github.com/kvshard/kvshard"

// Option opens a [kvshard.Tree] of the scheme, so that the lists of calls that
// tests share run on it.
func (s *Scheme) Option() kvshard.Option { return s.option }
