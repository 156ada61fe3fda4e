#!/usr/bin/env bash
# Checks which glibc a program needs:
#
#   build/glibc.sh TARGET HIGHEST PROGRAM
#
# The library itself asks for names without versions. The linker of a program
# decides which version it needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "$1"
need "${binutils}objdump"
floor=$("${binutils}objdump" -T "$3" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -1)
echo "$name: $(basename "$3") needs ${floor:-no version of glibc}"
[ "$(printf '%s\n' "$floor" "GLIBC_$2" | sort -V | tail -1)" = "GLIBC_$2" ] || fail "$name: that is above GLIBC_$2"
