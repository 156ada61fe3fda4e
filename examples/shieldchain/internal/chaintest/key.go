package chaintest

import "github.com/cometbft/cometbft/crypto/ed25519"

// validatorKey is the same in all chains, so that their states can be compared.
var validatorKey = ed25519.GenPrivKeyFromSecret([]byte("validator"))
