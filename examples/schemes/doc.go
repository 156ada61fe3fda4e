// Package schemes shows how a chain puts a hash of its own into a tree of package
// hashtree. Each file has one hash, and takes only that hash's library: copy the
// file that you need.
//
//	file          hash                               circuits that prove it
//	mimc.go       MiMC over BN254                    gnark, std/accumulator/merkle
//	poseidon2.go  Poseidon2 over BN254               gnark, std/accumulator/merkle
//	circom.go     Poseidon over BN254, circomlib's   circom
//	keccak.go     keccak256                          contracts: Hyperlane's mailbox
//
// This is a module of its own, so that no chain gets the libraries that it does
// not use.
//
// # What a hasher must do
//
// A hasher is called with all pairs of one level at once, some hundreds of them
// where many leaves are appended. It must give the same bytes on every machine and
// in every release: they are consensus. It refuses no node that it has made
// itself, since the tree has asked Canonical about each leaf.
//
// A Tree may be used beside others in other goroutines, so a hasher shares no
// state between two calls that one of them changes. Those of this package make
// what they need in each call.
//
// # The value of an absent leaf
//
// It is part of the scheme, and must be what the circuit or contract takes. A path
// to an absent leaf exists like one to any other, so that whoever can open its
// value "proves" a note that was never appended. Take a value that nobody can
// open: 0 where leaves are commitments, as circom's trees and Hyperlane's have it.
// With gnark's Merkle proof the leaf is the hash of its data, and an absent one
// here that of the data 0: the data must be a commitment, which the circuit opens
// too.
package schemes
