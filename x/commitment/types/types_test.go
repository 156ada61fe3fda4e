package types_test

import (
	"testing"

	errorsmod "cosmossdk.io/errors"

	_ "github.com/kvshard/kvshard/x/commitment/types"
)

// TestErrorsBesideIBC: a chain with ibc-go registers the errors of its package
// 23-commitment, under the codespace "commitment" and codes from 2 on. A second error of one
// codespace and code is a panic before main.
func TestErrorsBesideIBC(t *testing.T) {
	for code, text := range map[uint32]string{2: "invalid proof", 3: "invalid prefix", 4: "invalid merkle proof"} {
		errorsmod.Register("commitment", code, text)
	}
}
