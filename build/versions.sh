#!/usr/bin/env bash
# Shows the versions of the tools here, beside the versions that releases are
# made with.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
cd "$root"
row() { printf '%-12s %-28s %s\n' "$@"; }
of() { command -v "$1" >/dev/null && "$@" 2>/dev/null | head -1 || echo none; }

row tool here releases
row rustc "$(of rustc --version | cut -d' ' -f1-2)" "$RUST_VERSION"
row 'rustc, min' '' "$(sed -nE 's/^rust-version = "(.*)"/\1/p' rust/Cargo.toml)"
row go "$(of go env GOVERSION)" "$GO_VERSION"
row 'go, min' '' "$(sed -nE 's/^go (.*)/\1/p' go.mod)"
row cbindgen "rust/Cargo.lock" "$(grep -A1 '^name = "cbindgen"' rust/Cargo.lock | sed -nE 's/^version = "(.*)"/\1/p')"
row binutils "$(of ld --version | sed 's/.* //')" "$BINUTILS_VERSION"
row zig "$([ ! -x bin/zig/bin/python ] || bin/zig/bin/python -m ziglang version)" "$ZIGLANG_VERSION"
