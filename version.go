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

// CheckLinked tells whether the program was linked as the package needs it. Call it where
// the program starts, say in a keeper's constructor: a fault of the linker's is then found
// before the first block. [New], [Open] and all calls find it too.
//
// Errors: [ErrUnsupportedVersion], if the linked engine is not of this package's release,
// and if a static program on musl has no index of its unwind tables, because it was linked
// without -Wl,--eh-frame-hdr: a panic in the engine would then abort the process.
//
// Cost: none, and no store.
func CheckLinked() error { return mismatch("CheckLinked") }
