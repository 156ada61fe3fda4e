#!/usr/bin/env bash
# Builds the libraries of targets into lib/, and checks them:
#
#   build/library.sh TARGET...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
for each; do
	target "$each"
	[ -e "$root/lib/$dir/libkvshard.a" ] || echo "library.sh: $name: building the Rust library (a minute or two the first time)" >&2
	raw=$("$here/rust.sh" "$name" rust/Cargo.toml)
	"$here/archive.sh" "$raw" "$root/lib/$dir/libkvshard.a" "$name"
	"$here/archive-check.sh" "$root/lib/$dir/libkvshard.a" "$name"
done
