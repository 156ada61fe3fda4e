#!/usr/bin/env bash
# Runs Go tests for a target with a library whose hash takes one path (ifma, avx512, mulx, umulh or portable),
# whatever else the processor has:
#
#   build/test-path.sh TARGET PATH GO-TEST-ARGUMENTS...
#
# For this machine, the library is built with the profile and the crates of the Rust tests. So it takes
# seconds after `make test-rust`, and its arithmetic is checked for overflow. For another target it is
# built as a release's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "$1"
path=$2
shift 2

libs=$root/bin/paths/$path
mkdir -p "$libs"
if [ "$name" = "$(host_target)" ]; then
	cargo build --manifest-path "$root/rust/Cargo.toml" --locked --profile tests --workspace --example library \
		--features "kvshard/test-path-$path"
	raw=${CARGO_TARGET_DIR:-$root/rust/target}/tests/examples/liblibrary.a
else
	raw=$("$here/rust.sh" "$name" rust/Cargo.toml --features "test-path-$path")
fi
"$here/archive.sh" "$raw" "$libs/libkvshard.a" "$name"
"$here/archive-check.sh" "$libs/libkvshard.a" "$name" tests

CGO_LDFLAGS="-L$libs ${CGO_LDFLAGS:-}" "$here/go-test.sh" "$name" --tags kvshard_dev "$@"
