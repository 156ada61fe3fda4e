#!/usr/bin/env bash
# Makes libshieldbundle.a, the second Rust library of examples/shieldchain, for this machine:
#
#   build/bundle.sh OUT [CARGO-OPTIONS...]
#
# A part of an example, and of no release: it may name paths of this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
crate=$root/examples/shieldchain/bundle
out=$1
shift
cargo build --quiet --release --locked --lib --manifest-path "$crate/Cargo.toml" "$@"
built=${CARGO_TARGET_DIR:-$crate/target}/release/libshieldbundle.a
"$here/archive.sh" "$built" "$out" "$(host_target)" "$crate/shieldbundle.h"
