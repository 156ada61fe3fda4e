#!/usr/bin/env bash
# Runs go test for a target, under an emulator if the target's programs need
# one:
#
#   build/go-test.sh TARGET [--tags TAGS] [GO-TEST-ARGUMENTS...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "$1"
shift
if [ "${1:-}" = --tags ]; then
	tags+=${tags:+,}$2
	shift 2
fi
need "$cc" go
# An emulator may hang in a way that only SIGKILL ends.
exec=()
case $run in
'' | never) ;;
*) need "$run" && exec=(-exec "timeout -k 10 ${TEST_TIMEOUT:-1200} $run") ;;
esac
cd "$root"
export GOOS=$goos GOARCH=$goarch CGO_ENABLED=1 CC=$cc
exec go test -count=1 -tags "$tags" ${ldflags:+-ldflags "$ldflags"} ${exec[@]+"${exec[@]}"} "$@"
