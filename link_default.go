//go:build cgo && !musl

package kvshard

// linkFault says what is wrong with how the program was linked, "" if nothing:
// see link_musl.go.
func linkFault() string { return "" }
