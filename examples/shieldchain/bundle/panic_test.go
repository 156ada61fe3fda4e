//go:build shieldbundle_dev

package bundle_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
)

// TestPanicIsAnError: make test-bundle links a library that panics at these bytes.
// The program goes on, on all goroutines, and kvshard beside it.
func TestPanicIsAnError(t *testing.T) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				_, err := bundle.Parse([]byte("panic"))
				if !errors.Is(err, bundle.ErrInternal) || !strings.Contains(err.Error(), "on purpose, éé") {
					t.Errorf("got %v, want ErrInternal with the text of the panic", err)
				} else if text := err.Error(); len(text) > 400 || !utf8.ValidString(text) {
					t.Errorf("a text of 600 bytes is cut to %d: %q", len(text), text)
				}
			}
		})
	}
	t.Run("beside kvshard", TestTwoLibraries)
	group.Wait()
}
