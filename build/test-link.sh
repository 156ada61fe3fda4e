#!/usr/bin/env bash
# Tests what a user gets who builds kvshard in a way that cannot work, or with a
# library of another release: a message that says what to do and no program, or an
# error from Open. Never a crash, never success.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "$(host_target)"
need gcc ar go
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# says WORDS COMMAND... checks that the command fails and that its output has the
# words.
says() {
	local words=$1 output
	shift
	if output=$("$@" 2>&1); then fail "should not succeed: $*"$'\n'"$output"; fi
	grep -qF -- "$words" <<<"$output" || fail "$* should say \"$words\", but says"$'\n'"$output"
	echo "ok: $words"
}

good=$(go run ./internal/cmd/probe)
echo "ok: $good"

says kvshard_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler env CGO_ENABLED=0 go build ./internal/cmd/probe
# Each platform links one library, or has the file with the message.
listed() { env CGO_ENABLED=1 GOOS="$1" GOARCH="$2" go list -e -tags "${3:-}" -f '{{join .GoFiles " "}} {{join .CgoFiles " "}}' ./internal/link |
	 grep -oE 'link_(none|dev|(musl_)?(linux|windows|darwin)_[a-z0-9]+)[.]go' | paste -sd' '; }
expect() { [ "$(listed "$1" "$2" "${4:-}")" = "$3" ] || fail "$1/$2 ${4:-}: links by $(listed "$1" "$2" "${4:-}"), want $3"; }
for platform in linux/amd64 linux/arm64 linux/386 linux/riscv64 windows/amd64 windows/arm64 darwin/amd64 darwin/arm64 freebsd/amd64 android/arm64 ios/arm64; do
	case $platform in
	linux/amd64 | linux/arm64 | windows/amd64 | darwin/amd64 | darwin/arm64) want=link_${platform/\//_}.go ;;
	*) want=link_none.go ;;
	esac
	expect "${platform%/*}" "${platform#*/}" "$want"
done
expect freebsd amd64 link_dev.go kvshard_dev
expect linux amd64 link_dev.go kvshard_dev
expect linux amd64 link_musl_linux_amd64.go musl
expect linux arm64 link_musl_linux_arm64.go musl
expect linux amd64 link_musl_linux_amd64.go muslc
expect linux arm64 link_musl_linux_arm64.go muslc
expect linux amd64 link_musl_linux_amd64.go musl,muslc
grep -q 'var _ = kvshard_has_no_library_for_this_platform' internal/link/link_none.go
echo 'ok: one library or a message on each platform'

# A checkout without a library.
mkdir "$work/bare"
git ls-files -z | grep -zv '\.a$' | xargs -0 cp --parents -t "$work/bare" 2>/dev/null
says "there is no lib/$dir/libkvshard.a: require a released version" go -C "$work/bare" build ./internal/cmd/probe
# The library comes back, and the go command sees it.
cp "lib/$dir/libkvshard.a" "$work/bare/lib/$dir/"
[ "$(go -C "$work/bare" run ./internal/cmd/probe)" = "$good" ] || fail 'a library that came later is not linked'
echo 'ok: a library that came later'

# Libraries with the right names that say that they are something else.
other() { # other FOLDER ABI VERSION
	mkdir -p "$work/$1"
	{
		echo '#include <stdlib.h>'
		for export in $(exported_names); do
			case $export in
			kvshard_abi) echo "unsigned kvshard_abi(void) { return $2; }" ;;
			kvshard_version) echo "const char *kvshard_version(void) { return \"$3\"; }" ;;
			*) echo "void $export(void) { abort(); }" ;;
			esac
		done
	} >"$work/$1/other.c"
	gcc -c -o "$work/$1/other.o" "$work/$1/other.c"
	ar rcs "$work/$1/libkvshard.a" "$work/$1/other.o"
}
abi=$(sed -nE 's/^const abiVersion = ([0-9]+)$/\1/p' bridge.go)
version=$(sed -nE 's/^const version = "(.*)"$/\1/p' version.go)
other abi 99 "$version"
other version "$abi" 9.9.9
with() { env CGO_LDFLAGS="-L$work/$1" go run -tags kvshard_dev ./internal/cmd/probe; }
says "libkvshard $version has ABI version 99, this package needs $abi: link the library of the same release" with abi
says "the linked library is libkvshard 9.9.9, this package is kvshard $version: link the library of the same release" with version
mkdir "$work/own" && cp "lib/$dir/libkvshard.a" "$work/own/"
[ "$(with own)" = "$good" ] || fail 'kvshard_dev does not link the library that CGO_LDFLAGS names'
echo 'ok: kvshard_dev'
