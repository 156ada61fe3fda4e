#!/usr/bin/env bash
# Tests static programs on musl, linked as chains link them: by either tag, with and
# without the index of unwind tables. Without it, the program says so when it starts.
#
#   build/test-musl.sh linux-amd64-musl|linux-arm64-musl
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
[ $# = 1 ] || fail "usage: build/test-musl.sh TARGET"
target "$1"
need "$cc" go
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

probe() { # probe TAGS EXTLDFLAGS: the program's output
	GOOS=$goos GOARCH=$goarch CGO_ENABLED=1 CC=$cc \
		go build -tags "$1" -ldflags "-linkmode external -extldflags '$2'" -o "$work/probe" ./internal/cmd/probe
	$run "$work/probe" 2>&1
}

for tags in musl muslc musl,muslc; do
	for flags in '-static -Wl,--eh-frame-hdr' '-Wl,-z,muldefs -static -Wl,--eh-frame-hdr'; do
		output=$(probe "$tags" "$flags") || fail "-tags $tags, $flags: $output"
		echo "ok: -tags $tags -extldflags '$flags': $output"
	done
done
# musl-gcc leaves the index out of a static link; a compiler that does not, as Alpine's, makes a good program.
if output=$(probe muslc '-Wl,-z,muldefs -static'); then
	echo "ok: this compiler indexes the unwind tables by itself"
else
	grep -q 'CheckLinked: .*--eh-frame-hdr' <<<"$output" || fail "without an index: $output"
	echo "ok: $output"
fi
