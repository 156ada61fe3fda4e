# The Rust toolchain for a target. Scripts source this file behind targets.sh.

has_std() { ls "$("$1" --print target-libdir --target "$triple" 2>/dev/null)"/libstd-*.rlib >/dev/null 2>&1; }

# toolchain sets rustc and the array cargo, and adds to the array options what cargo needs to build for the
# target. It takes the first of these that exists:
# - the rustc on the PATH, if it has the target's standard library (rustup target
#   add TRIPLE);
# - the distribution's rustc, if that has it (Debian: libstd-rust-web-dev:ARCH);
# - the distribution's rustc, with the standard library built from its source
#   (Debian: rust-web-src). For that the compiler must allow unstable options.
toolchain() {
	local system=${SYSTEM_RUST:-/usr/bin}
	options+=(--target "$triple")
	cargo=(cargo)
	if has_std rustc; then
		rustc=rustc
	elif [ -x "$system/rustc" ] && has_std "$system/rustc"; then
		rustc=$system/rustc cargo=(env RUSTC="$system/rustc" RUSTDOC="$system/rustdoc" "$system/cargo")
	elif [ -x "$system/rustc" ] && [ -e "$("$system/rustc" --print sysroot)/lib/rustlib/src/rust/library/std/src/lib.rs" ]; then
		rustc=$system/rustc cargo=(env RUSTC_BOOTSTRAP=1 RUSTC="$system/rustc" RUSTDOC="$system/rustdoc" "$system/cargo")
		options+=(-Zbuild-std=std,panic_unwind)
	else
		fail "$name: no Rust standard library for $triple: rustup target add $triple${packages:+, or on Debian: make cross-tools TARGETS=$name}"
	fi
}
