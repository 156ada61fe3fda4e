#!/usr/bin/env bash
# Checks an archive that build/archive.sh made, and shows its size:
#
#   build/archive-check.sh ARCHIVE [TARGET [tests]]
#
# With the word tests it must be one with a switch for tests. Without the word it must have none, and
# name no path of this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"

archive=$1
target "${2:-$(host_target)}"
mark='kvshard: a library for tests alone' # rust/src/lib.rs
if [ "${3:-}" = tests ]; then
	grep -aqF "$mark" "$archive" || fail "$archive has no switch for tests"
else
	! grep -aqF "$mark" "$archive" || fail "$archive has a switch for tests: build it without a feature test-…"
	for path in "$root" "${CARGO_HOME:-$HOME/.cargo}" "$HOME/" /rustlib/; do
		! grep -aqF "$path" "$archive" || fail "$archive names a path of this machine: $path"
	done
fi
if [ "$format" = macho ] && [ "$(uname -s)" != Darwin ]; then
	echo "$name: $(wc -c <"$archive") bytes, cargo's own archive: not for a release"
	exit 0
fi
need "${binutils}nm" "${binutils}objdump" "${binutils}ar"

members=$("${binutils}ar" t "$archive" | grep -v '^__[.]SYMDEF' || true) # Apple's index
[ "$format" != pe ] || members=$(grep -vE '[.]dll[hst][0-9]*[.]o$' <<<"$members") # DLL imports
[ "$members" = kvshard.o ] || fail "$archive holds more than one object: $(wc -l <<<"$members")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
object=$work/kvshard.o
"${binutils}ar" p "$archive" kvshard.o >"$object"

# Mach-O puts an underscore before a C name.
global=$("${binutils}nm" -g --defined-only "$object" | awk -v macho="$format" 'NF == 3 { if (macho == "macho") sub(/^_/, "", $3); print $3 }' | sort)
[ "$global" = "$(exported_names)" ] ||
	fail "$archive: global names differ from lib/include/kvshard.h:"$'\n'"$(diff <(exported_names) <(echo "$global"))"

headers=$("${binutils}objdump" -h "$object")
sections=$(awk '$1 ~ /^[0-9]+$/ { print $2 }' <<<"$headers" | grep -E '^\.(debug|zdebug|llvm)' || true)
[ -z "$sections" ] || fail "$archive has sections of debug information or bitcode: $sections"

# The linker would merge a group with another Rust library's.
[[ $headers != *LINK_ONCE* ]] || fail "$archive has COMDAT groups"

echo "$name: $(wc -c <"$archive") bytes ($(gzip -9 <"$archive" | wc -c) in gzip), $(wc -l <<<"$global") global names: those of lib/include/kvshard.h"
