# The table of targets, and what the scripts of this folder share. Scripts source
# this file.

targets='linux-amd64 linux-arm64 linux-amd64-musl linux-arm64-musl windows-amd64 darwin-arm64'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/build/versions"

fail() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# target NAME sets what the scripts need to know of a target.
#   triple    Rust's name          goos goarch  Go's names
#   dir       its folder in lib/   tags         build tags
#   cc        the C compiler       binutils     prefix of ld, objcopy, ar, nm
#   ldflags   linker flags that cgo does not take from a package
#   run       what runs a program of the target: empty, a command, or "never"
#   packages  Debian's packages for all this beside gcc and a Rust toolchain
#   notice    the licences of the C library, if it is linked into each program
target() {
	name=$1 tags='' ldflags='' run='' packages='' format=elf notice=''
	case $name in
	linux-amd64) triple=x86_64-unknown-linux-gnu goos=linux goarch=amd64 ;;
	linux-arm64) triple=aarch64-unknown-linux-gnu goos=linux goarch=arm64 ;;
	linux-amd64-musl) triple=x86_64-unknown-linux-musl goos=linux goarch=amd64 ;;
	linux-arm64-musl) triple=aarch64-unknown-linux-musl goos=linux goarch=arm64 ;;
	windows-amd64) triple=x86_64-pc-windows-gnu goos=windows goarch=amd64 format=pe ;;
	darwin-arm64) triple=aarch64-apple-darwin goos=darwin goarch=arm64 format=macho ;;
	darwin-amd64) triple=x86_64-apple-darwin goos=darwin goarch=amd64 format=macho ;;
	*) fail "no target $name; there are: $targets" ;;
	esac
	triple_arch=${triple%%-*}
	triple_arch=${triple_arch/aarch64/arm64}
	dir=${goos}_$goarch
	cc=gcc binutils=''
	case $name in
	linux-*)
		local gnu=${triple%%-*}-linux-gnu
		if [ "$(uname -m)" != "${triple%%-*}" ]; then
			cc=$gnu-gcc binutils=$gnu- run=qemu-${triple%%-*}-static
			packages="gcc-${gnu/_/-} libc6-dev-$goarch-cross libstd-rust-web-dev:$goarch qemu-user-static"
		fi
		;;
	windows-*)
		cc=x86_64-w64-mingw32-gcc binutils=x86_64-w64-mingw32- run=$root/build/wine.sh
		packages='gcc-mingw-w64-x86-64-win32 rust-web-src wine64 wine'
		notice=/usr/share/doc/mingw-w64-common/copyright
		;;
	darwin-*)
		cc=cc
		if [ "$(uname -s)" != Darwin ]; then
			cc=$root/build/zig-darwin-$goarch.sh run=never ldflags=-w packages='rust-web-src'
		fi
		;;
	esac
	case $name in
	*-musl)
		dir+=_musl tags=musl notice=/usr/share/doc/musl-dev/copyright
		# musl-gcc leaves out the index of unwind tables in a static link.
		ldflags="-linkmode external -extldflags '-static -Wl,--eh-frame-hdr'"
		if [ "$(uname -m)" = "${triple%%-*}" ]; then
			cc=musl-gcc packages='musl-tools rust-web-src'
		else
			cc=${triple%%-*}-linux-musl-gcc packages+=" musl-dev:$goarch rust-web-src"
		fi
		;;
	esac
}

# host_target prints the target of this machine.
host_target() {
	local arch
	case $(uname -m) in
	x86_64 | amd64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	*) fail "no target for $(uname -m)" ;;
	esac
	case $(uname -s) in
	Linux) if [ -e /etc/alpine-release ]; then echo "linux-$arch-musl"; else echo "linux-$arch"; fi ;;
	Darwin) echo "darwin-$arch" ;;
	MINGW* | MSYS*) echo "windows-$arch" ;;
	*) fail "no target for $(uname -s)" ;;
	esac
}

# exported_names [LIBRARY HEADER] prints the functions of a library's C header, kvshard's without arguments.
exported_names() { grep -oE "\\b${1:-kvshard}_[a-z_]+\(" "${2:-$root/lib/include/kvshard.h}" | tr -d '(' | sort -u; }

# need stops and names the commands that are missing.
need() {
	local missing=() command
	for command; do command -v "$command" >/dev/null || missing+=("$command"); done
	[ ${#missing[@]} -eq 0 ] || fail "${name:+$name: }missing: ${missing[*]}${packages:+ (on Debian: make cross-tools TARGETS=$name)}"
}
