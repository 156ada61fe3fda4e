// Package hashtree is the note commitment tree of package kvshard for any hash
// and any depth from 1 to 32, on a Cosmos SDK chain's own store: the same
// engine, records, costs and rules, with a [Scheme] in the place of Orchard's
// hash.
//
// A chain that proves membership in a circuit hashes with the library of that
// circuit. It wraps the library in a [Hasher], names it once, and keeps the
// name:
//
//	scheme, err := hashtree.NewScheme("mychain-mimc-bn254", 32, empty, hasher)
//	…
//	tree, err := hashtree.Open(k.storeService.OpenKVStore(ctx), scheme)
//
// A block then costs O(log n), whatever the size of the tree; a Hasher is
// called once a level, with all pairs of the level in one batch.
// [VotePoseidon] is built in.
//
// The module examples/schemes has Hashers over gnark-crypto, circom's Poseidon
// and keccak256.
package hashtree
