//go:build cgo && !kvshard_dev

package link

// What Rust's standard library needs of Windows (target x86_64-pc-windows-gnu).

/*
#cgo LDFLAGS: -L${SRCDIR}/../../lib/windows_amd64 -lkvshard -lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp

#if !__has_include("../../lib/windows_amd64/libkvshard.a")
#error "kvshard: there is no lib/windows_amd64/libkvshard.a: require a released version of github.com/kvshard/kvshard, or build the library (make library, make cross), see docs/build.md"
#endif
*/
import "C"

import _ "github.com/kvshard/kvshard/lib/windows_amd64" // libkvshard.a: see there
