//go:build cgo && (musl || muslc) && !kvshard_dev && !android

package link

// A static libc (Alpine): all that Rust needs is in it. Build with -tags muslc, as chains do, or musl.

/*
#cgo LDFLAGS: -L${SRCDIR}/../../lib/linux_amd64_musl -lkvshard -lm -lgcc_eh

#if !__has_include("../../lib/linux_amd64_musl/libkvshard.a")
#error "kvshard: there is no lib/linux_amd64_musl/libkvshard.a: require a released version of github.com/kvshard/kvshard, or build the library (make library, make cross), see docs/build.md"
#endif
*/
import "C"

import _ "github.com/kvshard/kvshard/lib/linux_amd64_musl" // libkvshard.a: see there
