// Package include holds the generated C header of the Rust engine. The kvshard
// package imports it for two reasons that have nothing to do with Go code: go
// mod vendor copies only folders that are packages, and the go command does
// not look into other folders to see whether a cgo package is to be compiled
// anew. With the header's text in this package, a changed header is a changed
// dependency.
package include

import _ "embed"

// Header is the text of kvshard.h.
//
//go:embed kvshard.h
var Header string
