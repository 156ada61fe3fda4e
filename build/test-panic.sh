#!/usr/bin/env bash
# Runs internal/twolibs for a target: kvshard with a checkpoint that panics,
# linked together with another Rust library, as cargo makes it.
#
#   build/test-panic.sh TARGET
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "$1"
need "$cc" go

libs=$root/bin/twolibs/$name
mkdir -p "$libs"
cp "$("$here/rust.sh" "$name" internal/twolibs/other/Cargo.toml)" "$libs/libother.a"
raw=$("$here/rust.sh" "$name" rust/Cargo.toml --features test-panic)
"$here/archive.sh" "$raw" "$libs/libkvshard.a" "$name"
"$here/archive-check.sh" "$libs/libkvshard.a" "$name" tests

RUST_BACKTRACE=0 CGO_LDFLAGS="-L$libs ${CGO_LDFLAGS:-}" "$here/go-test.sh" "$name" --tags twolibs,kvshard_dev ./internal/twolibs
