//go:build cgo

package kvshard

// version is this package's release, and that of the library it was written
// with: the version in rust/Cargo.toml.
const version = "0.1.0"

// Version returns the version of the linked engine, libkvshard, such as
// "0.1.0".
//
// What a call reads and writes may differ between two releases. So [New] and
// [Open] check that the engine is of this package's release and has the same C
// interface. If it is not, their error wraps [ErrUnsupportedVersion] and names
// both releases.
func Version() string { return engineVersion() }
