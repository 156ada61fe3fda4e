#!/usr/bin/env bash
# Builds the release library of targets into lib/:
#
#   build/cross.sh TARGET...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
for each; do
	target "$each"
	raw=$("$here/rust.sh" "$each" rust/Cargo.toml)
	"$here/archive.sh" "$raw" "$root/lib/$dir/libkvshard.a" "$each"
	"$here/archive-check.sh" "$root/lib/$dir/libkvshard.a" "$each"
done
