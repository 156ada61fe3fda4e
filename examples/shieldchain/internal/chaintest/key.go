package chaintest

import (
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
)

// All chains use the same key and time, so their states can be compared and a
// replayed block is the same block.
var (
	validatorKey = ed25519.GenPrivKeyFromSecret([]byte("validator"))
	genesisTime  = time.Unix(1_700_000_000, 0).UTC()
)
