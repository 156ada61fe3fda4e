//go:build cgo && !musl

package kvshard

// What Rust's standard library needs of glibc, in older releases separate libraries.
// lib/linux_amd64 is filled by "make build" or by a release.

/*
#cgo LDFLAGS: -L${SRCDIR}/lib/linux_amd64 -lkvshard -lm -ldl -lpthread
*/
import "C"
