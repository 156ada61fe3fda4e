#!/usr/bin/env bash
# Builds the example chain's program before version 4 of x/commitment, for the upgrade
# in the middle of `make testnet`:
#
#   build/before.sh OUT
#
# Module, tree and Rust library are those of one commit in this repository's history, to
# the last byte. build/before.patch puts x/upgrade into its application, without which a
# chain has no plan and no height at which all stop.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
commit=cbf3b358bbed7d8af99bd62a754ed137458efe70
[ $# -eq 1 ] || fail 'usage: build/before.sh OUT'
out=$(mkdir -p "$(dirname "$1")" && cd "$(dirname "$1")" && pwd)/$(basename "$1")
target "$(host_target)"
need git go
cd "$root"
git rev-parse --git-dir >/dev/null 2>&1 ||
	fail "this is no git repository, and the program before this one is in its history: clone the repository"
git cat-file -e "$commit^{commit}" 2>/dev/null ||
	fail "commit $commit is not here, and the program before this one is built from it: git fetch --unshallow"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive "$commit" | tar -x -C "$work"
(cd "$work" && git apply "$here/before.patch")

# The same crate as here gives the same library. Another one is compiled, for minutes;
# what cargo made of it stays in bin/, for the next time.
library() { # FILE MAKE-TARGET SOURCES...
	local file=$1 make=$2
	shift 2
	if [ -e "$file" ] && git diff --quiet "$commit" -- "$@"; then
		cp "$file" "$work/$file"
	else
		CARGO_TARGET_DIR=$root/bin/before/$make make -C "$work" "$make"
	fi
}
bundle=examples/shieldchain/bundle
library "lib/$dir/libkvshard.a" library rust
library "$bundle/lib/libshieldbundle.a" bundle "$bundle/src" "$bundle/Cargo.toml" "$bundle/Cargo.lock"

# x/upgrade asks for more modules, which that commit's go.sum does not have.
cd "$work/examples/shieldchain"
cat "$root/examples/shieldchain/go.sum" >>go.sum
go build -mod=mod -o "$out" ./cmd/shieldd
