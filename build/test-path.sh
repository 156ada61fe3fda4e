#!/usr/bin/env bash
# Runs Go tests for a target with a library whose hash takes one path (ifma, mulx, umulh or portable), whatever
# else the processor has:
#
#   build/test-path.sh TARGET PATH GO-TEST-ARGUMENTS...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "$1"
path=$2
shift 2

libs=$root/bin/paths/$path
mkdir -p "$libs"
raw=$("$here/rust.sh" "$name" rust/Cargo.toml --features "test-path-$path")
"$here/archive.sh" "$raw" "$libs/libkvshard.a" "$name"
"$here/archive-check.sh" "$libs/libkvshard.a" "$name" tests

CGO_LDFLAGS="-L$libs ${CGO_LDFLAGS:-}" "$here/go-test.sh" "$name" --tags kvshard_dev "$@"
