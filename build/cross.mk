# Archives, other platforms, releases. See docs/build.md and docs/release.md.

CROSS_TARGETS := linux-amd64 linux-arm64 linux-amd64-musl linux-arm64-musl windows-amd64 darwin-arm64
HOST_TARGET    = $$(. build/targets.sh; host_target)
# What a program linked on Debian 12 may need of glibc, and what one linked by zig may.
GLIBC_FLOOR   := 2.34
GLIBC_OLD     := 2.17

.PHONY: archive-check
archive-check: library ## check that the library has the header's global names only, no debug information
	build/archive-check.sh $(LIB)

.PHONY: archive-twice
archive-twice: ## build the library in two folders and compare the bytes
	build/archive-twice.sh $(HOST_TARGET)

.PHONY: test-link
test-link: library ## test what a wrong build says: no cgo, no library, a library of another release
	build/test-link.sh

.PHONY: test-panic
test-panic: ## test panics in kvshard and another Rust library in one Go program
	build/test-panic.sh $(HOST_TARGET)

.PHONY: cross
cross: $(CROSS_TARGETS:%=cross-%) ## build for every platform, and test where the programs can run

.PHONY: $(CROSS_TARGETS:%=cross-%)
$(CROSS_TARGETS:%=cross-%): cross-%: ## build for one platform and test, such as cross-linux-arm64
	build/cross.sh $*
	build/cross-test.sh $*

.PHONY: $(CROSS_TARGETS:%=cross-panic-%)
$(CROSS_TARGETS:%=cross-panic-%): cross-panic-%:
	build/test-panic.sh $*

.PHONY: cross-tools
cross-tools: ## install what every platform needs (Debian, root); cross-tools-TARGET for one
	build/install.sh $(CROSS_TARGETS) zig

.PHONY: $(CROSS_TARGETS:%=cross-tools-%)
$(CROSS_TARGETS:%=cross-tools-%): cross-tools-%:
	build/install.sh $*

.PHONY: glibc
glibc: library ## show what glibc a program needs, and check that it is at most the stated one
	@mkdir -p bin && go build -o bin/probe ./internal/probe
	build/glibc.sh $(HOST_TARGET) $(GLIBC_FLOOR) bin/probe

.PHONY: glibc-old
glibc-old: library ## link against an old glibc with zig, check and run
	build/install.sh zig
	@mkdir -p bin
	CC=$(CURDIR)/build/zig-glibc.sh GLIBC=$(GLIBC_OLD) CGO_LDFLAGS=-lunwind go build -o bin/probe-old ./internal/probe
	build/glibc.sh $(HOST_TARGET) $(GLIBC_OLD) bin/probe-old
	bin/probe-old

.PHONY: dist
dist: ## make a release of the committed source in dist/
	build/dist.sh $(DIST_TARGETS)

.PHONY: dist-test
dist-test: ## use the release in dist/ as its users do, without Rust
	build/consumer.sh $(HOST_TARGET)

.PHONY: dist-test-arm64
dist-test-arm64: ## the same for linux/arm64
	build/consumer.sh linux-arm64
