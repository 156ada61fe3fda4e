// Package light asks a node about the tree and believes nothing that it cannot prove.
//
// The one thing that it takes as given is the application hash after a height. A light
// client of CometBFT gets it from a header that validators signed: the hash of the state
// after height h is in the header of h+1. From there on
//
//  1. the record of the newest size, and the anchor with that size, are proven to be in
//     the state (Merkle proofs of IAVL and the multistore, ICS 23);
//  2. a frontier is held against the anchor's root; subtree roots against the frontier's
//     ommers; nodes and leaves against the node above them; a witness against the root.
//
// So a node that changes one leaf, one subtree root or one tree state is caught
// (ErrUnproven), and one that answers for another height than the one asked for is too.
package light
