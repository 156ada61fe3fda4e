#!/usr/bin/env bash
# Runs a Windows program under wine, which is a test stand and no real Windows.
#
#   build/wine.sh PROGRAM [ARGUMENTS...]
#
# Wine 8 has no bcryptprimitives.dll. Every Go program needs one function of it,
# ProcessPrng. This makes such a library over wine's own random source.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target windows-amd64
need "$cc" wine

export WINEPREFIX=$root/bin/wine WINEDEBUG=${WINEDEBUG:--all} WINEDLLOVERRIDES='bcryptprimitives=n;mscoree,mshtml='
system=$WINEPREFIX/drive_c/windows/system32
if [ ! -e "$WINEPREFIX/ready" ]; then
	mkdir -p "$WINEPREFIX"
	timeout -k 10 300 wine wineboot --init >/dev/null 2>&1
	cat >"$WINEPREFIX/prng.c" <<-'C'
		#include <stddef.h>
		unsigned char __stdcall SystemFunction036(void *buffer, unsigned long length);
		__declspec(dllexport) int __stdcall ProcessPrng(void *buffer, size_t length) {
			return SystemFunction036(buffer, (unsigned long)length);
		}
	C
	"$cc" -shared -o "$system/bcryptprimitives.dll" "$WINEPREFIX/prng.c" -ladvapi32
	touch "$WINEPREFIX/ready"
fi
exec wine "$@"
