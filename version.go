//go:build cgo

package kvshard

// version is this package's release, and that of the library it was written
// with: the version in rust/Cargo.toml.
const version = "0.1.0"

// Version returns the version of the linked engine, libkvshard, such as
// "0.1.0".
//
// [New] and [Open] check that the engine is of this package's release and
// speaks the same C interface: what a call reads and writes may differ between
// two releases. If the library is of another release they return an error that
// wraps [ErrUnsupportedVersion] and names both.
func Version() string { return engineVersion() }
