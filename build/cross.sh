#!/usr/bin/env bash
# Builds the libraries of targets into lib/. If a target's programs can run here, it runs the Go tests
# over the library, and panics beside another Rust library. If not, it only links a program.
#
#   build/cross.sh TARGET...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
cd "$root"
mkdir -p bin

for each; do
	target "$each"
	"$here/library.sh" "$name"
	if [ "$run" = never ]; then
		need "$cc" go
		GOOS=$goos GOARCH=$goarch CGO_ENABLED=1 CC=$cc go test -c ${ldflags:+-ldflags "$ldflags"} -o "bin/$name.test" .
		echo "$name: linked $(file -b "bin/$name.test" | cut -c1-60), NEVER RUN here"
		continue
	fi
	tests=(./... ./testdata)
	case $run in
	# Wine 8 cannot delete files the way Go does, so tests with a database on disk cannot clean up.
	*wine.sh) tests=(-short -skip '^TestDatabases$' . ./tests ./kvtest ./internal/realdata) ;;
	esac
	"$here/go-test.sh" "$name" "${tests[@]}"
	"$here/test-panic.sh" "$name"
	[[ $name != *-musl ]] || "$here/test-musl.sh" "$name"
	echo "$name: ok${run:+ under $(basename "$run")}"
done
