package keeper

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
)

// CacheSize is how many good and how many refused bundles a Verifier remembers;
// more than a block and the mempool behind it bring.
const CacheSize = 4096

// A Verifier verifies bundles and remembers the results, so that a bundle that
// CheckTx has verified costs a block a hash. A result depends on the bundle and
// its bound data alone, and never on the state.
//
// Good and refused bundles are remembered apart: bad ones, which cost their
// sender nothing, push no good one out. Any number of goroutines may use one
// Verifier; those that bring the same bundle at a time share one verification.
type Verifier struct {
	verify       func(raw, bound []byte) error
	good, bad    *lru.Cache[[sha256.Size]byte, struct{}]
	running      singleflight.Group
	verification atomic.Int64
}

// NewVerifier returns a Verifier over a function like bundle.Verify.
func NewVerifier(verify func(raw, bound []byte) error) *Verifier {
	v := &Verifier{verify: verify}
	for _, cache := range []**lru.Cache[[sha256.Size]byte, struct{}]{&v.good, &v.bad} {
		var err error
		if *cache, err = lru.New[[sha256.Size]byte, struct{}](CacheSize); err != nil {
			panic(err)
		}
	}
	return v
}

// Verify returns nil for a good bundle, and an error with bundle.ErrInvalid for
// one that is not. Any other error says nothing of the bundle, and is not
// remembered.
func (v *Verifier) Verify(raw, bound []byte) error {
	key := cacheKey(raw, bound)
	if known, err := v.remembered(key); known {
		return err
	}
	_, err, _ := v.running.Do(string(key[:]), func() (any, error) {
		// The one before may just have ended.
		if known, err := v.remembered(key); known {
			return nil, err
		}
		v.verification.Add(1)
		err := v.verify(raw, bound)
		switch {
		case err == nil:
			v.good.Add(key, struct{}{})
		case errors.Is(err, bundle.ErrInvalid):
			v.bad.Add(key, struct{}{})
		}
		return nil, err
	})
	return err
}

func (v *Verifier) remembered(key [sha256.Size]byte) (known bool, err error) {
	if _, good := v.good.Get(key); good {
		return true, nil
	}
	if _, bad := v.bad.Get(key); bad {
		return true, bundle.ErrInvalid
	}
	return false, nil
}

// Verifications returns how often the function ran.
func (v *Verifier) Verifications() int64 { return v.verification.Load() }

// cacheKey hashes the length too: where the bundle ends is not left to its
// parser.
func cacheKey(raw, bound []byte) (key [sha256.Size]byte) {
	h := sha256.New()
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(raw)))
	h.Write(length[:])
	h.Write(raw)
	h.Write(bound)
	h.Sum(key[:0])
	return key
}
