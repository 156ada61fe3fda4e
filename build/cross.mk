# Libraries, other platforms, releases. See docs/build.md and docs/release.md.

include build/versions

HOST_TARGET   = $$(. build/targets.sh; host_target)
# The glibc that a program linked on Debian 12 may need, and the glibc that a program
# linked by zig may need.
GLIBC_FLOOR  := 2.34
GLIBC_OLD    := 2.17

##@ Libraries for other platforms, and how programs link them

.PHONY: versions
versions: ## show the versions of the tools here beside those that releases are made with
	build/versions.sh

.PHONY: reproducible
reproducible: ## build the library of the last commit in two folders and compare the bytes
	build/reproducible.sh $(HOST_TARGET)

.PHONY: test-link
test-link: library ## test what a wrong build says: no cgo, no library, a library of another release
	build/test-link.sh

.PHONY: test-panic
test-panic: ## test panics in kvshard and another Rust library in one Go program
	build/test-panic.sh $(HOST_TARGET)

.PHONY: glibc
glibc: library ## show what glibc a program needs, and check that it is at most the stated one
	@mkdir -p bin && go build -o bin/probe ./internal/cmd/probe
	build/glibc.sh $(HOST_TARGET) $(GLIBC_FLOOR) bin/probe

.PHONY: glibc-old
glibc-old: library ## link against an old glibc with zig, check and run
	@mkdir -p bin
	CC=$(CURDIR)/build/zig-glibc.sh GLIBC=$(GLIBC_OLD) CGO_LDFLAGS=-lunwind go build -o bin/probe-old ./internal/cmd/probe
	build/glibc.sh $(HOST_TARGET) $(GLIBC_OLD) bin/probe-old
	bin/probe-old

.PHONY: cross
cross: cross-linux-amd64 cross-linux-amd64-musl cross-linux-arm64 cross-linux-arm64-musl cross-windows-amd64 cross-darwin-arm64 ## build for every platform, and test where the programs can run

.PHONY: cross-linux-amd64
cross-linux-amd64: ## build and test for linux/amd64, glibc
	build/cross.sh linux-amd64

.PHONY: cross-linux-amd64-musl
cross-linux-amd64-musl: ## build and test for linux/amd64, static on musl
	build/cross.sh linux-amd64-musl

.PHONY: cross-linux-arm64
cross-linux-arm64: ## build for linux/arm64, glibc; test under qemu-user
	build/cross.sh linux-arm64

.PHONY: cross-linux-arm64-musl
cross-linux-arm64-musl: ## build for linux/arm64, static on musl; test under qemu-user
	build/cross.sh linux-arm64-musl

.PHONY: cross-windows-amd64
cross-windows-amd64: ## build for windows/amd64; test under wine, a test stand
	build/cross.sh windows-amd64

.PHONY: cross-darwin-arm64
cross-darwin-arm64: ## build for darwin/arm64; test on a Mac, elsewhere link only
	build/cross.sh darwin-arm64

.PHONY: cross-tools
cross-tools: ## install what the above need (Debian, root), or some: TARGETS="linux-arm64 zig"
	build/install.sh $(TARGETS)

##@ Releases

.PHONY: dist
dist: ## make a release of the last commit in dist/
	build/dist.sh $(TARGETS)

.PHONY: dist-test
dist-test: ## use the release in dist/ as its users do, without Rust, and from tags
	build/consumer.sh $(HOST_TARGET)
	build/test-tags.sh

.PHONY: dist-test-arm64
dist-test-arm64: ## the same for linux/arm64, under qemu-user, without the application
	build/consumer.sh linux-arm64

.PHONY: dist-test-musl
dist-test-musl: ## the same for linux/amd64, static on musl
	build/consumer.sh linux-amd64-musl

.PHONY: dist-tag
dist-tag: ## tag the release in dist/, each of its Go modules; pushes nothing
	build/tag.sh

.PHONY: test-release
test-release: ## vet and test the program that packs a release
	cd tools/release && go vet ./... && go run $(STATICCHECK) ./... && $(GOTEST) ./...
