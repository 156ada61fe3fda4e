//go:build cgo && !musl && !muslc && !kvshard_dev && !android

package link

// What Rust's standard library needs of glibc, in older releases separate libraries.

/*
#cgo LDFLAGS: -L${SRCDIR}/../../lib/linux_arm64 -lkvshard -lm -ldl -lpthread

#if !__has_include("../../lib/linux_arm64/libkvshard.a")
#error "kvshard: there is no lib/linux_arm64/libkvshard.a: require a released version of github.com/kvshard/kvshard, or build the library (make library, make cross), see docs/build.md"
#endif
*/
import "C"

import _ "github.com/kvshard/kvshard/lib/linux_arm64" // libkvshard.a: see there
