//go:build !cgo

package kvshard

// The tree is hashed by a Rust library that is linked through cgo. Without cgo
// there is no tree, so the package does not build, rather than to build into a
// program that fails when it opens one. The name below is the message.
var _ = kvshard_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler
