#!/usr/bin/env bash
# Makes a release of the committed source, in dist/:
#
#   build/dist.sh [TARGET...]
#
#   dist/module      the tree to tag: source, lib/*/libkvshard.a, licences,
#                    sbom.json, checksums
#   dist/proxy       its Go modules as a module proxy: GOPROXY=file://…/dist/proxy
#   dist/bin         the command for each target, built from that proxy
#   dist/COMMIT      the commit that was released
#   dist/SHA256SUMS  of the proxy's files, of dist/bin and of each library
#
# Without arguments: every target that this system can build a clean library for.
# DIST_EXTRA is a folder with libraries that were built elsewhere, as
# darwin_arm64/libkvshard.a for lib/darwin_arm64. For these there is no command: it
# goes into the release only if it ran here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
source "$here/as-user.sh"
cd "$root"
need go git

chosen=$*
if [ -z "$chosen" ]; then
	for each in $targets; do
		case $each in darwin-*) ;; *) chosen+=" $each" ;; esac
	done
fi
[ -z "$(git status --porcelain)" ] || echo 'dist.sh: what is not committed is not part of the release' >&2

version=v$(git show HEAD:rust/Cargo.toml | sed -nE 's/^version = "(.*)"/\1/p' | head -1)
[ "$(git show HEAD:version.go | sed -nE 's/^const version = "(.*)"/v\1/p')" = "$version" ] ||
	fail "version.go and rust/Cargo.toml name different versions"
time=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)
dist=$root/dist module=$root/dist/module

rm -rf "$dist"
mkdir -p "$module"
# The files get the present time: cargo thinks that a file older than its last build is
# unchanged.
git archive HEAD | tar -x --touch -C "$module"

toolchains=$module/lib/TOOLCHAINS
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
for each in $chosen; do
	target "$each"
	[ "$run" = never ] || need "$cc" ${run:+"$run"}
	CARGO_TARGET_DIR=$root/rust/target/dist "$module/build/library.sh" "$name" 2>"$log" || { cat "$log" >&2; exit 1; }
	sed -nE "s|^rust.sh: $name: |$dir: |p" "$log" >>"$toolchains"
done
if [ -n "${DIST_EXTRA:-}" ]; then
	for extra in "$DIST_EXTRA"/*/libkvshard.a; do
		dir=$(basename "$(dirname "$extra")")
		[ -d "$module/lib/$dir" ] || fail "no lib/$dir for $extra"
		cp "$extra" "$module/lib/$dir/"
		echo "$dir: built elsewhere" >>"$toolchains"
	done
fi
for library in "$module"/lib/*/libkvshard.a; do
	grep -aqF "${version#v}" "$library" || fail "$library does not hold the version ${version#v}"
done

release() {
	local command=$1
	shift
	(cd tools/release && go run . "$command" -module "$module" -version "$version" -time "$time" "$@")
}
release inventory -root "$module"
(cd "$module" && sha256sum lib/*/libkvshard.a lib/include/kvshard.h sbom.json LICENSES-THIRD-PARTY.txt) >"$module/lib/SHA256SUMS"
release proxy -out "$dist/proxy"
[ "$(go env GOVERSION)" = "$GO_VERSION" ] || echo "dist.sh: releases are built with $GO_VERSION: these programs have other bytes" >&2
for each in $chosen; do
	target "$each"
	[ "$run" != never ] || continue
	program=$(build_program "$version")
	said=$(${run:+timeout -k 10 120 $run} "$program" --version | tr -d '\r')
	[ "$said" = "kvshard version ${version#v}" ] || fail "$name: kvshard --version says: $said"
	release archive -modules "$work/modules" -program "$program" -target "$name" ${notice:+-notice "$notice"} -out "$dist/bin"
done
git rev-parse HEAD >"$dist/COMMIT"
(
	cd "$dist"
	find proxy bin -type f | LC_ALL=C sort | xargs sha256sum
	sha256sum module/lib/*/libkvshard.a
) >"$dist/SHA256SUMS"
echo "$version of $(released_modules | tr '\n' ' ')"
echo "libraries: $(cd "$module/lib" && echo */libkvshard.a)"
echo "programs: $(cd "$dist/bin" && echo *)"
