#!/usr/bin/env bash
# A C compiler for macOS on another system: zig cc, with stubs of the system
# libraries that Go asks for and zig does not bring. Programs that it links have
# never run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/..
python=$root/bin/zig/bin/python
[ -x "$python" ] || { echo "zig-darwin-arm64.sh: no zig: make cross-tools TARGETS=zig" >&2; exit 1; }
exec "$python" -m ziglang cc -target aarch64-macos "-idirafter$here/darwin/include" "-L$here/darwin" "-F$here/darwin" "$@"
