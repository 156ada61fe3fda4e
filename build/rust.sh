#!/usr/bin/env bash
# Builds a crate's static library for a target and prints its path:
#
#   build/rust.sh TARGET MANIFEST [CARGO-OPTIONS...]
#
# Only the static library is built: cargo does not optimise the whole (lto) when it also
# builds an rlib.
#
# No path of this machine goes into the library. The folders of the repository, of the
# crates, and of the standard library's source are replaced, so a build elsewhere gives
# the same bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
source "$here/toolchain.sh"

target "$1"
manifest=$2
shift 2
crates=${CARGO_TARGET_DIR:-$root/rust/target/release-builds}

cd "$root"
options=(--release)
toolchain
used=$("$rustc" --version)
built=''
[[ ${options[*]} != *build-std* ]] || built=', its standard library built from source'
echo "rust.sh: $name: $used$built" >&2
case $used in
"rustc $RUST_VERSION "*) ;;
*) echo "rust.sh: releases are built with rustc $RUST_VERSION where it has the target: this library has other bytes" >&2 ;;
esac

home=${CARGO_HOME:-$HOME/.cargo}
# The name of the crates' folder contains the index's name. On a fresh machine the folder
# must be made first.
ls -d "$home"/registry/src/*/ >/dev/null 2>&1 || "${cargo[@]}" fetch --locked --manifest-path "$manifest" --target "$triple" >&2
commit=$("$rustc" -vV | sed -n 's/^commit-hash: //p')
# If several fit, rustc takes the last.
flags=("--remap-path-prefix=$("$rustc" --print sysroot)/lib/rustlib/src/rust=/rustc/$commit" "--remap-path-prefix=$home=/cargo")
for index in "$home"/registry/src/*/; do
	[ ! -d "$index" ] || flags+=("--remap-path-prefix=${index%/}=/crates")
done
flags+=("--remap-path-prefix=$root=/kvshard")
export CARGO_ENCODED_RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' "${flags[@]}")
CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
unset RUSTFLAGS
"${cargo[@]}" rustc --manifest-path "$manifest" --locked --lib --crate-type staticlib \
	--target-dir "$crates" "${options[@]}" "$@" >&2

library=$(sed -nE 's/^name = "(.*)"/\1/p' "$manifest" | head -1)
for built in "$crates/$triple/release/lib$library.a" "$crates/$triple/release/$library.lib"; do
	[ ! -e "$built" ] || { echo "$built"; exit 0; }
done
fail "$name: cargo built no library"
