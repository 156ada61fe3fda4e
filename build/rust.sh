#!/usr/bin/env bash
# Builds a crate's static library for a target and prints its path:
#
#   build/rust.sh TARGET MANIFEST [CARGO-OPTIONS...]
#
# It uses the first of these that exists:
# - the rustc on the PATH, if it has the target's standard library (rustup target
#   add TRIPLE);
# - the distribution's rustc, if that has it (Debian: libstd-rust-web-dev:ARCH);
# - the distribution's rustc, with the standard library built from its source
#   (Debian: rust-web-src). For that the compiler must allow unstable options.
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

target "$1"
manifest=$2
shift 2
crates=${CARGO_TARGET_DIR:-$root/rust/target/release-builds}

has_std() { ls "$("$1" --print target-libdir --target "$triple" 2>/dev/null)"/libstd-*.rlib >/dev/null 2>&1; }

cd "$root"
system=${SYSTEM_RUST:-/usr/bin}
options=(--release --target "$triple")
cargo=(cargo)
if has_std rustc; then
	rustc=rustc
elif [ -x "$system/rustc" ] && has_std "$system/rustc"; then
	rustc=$system/rustc cargo=(env RUSTC="$system/rustc" RUSTDOC="$system/rustdoc" "$system/cargo")
elif [ -x "$system/rustc" ] && [ -e "$("$system/rustc" --print sysroot)/lib/rustlib/src/rust/library/std/src/lib.rs" ]; then
	rustc=$system/rustc cargo=(env RUSTC_BOOTSTRAP=1 RUSTC="$system/rustc" RUSTDOC="$system/rustdoc" "$system/cargo")
	options+=(-Zbuild-std=std,panic_unwind)
else
	fail "$name: no Rust standard library for $triple: rustup target add $triple${packages:+, or on Debian: make cross-tools TARGETS=$name}"
fi
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
