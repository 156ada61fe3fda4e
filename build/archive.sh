#!/usr/bin/env bash
# Makes the archive that Go links out of the one that cargo made:
#
#   build/archive.sh RAW OUT [TARGET]
#
# Cargo's archive holds the whole of Rust's standard library with all its names
# global, so a program that links two Rust libraries has each of them twice. The
# archive made here is one object with the reachable code only, and the functions
# of include/kvshard.h are its only global names.
#
# - ld -r binds the references inside the object. Without
#   --force-group-allocation the COMDAT groups stay, the linker merges those of
#   two Rust libraries, and a program that links well crashes in its first panic.
# - objcopy makes every other name local, drops debug information, and drops the
#   LLVM bitcode that Rust puts beside the code.
# - ar D writes no times, owners or numbers of inodes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"

raw=$1 out=$2
target "${3:-$(host_target)}"
exports=$(exported_names)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
object=$work/kvshard.o

case $format in
elf | pe)
	need "${binutils}ld" "${binutils}objcopy" "${binutils}ar"
	roots=()
	for name in $exports; do roots+=(-u "$name"); done
	"${binutils}ld" -r --gc-sections --force-group-allocation "${roots[@]}" -e kvshard_abi -o "$object" "$raw"
	"${binutils}objcopy" --wildcard --keep-global-symbol='kvshard_*' --strip-debug \
		--remove-section=.llvmbc --remove-section=.llvmcmd --remove-section=.llvm_addrsig --remove-section=.comment "$object"
	"${binutils}ar" rcsD "$work/libkvshard.a" "$object"
	;;
macho)
	# Apple's linker does both steps: what is not exported becomes local.
	if [ "$(uname -s)" = Darwin ]; then
		roots=()
		for name in $exports; do roots+=(-u "_$name" -exported_symbol "_$name"); done
		xcrun ld -r -arch "${triple_arch}" -S "${roots[@]}" -o "$object" -all_load "$raw"
		ZERO_AR_DATE=1 xcrun libtool -static -D -o "$work/libkvshard.a" "$object"
	else
		cp "$raw" "$work/libkvshard.a"
		echo "archive.sh: $name: only Apple's linker can make the names local: the archive is cargo's, unchanged" >&2
	fi
	;;
esac

mkdir -p "$(dirname "$out")"
cmp -s "$work/libkvshard.a" "$out" || cp "$work/libkvshard.a" "$out"
