//go:build cgo && !kvshard_dev && !ios

package link

// What Rust's standard library needs of macOS.

/*
#cgo LDFLAGS: -L${SRCDIR}/../../lib/darwin_amd64 -lkvshard -lSystem -lm

#if !__has_include("../../lib/darwin_amd64/libkvshard.a")
#error "kvshard: there is no lib/darwin_amd64/libkvshard.a: require a released version of github.com/kvshard/kvshard, or build the library (make library, make cross), see docs/build.md"
#endif
*/
import "C"

import _ "github.com/kvshard/kvshard/lib/darwin_amd64" // libkvshard.a: see there
