#!/usr/bin/env bash
# Makes the archive that Go links from the one that cargo made:
#
#   build/archive.sh RAW OUT [TARGET [HEADER]]
#
# Cargo's archive holds all of Rust's standard library, with all names global. A program that links
# two Rust libraries then has every name twice. The archive made here is one object with the
# reachable code only, and the functions of the header are its only global names. They begin with
# the library's name, which is OUT's. Without HEADER it is lib/include/kvshard.h.
#
# - ld -r binds the references inside the object. Without
#   --force-group-allocation the COMDAT groups stay, and the linker merges those
#   of two Rust libraries: the program links, and crashes in its first panic.
# - objcopy makes every other name local, drops debug information, and drops the
#   LLVM bitcode that Rust puts beside the code.
# - ar D writes no times, owners or numbers of inodes.
#
# For Windows, the object is the one that rustc made, and the import libraries of DLLs lie beside
# it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"

raw=$1 out=$2
target "${3:-$(host_target)}"
library=$(basename "$out" .a)
library=${library#lib}
exports=$(exported_names "$library" ${4+"$4"})
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
object=$work/$library.o

roots=()
for export in $exports; do roots+=(-u "$export"); done
keep=(--wildcard "--keep-global-symbol=${library}_*" --strip-debug
	--remove-section=.llvmbc --remove-section=.llvmcmd --remove-section=.llvm_addrsig --remove-section=.comment)

# import_libraries writes the import libraries of rustc among the members here anew: rustc gives
# them random names.
import_libraries() {
	local head dll
	for head in *.dllh.o; do
		dll=${head%h.o}
		{
			printf 'LIBRARY %s\nEXPORTS\n' "$dll"
			"${binutils}nm" "$dll"s*.o | sed -nE 's/.* __imp_(.*)/\1/p' | sort
		} >"$dll.def"
		rm "$dll"[hst]*.o
		"${binutils}dlltool" --deterministic-libraries --temp-prefix "$dll" -d "$dll.def" -l "$dll.lib"
		"${binutils}ar" x "$dll.lib"
	done
}

case $format in
elf)
	need "${binutils}ld" "${binutils}objcopy" "${binutils}ar"
	"${binutils}ld" -r --gc-sections --force-group-allocation "${roots[@]}" -e "${exports%%$'\n'*}" -o "$object" "$raw"
	"${binutils}objcopy" "${keep[@]}" "$object"
	"${binutils}ar" rcsD "$work/lib$library.a" "$object"
	;;
pe)
	# With lto all Rust code is in one member. What that code needs of compiler_builtins (memcpy
	# and the like) the C runtime has. ld -r would lose alignment and shift unwind tables.
	need "${binutils}objcopy" "${binutils}ar" "${binutils}nm" "${binutils}dlltool"
	raw=$(realpath "$raw")
	mkdir "$work/members"
	pushd "$work/members" >/dev/null
	"${binutils}ar" x "$raw"
	# Without --file-alignment objcopy pads sections, and the list of thread callbacks would end
	# early. The linker directives only say what not to export from a DLL. The pointer to the C
	# runtime's _tls_used would be merged with another Rust library's.
	"${binutils}objcopy" --file-alignment=16 "${keep[@]}" --remove-section=.drectve \
		--set-section-flags '.rdata$.refptr._tls_used=alloc,load,readonly,data,contents' "$library"-*.rcgu.o "$object"
	! "${binutils}nm" -u "$object" | grep -E ' U (_R|_ZN)' >&2 || fail 'the Rust code is not in one member: built without lto?'
	import_libraries
	"${binutils}ar" rcsD "$work/lib$library.a" "$object" *.dll[hst]*.o
	popd >/dev/null
	;;
macho)
	# Apple's linker does both steps: names that are not exported become local.
	if [ "$(uname -s)" = Darwin ]; then
		roots=()
		for name in $exports; do roots+=(-u "_$name" -exported_symbol "_$name"); done
		xcrun ld -r -arch "${triple_arch}" -S "${roots[@]}" -o "$object" -all_load "$raw"
		ZERO_AR_DATE=1 xcrun libtool -static -D -o "$work/lib$library.a" "$object"
	else
		cp "$raw" "$work/lib$library.a"
		echo "archive.sh: $name: only Apple's linker can make the names local: the archive is cargo's, unchanged" >&2
	fi
	;;
esac

mkdir -p "$(dirname "$out")"
cmp -s "$work/lib$library.a" "$out" || cp "$work/lib$library.a" "$out"
