//go:build cgo && !kvshard_dev && (android || !(linux && (amd64 || arm64))) && !(windows && amd64) && (ios || !(darwin && (amd64 || arm64)))

package link

// kvshard has no library for this platform, and there is no tree without one.
// The name below is the message: docs/build.md tells how to build a library and
// link it with -tags kvshard_dev.
var _ = kvshard_has_no_library_for_this_platform__see_build_md_and_use_the_tag_kvshard_dev
