#!/usr/bin/env bash
# Runs the Go tests over the library in lib/ for targets, as far as their programs
# can run here; links a program where they cannot.
#
#   build/cross-test.sh TARGET...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
cd "$root"
mkdir -p bin

for each; do
	target "$each"
	if [ "$run" = never ]; then
		need "$cc" go
		GOOS=$goos GOARCH=$goarch CGO_ENABLED=1 CC=$cc go test -c ${ldflags:+-ldflags "$ldflags"} -o "bin/$name.test" .
		echo "$name: linked $(file -b "bin/$name.test" | cut -c1-60), NEVER RUN here"
		continue
	fi
	# An emulator is slow enough to leave out what -short leaves out.
	short=()
	[ -z "$run" ] || short=(-short)
	"$here/go-test.sh" "$name" ${short[@]+"${short[@]}"} . ./kvtest ./internal/realdata
	case $name in
	windows-*) echo "$name: ran under wine: a test stand, no real Windows" ;;
	esac
done
