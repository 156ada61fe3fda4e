# kvshard: one Go module, one Rust crate. `make` prints the targets.
#
# A fresh machine needs Go, Rust (rustup or a distribution's) and a C compiler; everything else is
# fetched by go and cargo at the versions that go.sum and Cargo.lock pin.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GOOS    := $(shell go env GOOS)
GOARCH  := $(shell go env GOARCH)
LIB     := lib/$(GOOS)_$(GOARCH)/libkvshard.a
CARGO   := cargo
RUST    := --manifest-path rust/Cargo.toml --locked
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GO_PACKAGES := ./... ./testdata
# The library is no input that go knows of: a cached result could be another library's.
GOTEST  := go test -count=1

.PHONY: help
help: ## print the targets
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: build
build: library ## build the Rust library for this machine and the Go package over it
	go build ./...

.PHONY: install
install: library ## put the command kvshard into GOBIN
	cd cmd/kvshard && go install .

# Copies only what changed, so that nothing is linked again for nothing.
.PHONY: library
library:
	@$(CARGO) build $(RUST) --release
	@mkdir -p $(dir $(LIB))
	@cmp -s rust/target/release/libkvshard.a $(LIB) || cp rust/target/release/libkvshard.a $(LIB)

.PHONY: test
test: test-rust test-interop test-go test-cmd test-wallet ## run every test (some 10 minutes on two cores)

.PHONY: test-rust
test-rust: ## run the Rust tests: engine, store, suites of shardtree and incrementalmerkletree
	$(CARGO) test $(RUST) --release --features test-dependencies

.PHONY: test-interop
test-interop: ## read zcash_client_backend's shards, and have it read ours
	$(CARGO) test --manifest-path tools/interop/Cargo.toml --locked --release

.PHONY: test-go
test-go: library ## run the Go tests over the linked library
	$(GOTEST) $(GO_PACKAGES)

.PHONY: test-cmd
test-cmd: library ## run the tests of the command, which is a module of its own
	cd cmd/kvshard && $(GOTEST) ./...

.PHONY: test-wallet
test-wallet: ## have the crate orchard verify the command's witnesses
	$(CARGO) test --manifest-path tools/wallet/Cargo.toml --locked --release

.PHONY: test-safety
test-safety: library ## run the Go tests with the race detector and the strictest pointer checks
	GOEXPERIMENT=cgocheck2 $(GOTEST) -race -short $(GO_PACKAGES)

.PHONY: lint
lint: ## check formats, vet, staticcheck, clippy, docs
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'gofmt: run it on the files above'; exit 1; }
	go vet $(GO_PACKAGES)
	go run $(STATICCHECK) $(GO_PACKAGES)
	cd cmd/kvshard && go vet ./... && go run $(STATICCHECK) ./...
	$(CARGO) fmt --manifest-path rust/Cargo.toml --check
	$(CARGO) clippy $(RUST) --release --all-targets --features test-dependencies -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(RUST) --release --no-deps --document-private-items

.PHONY: header-check
header-check: ## check that include/kvshard.h is what cbindgen makes of the crate
	$(CARGO) test $(RUST) --release --features test-dependencies --test header

.PHONY: header
header: ## write include/kvshard.h anew
	UPDATE_HEADER=1 $(CARGO) test $(RUST) --release --features test-dependencies --test header

.PHONY: demo
demo: library ## append real Zcash blocks to a tree on disk, prove a leaf, read it all again
	@mkdir -p bin && rm -f bin/kvshard-demo
	@go build -o bin/kvshard-demo ./cmd/kvshard-demo
	@bin/kvshard-demo

.PHONY: bench
bench: library ## time blocks, builds, roots and witnesses beside the yardsticks
	$(CARGO) build $(RUST) --release --example yardstick
	@mkdir -p bin && rm -f bin/yardstick && go build -o bin/yardstick ./internal/yardstick
	bin/yardstick
	$(CARGO) bench $(RUST) --bench tree
	go test -run '^$$' -bench . -benchtime 20x .

.PHONY: benchmarks
benchmarks: library ## write BENCHMARKS.md: all sizes, memdb, goleveldb, pebble, and the yardsticks (minutes)
	$(CARGO) build $(RUST) --release --example yardstick
	cd cmd/kvshard && go run . bench --peer ../../rust/target/release/examples/yardstick --write ../..

.PHONY: bench-hash
bench-hash: ## time the hash beside orchard's and the fastest published one
	$(CARGO) bench $(RUST) --bench hash

.PHONY: test-hash
test-hash: ## compare a million hashes at all levels with orchard's (minutes)
	$(CARGO) test $(RUST) --release --features test-dependencies --lib hash:: -- --include-ignored

.PHONY: testdata
testdata: ## write the data of real Zcash blocks anew from the crate zebra-test
	$(CARGO) run --locked --release --manifest-path tools/testdata/Cargo.toml -- testdata/roots testdata/frontiers testdata/vectors

.PHONY: testdata-check
testdata-check: ## check that the committed data is what the crate zebra-test gives
	$(CARGO) run --locked --release --manifest-path tools/testdata/Cargo.toml -- --check testdata/roots testdata/frontiers testdata/vectors

.PHONY: clean
clean: ## remove what was built
	rm -rf bin lib
	$(CARGO) clean --manifest-path rust/Cargo.toml
