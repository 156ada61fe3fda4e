#!/usr/bin/env bash
# Builds the library of a target twice from the committed source and compares the
# bytes. The folders have names of different lengths, and cargo's home has two
# names:
#
#   build/reproducible.sh [TARGET]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "${1:-$(host_target)}"
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

home=${CARGO_HOME:-$HOME/.cargo}
mkdir "$work/other-home"
ln -s "$home/registry" "$work/other-home/registry"
build() { # build FOLDER CARGO-HOME
	mkdir -p "$1"
	git archive HEAD | tar -x -C "$1"
	env -u CARGO_TARGET_DIR CARGO_HOME="$2" "$1/build/library.sh" "$name"
	sha256sum "$1/lib/$dir/libkvshard.a"
	# Moved away before the next build begins, so that build cannot use it.
	mv "$1/lib/$dir/libkvshard.a" "$work/$3.a"
	rm -rf "$1"
}
build "$work/a" "$home" first
build "$work/a/folder-with-a-longer-name" "$work/other-home" second
cmp "$work/first.a" "$work/second.a"
echo "$name: the same bytes from two folders"
