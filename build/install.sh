#!/usr/bin/env bash
# Installs on Debian what targets need. Without root or apt it only names it:
#
#   build/install.sh [TARGET...]   without arguments: for all targets, and zig
#   build/install.sh zig           ziglang from PyPI, into bin/zig
#
# It never asks rustup for anything. To use the standard library of rustup's
# toolchain instead of the distribution's compiler, run rustup target add TRIPLE
# first: the build then takes that one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"

install_zig() {
	[ ! -x "$root/bin/zig/bin/python" ] || return 0
	need python3
	python3 -m venv "$root/bin/zig"
	"$root/bin/zig/bin/pip" install -q "ziglang==$ZIGLANG_VERSION"
}

[ $# -gt 0 ] || set -- $targets zig
wanted=()
for each; do
	if [ "$each" = zig ]; then
		install_zig
		continue
	fi
	target "$each"
	case $name in darwin-*) [ "$(uname -s)" = Darwin ] || install_zig ;; esac
	std=$(ls "$(rustc --print target-libdir --target "$triple" 2>/dev/null)"/libstd-*.rlib 2>/dev/null || true)
	for package in $packages; do
		case $package in
		*rust-web-*) [ -n "$std" ] || wanted+=(rustc-web cargo-web "$package") ;;
		*) wanted+=("$package") ;;
		esac
	done
done
[ ${#wanted[@]} -gt 0 ] || exit 0
mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)
echo "wanted: ${wanted[*]}"

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	fail "not root, or no apt-get: install ${wanted[*]}"
fi
for package in "${wanted[@]}"; do
	case $package in *:*) dpkg --add-architecture "${package#*:}" ;; esac
done
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends gcc libc6-dev binutils "${wanted[@]}"
