//go:build cgo

package kvshard

// What Rust's standard library needs of macOS.
// lib/darwin_arm64 is filled by "make build" or by a release.

/*
#cgo LDFLAGS: -L${SRCDIR}/lib/darwin_arm64 -lkvshard -lSystem -lm
*/
import "C"
