//go:build cgo

package kvshard

// Version returns the version of the linked engine, libkvshard, such as
// "0.1.0".
//
// [New] and [Open] check that the engine speaks the same C interface as this
// package; if the library was built from another release they return an error
// that wraps [ErrUnsupportedVersion].
func Version() string { return engineVersion() }
