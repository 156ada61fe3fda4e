# Archives, other platforms, releases. See docs/build.md and docs/release.md.

.PHONY: archive-check
archive-check: library ## check that the library has the header's global names only, no debug information
	build/archive-check.sh $(LIB)

.PHONY: test-link
test-link: library ## test what a wrong build says: no cgo, no library, a library of another release
	build/test-link.sh

.PHONY: test-panic
test-panic: ## test panics in kvshard and another Rust library in one Go program
	build/test-panic.sh $$(. build/targets.sh; host_target)
