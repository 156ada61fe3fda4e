#!/usr/bin/env bash
# A C compiler for macOS on another system: zig cc, and stubs of the system
# libraries that Go asks for and zig does not bring. What it links has never run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/..
python=$root/bin/zig/bin/python
[ -x "$python" ] || { echo "zig-darwin-arm64.sh: no zig: make cross-tools TARGETS=zig" >&2; exit 1; }
exec "$python" -m ziglang cc -target aarch64-macos "-L$here/darwin" "-F$here/darwin" "$@"
