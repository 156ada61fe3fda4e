# Archives, other platforms, releases. See docs/build.md and docs/release.md.

.PHONY: archive-check
archive-check: library ## check that the library has the header's global names only, no debug information
	build/archive-check.sh $(LIB)
