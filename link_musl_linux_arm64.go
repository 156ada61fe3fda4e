//go:build cgo && musl

package kvshard

// A static libc (Alpine): all that Rust needs is in it. Build with -tags musl.
// lib/linux_arm64_musl is filled by "make build" or by a release.

/*
#cgo LDFLAGS: -L${SRCDIR}/lib/linux_arm64_musl -lkvshard -lm
*/
import "C"
