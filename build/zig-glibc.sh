#!/usr/bin/env bash
# A C compiler that links against an old glibc, for programs that run on old
# systems: CC=build/zig-glibc.sh CGO_LDFLAGS=-lunwind go build. The version is
# GLIBC, 2.17 if not set.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../bin/zig/bin/python
[ -x "$python" ] || { echo "zig-glibc.sh: no zig: make cross-tools TARGETS=zig" >&2; exit 1; }
exec "$python" -m ziglang cc -target "${ZIG_ARCH:-x86_64}-linux-gnu.${GLIBC:-2.17}" "$@"
