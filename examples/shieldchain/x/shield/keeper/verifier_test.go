package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
)

// TestVerifierShares: many at a time bring the same bundle, and it is verified
// once; a result that says nothing of the bundle is not remembered.
func TestVerifierShares(t *testing.T) {
	fault := errors.New("out of memory")
	for name, result := range map[string]error{"good": nil, "bad": fmt.Errorf("%w: the proof", bundle.ErrInvalid), "fault": fault} {
		begin := make(chan struct{})
		v := NewVerifier(func(raw, bound []byte) error {
			<-begin
			return result
		})
		var group sync.WaitGroup
		check := func() {
			if err := v.Verify([]byte("bundle"), []byte("bound")); (err == nil) != (result == nil) ||
				errors.Is(err, bundle.ErrInvalid) != errors.Is(result, bundle.ErrInvalid) || errors.Is(err, fault) != errors.Is(result, fault) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for range 50 {
			group.Go(check)
		}
		close(begin)
		group.Wait()
		if result != fault && v.Verifications() != 1 {
			t.Errorf("%s: %d verifications", name, v.Verifications())
		}
		before := v.Verifications()
		check()
		if again := v.Verifications() - before; again != map[bool]int64{true: 1}[result == fault] {
			t.Errorf("%s: once more: %d verifications", name, again)
		}
	}
}

// TestVerifierIsBounded: bad bundles push out older bad ones, but no good one.
// Neither bundle nor bound data can take the place of the other's bytes.
func TestVerifierIsBounded(t *testing.T) {
	v := NewVerifier(func(raw, bound []byte) error {
		if string(raw) == "good" {
			return nil
		}
		return bundle.ErrInvalid
	})
	verify := func(raw, bound string, want int64) {
		t.Helper()
		before := v.Verifications()
		if err := v.Verify([]byte(raw), []byte(bound)); (err == nil) != (raw == "good") {
			t.Errorf("%s: %v", raw, err)
		}
		if n := v.Verifications() - before; n != want {
			t.Errorf("%s: %d verifications, want %d", raw, n, want)
		}
	}
	verify("good", "x", 1)
	verify("bad", "x", 1)
	verify("goodx", "", 1)
	verify("good", "", 1)
	for i := range CacheSize {
		verify(string(binary.LittleEndian.AppendUint32(nil, uint32(i))), "", 1)
	}
	if v.bad.Len() != CacheSize || v.good.Len() != 2 {
		t.Errorf("%d good and %d bad ones", v.good.Len(), v.bad.Len())
	}
	verify("good", "x", 0)
	verify("bad", "x", 1)
}
