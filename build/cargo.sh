#!/usr/bin/env bash
# Runs a command of cargo that builds for a target, and runs what it built, under an emulator if the
# target's programs need one:
#
#   build/cargo.sh TARGET COMMAND CARGO-OPTIONS...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
source "$here/toolchain.sh"
target "$1"
command=$2
shift 2
need "$cc" cargo
options=()
toolchain
variable=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$triple")
export "${variable}_LINKER=$cc"
case $run in
'') ;;
never) fail "$name: its programs do not run here" ;;
# An emulator may hang in a way that only SIGKILL ends.
*) need "$run" && export "${variable}_RUNNER=timeout -k 10 ${TEST_TIMEOUT:-3600} $run" ;;
esac
cd "$root"
exec "${cargo[@]}" "$command" "${options[@]}" "$@"
