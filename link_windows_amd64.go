//go:build cgo

package kvshard

// What Rust's standard library needs of Windows (target x86_64-pc-windows-gnu).
// lib/windows_amd64 is filled by "make build" or by a release.

/*
#cgo LDFLAGS: -L${SRCDIR}/lib/windows_amd64 -lkvshard -lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp
*/
import "C"
