//go:build cgo && kvshard_dev

package link

// With -tags kvshard_dev a program links the library that the environment's
// CGO_LDFLAGS names by -L, instead of the one in lib/. It can be one that you
// built yourself, or one for a platform that lib/ has no library for. See
// docs/build.md.

/*
#cgo LDFLAGS: -lkvshard
#cgo linux LDFLAGS: -lm
#cgo linux,!musl,!muslc LDFLAGS: -ldl -lpthread
#cgo linux,musl linux,muslc LDFLAGS: -lgcc_eh
#cgo darwin LDFLAGS: -lSystem -lm
#cgo windows LDFLAGS: -lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp
*/
import "C"
