// Package linux_arm64 holds the library for linux/arm64: libkvshard.a, which a
// release brings and "make library" or "make cross" makes.
//
// It is a Go package, and embeds what lies here without using it, for the sake
// of the go command: go mod vendor copies only folders that are packages, and a
// changed library is a changed dependency, so that nothing old is linked or
// taken from the test cache. The linker leaves the unused copy out.
package linux_arm64

import "embed"

//go:embed *
var _ embed.FS
