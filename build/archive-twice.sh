#!/usr/bin/env bash
# Builds the release library of a target in two folders with names of different
# lengths, from the files that git knows, and compares the bytes.
#
#   build/archive-twice.sh [TARGET]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "${1:-$(host_target)}"
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for folder in "$work/a" "$work/another/folder"; do
	mkdir -p "$folder"
	git ls-files -z | xargs -0 cp --parents -t "$folder"
	raw=$(env -u CARGO_TARGET_DIR "$folder/build/rust.sh" "$name" rust/Cargo.toml)
	"$folder/build/archive.sh" "$raw" "$folder/libkvshard.a" "$name"
	sha256sum "$folder/libkvshard.a"
	! grep -aqF "$work" "$folder/libkvshard.a" || fail "$folder/libkvshard.a names the folder it was built in"
	! grep -aqF "${CARGO_HOME:-$HOME/.cargo}" "$folder/libkvshard.a" || fail "$folder/libkvshard.a names cargo's folder"
done
cmp "$work/a/libkvshard.a" "$work/another/folder/libkvshard.a"
echo "$name: the same bytes from two folders"
