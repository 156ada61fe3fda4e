#!/usr/bin/env bash
# Builds the library of targets into lib/, and runs the Go tests over it and
# panics beside another Rust library, as far as a target's programs can run here;
# links a program where they cannot.
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
	# Wine 8 does not know how Go deletes a file, so the tests with a database on disk cannot clean up.
	*wine.sh) tests=(-short -skip '^TestDatabases$' . ./tests ./kvtest ./internal/realdata) ;;
	esac
	"$here/go-test.sh" "$name" "${tests[@]}"
	"$here/test-panic.sh" "$name"
	echo "$name: ok${run:+ under $(basename "$run")}"
done
