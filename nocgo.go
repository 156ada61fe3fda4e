//go:build !cgo

package kvshard

// A Rust library hashes the tree, and cgo links it. Without cgo the package does
// not build, which is better than a program that fails when it opens a tree. The
// name below is the error message.
var _ = kvshard_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler
