# kvshard: one Go module, one Rust crate. `make` prints the targets, under the headings that begin with ##@.
#
# A fresh machine needs Go, Rust (rustup or a distribution's) and a C compiler; everything else is
# fetched by go and cargo at the versions that go.sum and Cargo.lock pin.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PARTS := build/schemes.mk build/chain.mk build/cross.mk

CARGO   := cargo
RUST    := --manifest-path rust/Cargo.toml --locked
PAGE    := cmd/kvshard/internal/view/page
HOST    := $(shell rustc -vV | sed -n 's/^host: //p')
TESTS   := --profile tests
PEERS   := ../../tools/peers/target/release/peers
PRETTIER    := prettier@3.6.2
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := v1.1.4
CARGO_DENY  := 0.20.2
GO_PACKAGES := ./... ./testdata
# The tests read more than go knows of: a cached result could be another tree's.
GOTEST  := go test -count=1
# The Go tests of costs, traces and real data, which no path of the hash may change.
PATH_TESTS := -short -run 'Golden|Cost|Consensus|Real|Vectors' ./tests

# How much of it: make fuzz FUZZTIME=10m
FUZZTIME  := 60s
HISTORIES := 300000
KILLS     := 500
# Not the public suites behind the callbacks: they go through the same code, very many times.
VALGRIND_TESTS := faults null_pointers bad_input empty_values

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^##@ / { printf "%s%s\n", gap, substr($$0, 5); gap = "\n" } \
		gap && /^[a-z][a-z0-9-]*:.*## / { printf "  %-24s%s\n", $$1, $$2 }' Makefile $(PARTS)

##@ To begin

.PHONY: build
build: library ## build the Rust library for this machine and the Go package over it
	go build ./...

# The same library as a release's, see build/rust.sh and build/archive.sh.
.PHONY: library
library:
	@build/library.sh $(HOST_TARGET)

.PHONY: install
install: library ## put the command kvshard into GOBIN
	cd cmd/kvshard && go install .

.PHONY: demo
demo: ## append real Zcash blocks to a tree on disk, prove a leaf, read it all again
	@mkdir -p bin && rm -f bin/demo
	@echo 'demo: building the library, and beside it the databases'
	@go build github.com/cosmos/cosmos-db & databases=$$!; build/library.sh $(HOST_TARGET) && wait $$databases
	@go build -o bin/demo ./examples/demo
	@bin/demo

.PHONY: test
test: test-rust test-interop test-go test-cmd test-wallet ## run every test (some 10 minutes on two cores)

.PHONY: bench
bench: library peers ## time kvshard in memory beside other trees, and its Go calls (some 5 minutes)
	cd cmd/kvshard && go run . bench --peers $(PEERS) --stores memdb --sizes 1000,100000 --limit 1m
	go test -run '^$$' -bench . -benchtime 20x ./tests

##@ Before a change lands

# All that must pass, in one list: .ci/run and the workflow run this target. cargo-deny takes longer to
# compile than all the rest, and the Go tests check the lock files as well.
.PHONY: ci
ci: lint test test-portable test-release test-safety lint-schemes test-schemes lint-chain test-chain minimal chain test-sdk-053 test-sdk-050 ## run all that must pass before a change lands
	@if command -v cargo-deny >/dev/null; then $(MAKE) supply-chain; \
		else echo 'supply-chain: not run, cargo-deny is not installed: make supply-chain-tools'; fi

# What needs more tools, the network, a quiet machine or a long build: the workflow runs it beside ci.
.PHONY: ci-more
ci-more: lint-proto test-scheme test-link test-panic test-bundle test-panic-chain pay spend reproducible glibc test-oldest-go testnet ## run what CI tries besides: protos, a second scheme, links, panics, real payments, the same bytes, the oldest Go, four validators and an upgrade

.PHONY: lint
lint: library lint-page ## check formats, vet, staticcheck, clippy, docs
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'gofmt: run it on the files above'; exit 1; }
	go vet $(GO_PACKAGES)
	go run $(STATICCHECK) $(GO_PACKAGES)
	cd cmd/kvshard && go vet ./... && go run $(STATICCHECK) ./...
	@for crate in rust tools/*/; do test ! -e $$crate/Cargo.toml || $(CARGO) fmt --all --manifest-path $$crate/Cargo.toml --check; done
	$(CARGO) clippy $(RUST) $(TESTS) --workspace --all-targets -- -D warnings
	$(CARGO) clippy $(RUST) $(TESTS) --lib --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(RUST) $(TESTS) --no-deps --document-private-items

# That the page's scripts and style parse, and use no name that is not there, is a test of the command.
.PHONY: lint-page
lint-page: ## check the format of the page of kvshard view: needs npx, and without it says so
	@if command -v npx >/dev/null; then npx --yes --prefer-offline $(PRETTIER) --log-level warn --check $(PAGE); \
		else echo 'lint-page: not run, there is no npx (Node)'; fi

.PHONY: header-check
header-check: ## check that the C headers are what cbindgen makes of the crates
	$(CARGO) test $(RUST) $(TESTS) --test header

.PHONY: doc
doc: ## build the documentation of the crate, with warnings denied
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(RUST) --release --no-deps
	@echo rust/target/doc/kvshard/index.html

.PHONY: crate
crate: ## package the crate as cargo publish would, build it, and run the tests that come with it
	cmp LICENSE-MIT rust/LICENSE-MIT && cmp LICENSE-APACHE rust/LICENSE-APACHE
	$(CARGO) publish $(RUST) --dry-run
	$(CARGO) test --manifest-path $$(ls -d rust/target/package/kvshard-*/ | tail -1)Cargo.toml --profile tests --target-dir rust/target

.PHONY: supply-chain
supply-chain: ## check licences, sources, build scripts and checksums of all dependencies
	@command -v cargo-deny >/dev/null || { echo 'supply-chain needs cargo-deny: make supply-chain-tools'; exit 1; }
	cargo deny --manifest-path rust/Cargo.toml --all-features --locked check licenses bans sources
	go mod verify
	cd cmd/kvshard && go mod verify

.PHONY: supply-chain-tools
supply-chain-tools: ## install cargo-deny (compiles for minutes)
	cargo install --locked cargo-deny@$(CARGO_DENY)

.PHONY: advisories
advisories: library ## look for known faults in the dependencies: needs the network
	cargo deny --manifest-path rust/Cargo.toml --all-features --locked check advisories
	go run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK) ./...

##@ The parts of test

.PHONY: test-rust
test-rust: ## run the Rust tests: engine, store, suites of shardtree and incrementalmerkletree
	$(CARGO) test $(RUST) $(TESTS) --workspace
	$${CARGO_TARGET_DIR:-rust/target}/tests/examples/hash

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

# The Rust tests of the hash try all paths in any case.
.PHONY: test-portable
test-portable: ## run the Go tests of costs, traces and real data on the plain path of the hash (a minute after test-rust)
	build/test-path.sh $(HOST_TARGET) portable $(PATH_TESTS)

# Rust's tests choose the path by the same feature, so that the engine runs on it too.
.PHONY: test-paths
test-paths: library ## run all tests of Rust, Go and the command on each path that the hash has on this machine (minutes a path)
	@$(CARGO) build $(RUST) $(TESTS) --workspace --bin paths --example library
	@paths=$$($${CARGO_TARGET_DIR:-rust/target}/tests/paths); for path in $$paths; do echo "test-paths: $$path" && \
		$(CARGO) test $(RUST) $(TESTS) --workspace --features kvshard/test-path-$$path && \
		build/test-path.sh $(HOST_TARGET) $$path $(GO_PACKAGES) && \
		(cd cmd/kvshard && CGO_LDFLAGS="-L$(CURDIR)/bin/paths/$$path" $(GOTEST) -tags kvshard_dev ./...) || exit; \
	done

.PHONY: test-arm64
test-arm64: ## run the Rust tests, and Go's of costs, traces and real data, on each path of the hash on arm64, under qemu-user
	@paths=$$(build/cargo.sh linux-arm64 run -q $(RUST) $(TESTS) -p kvshard-testkit --bin paths); for path in $$paths; do \
		build/cargo.sh linux-arm64 test $(RUST) $(TESTS) --workspace --features kvshard/test-path-$$path && \
		build/test-path.sh linux-arm64 $$path $(PATH_TESTS) || exit; \
	done

##@ Safety and stress: docs/RELIABILITY.md has what each found

.PHONY: test-safety
test-safety: library ## run the Go tests with the race detector, the strictest pointer checks, and a busy collector
	GOEXPERIMENT=cgocheck2 $(GOTEST) -race -short $(GO_PACKAGES)
	GOGC=1 $(GOTEST) -short $(GO_PACKAGES)

# The suites over the package once more, on a tree whose hash is called through Go.
.PHONY: test-scheme
test-scheme: library ## run the Go suites on a second scheme
	KVSHARD_TEST_SCHEME=go $(GOTEST) -short -skip 'TestReal|TestConsensus|TestVote|TestCost' ./tests

# Rust's sanitizer is reached on the pinned stable compiler, and takes the C compiler's run time, which
# Go links. The target is named so that build scripts are left as they are.
.PHONY: test-asan
test-asan: ## run the Go tests with AddressSanitizer in Go, C and Rust, and look for leaks
	RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=address -Zexternal-clangrt' \
		$(CARGO) rustc $(RUST) --lib --crate-type staticlib --release --target $(HOST) --target-dir rust/target/asan
	CGO_LDFLAGS='-L$(CURDIR)/rust/target/asan/$(HOST)/release' ASAN_OPTIONS=detect_leaks=1 \
		$(GOTEST) -tags kvshard_dev -asan -short -timeout 60m . ./tests

# The tests behind real C callbacks: faults at every step, bad pointers, empty values.
.PHONY: test-valgrind
test-valgrind: ## run the Rust tests of the callbacks under valgrind, and look for leaks
	@command -v valgrind >/dev/null || { echo 'test-valgrind needs valgrind'; exit 1; }
	CARGO_TARGET_$(shell echo $(HOST) | tr a-z- A-Z_)_RUNNER='valgrind -q --error-exitcode=9 --suppressions=$(CURDIR)/rust/tests/valgrind.supp --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect' \
		$(CARGO) test $(RUST) $(TESTS) --test callbacks -- --test-threads 1 $(VALGRIND_TESTS)

.PHONY: test-large
test-large: library ## run the random histories a hundred times over (minutes)
	KVSHARD_LARGE=1 $(GOTEST) -timeout 60m -run 'TestSameContent|TestRewindLeaves|TestHistories|TestTreesSideBySide|TestCosts' ./tests

.PHONY: test-hash
test-hash: ## compare a million hashes at all levels with orchard's (minutes)
	$(CARGO) test $(RUST) $(TESTS) --lib hash:: -- --include-ignored

.PHONY: figures-wallet
figures-wallet: ## print what each way of docs/wallets.md downloads, and its time (half a minute)
	$(CARGO) test $(RUST) $(TESTS) --test wallet -- --include-ignored --nocapture the_times_of_the_guide

.PHONY: test-oldest-go
test-oldest-go: library ## run the Go tests with the oldest Go that go.mod allows, which the go command fetches
	GOTOOLCHAIN=go$(shell sed -n 's/^go //p' go.mod) $(GOTEST) -short $(GO_PACKAGES)

.PHONY: model
model: ## play HISTORIES (300000) random histories, and as many again of other kinds, beside two trees by others (minutes)
	KVSHARD_HISTORIES=$(HISTORIES) $(CARGO) test $(RUST) $(TESTS) --test model

.PHONY: fuzz
fuzz: fuzz-rust fuzz-go ## fuzz each target for FUZZTIME (60s): needs a nightly Rust and cargo-fuzz

.PHONY: fuzz-rust
fuzz-rust: ## fuzz decoders, call sequences and damaged stores in Rust (nightly; new inputs go to rust/target/fuzz)
	cargo +nightly fuzz build -O -s none --fuzz-dir rust/fuzz
	@for target in decode history damage; do \
		mkdir -p rust/target/fuzz/$$target rust/fuzz/artifacts/$$target; \
		rust/fuzz/target/$(HOST)/release/$$target rust/target/fuzz/$$target rust/fuzz/corpus/$$target \
			-max_total_time=$(FUZZTIME:s=) -max_len=1000 -timeout=20 -print_final_stats=1 \
			-artifact_prefix=rust/fuzz/artifacts/$$target/ 2>&1 | grep -vE '^#|Uses:'; \
	done

.PHONY: fuzz-go
fuzz-go: library ## fuzz the Go package; go puts a failing input into tests/testdata/fuzz
	@for target in FuzzParseNode FuzzTree FuzzFrontier FuzzStore; do \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./tests; \
	done

.PHONY: crash
crash: library ## kill a process that writes a tree to disk, and the command, KILLS (500) times each, and look at what is left
	@mkdir -p bin && rm -f bin/crash && go build -o bin/crash ./internal/cmd/crash
	bin/crash -kills $(KILLS)
	cd cmd/kvshard && KVSHARD_KILLS=$(KILLS) $(GOTEST) -timeout 60m -run 'TestKilled$$' -v .

.PHONY: load
load: library ## append a million leaves beside readers, and watch memory and files (minutes)
	@mkdir -p bin && rm -f bin/load && go build -o bin/load ./internal/cmd/load
	bin/load

##@ Measurements

.PHONY: benchmarks
benchmarks: library peers ## write docs/BENCHMARKS.md: all sizes and stores, beside three other trees (some 15 minutes)
	cd cmd/kvshard && go run . bench --peers $(PEERS) --write ../../docs

# Each store is a part of the page of its own. IAVL's build ends after MAINNET_LIMIT.
MAINNET_SIZE   := 50000000
MAINNET_STORES := goleveldb pebble iavl
MAINNET_LIMIT  := 30m
MAINNET_BASE   := 1000000
# Trees lie there while they are measured, 6 GB each: MAINNET_WORK=/mnt/disk. A sentence for the page: MAINNET_NOTE='…'.
MAINNET_WORK   :=
MAINNET_NOTE   :=
# Where the page is: another folder to try it.
MAINNET_PAGE   := $(CURDIR)/docs

.PHONY: mainnet-size
mainnet-size: library peers ## build trees of MAINNET_SIZE (50000000) leaves on disk by the command, measure, bound their gas, write docs/BENCHMARKS.md (an hour)
	@mkdir -p bin && rm -f bin/kvshard
	cd cmd/kvshard && go build -o ../../bin/ .
	@for store in $(MAINNET_STORES); do \
		bin/kvshard bench --part "mainnet-size MAINNET_STORES=$$store" --commands --stores $$store --build-limit $(MAINNET_LIMIT) \
			--sizes $(MAINNET_BASE),$(MAINNET_SIZE) --growth block=1.05,witness=1.3 --peers tools/peers/target/release/peers --beside frontier \
			$(if $(MAINNET_WORK),--work $(MAINNET_WORK)) $(if $(MAINNET_NOTE),--note '$(MAINNET_NOTE)') --write $(MAINNET_PAGE) || exit; \
	done

.PHONY: peers
peers: ## build the other trees, which kvshard bench starts
	$(CARGO) build --manifest-path tools/peers/Cargo.toml --locked --release

# The figures of docs/keeper.md on genesis. Databases lie in GENESIS_WORK while they are measured, 2 GB at that size.
GENESIS_LEAVES ?= 10000000
GENESIS_WORK   ?= $(or $(TMPDIR),/tmp)

.PHONY: genesis-size
genesis-size: library ## start chains from a tree of GENESIS_LEAVES (10000000) by import, preload and state-sync: seconds and memory (10 min)
	cd $(MODULE) && TMPDIR='$(GENESIS_WORK)' KVSHARD_GENESIS_LEAVES=$(GENESIS_LEAVES) $(GOTEST) -v -timeout 2h -run 'TestSize$$' ./preload

.PHONY: bench-hash
bench-hash: ## time the hash beside orchard's and the fastest published one
	$(CARGO) bench $(RUST) --bench hash

.PHONY: benchmarks-hash
benchmarks-hash: library ## write this processor's section of docs/HASH.md: the hash beside its peers, in Rust and from Go (two minutes)
	@mkdir -p bin
	$(CARGO) bench $(RUST) --bench hash --no-run
	go test -run '^$$' -bench 'Combine$$' -benchtime 300ms -count 5 ./tests >bin/combine.txt
	$(CARGO) bench $(RUST) --bench hash -- --go $(CURDIR)/bin/combine.txt --write $(CURDIR)/docs/HASH.md

##@ Files that are generated

.PHONY: format-page
format-page: ## write the page of kvshard view in the format that lint-page wants: needs npx
	npx --yes --prefer-offline $(PRETTIER) --log-level warn --write $(PAGE)

.PHONY: picture
picture: library ## write docs/view.png anew: needs chromium (a minute)
	cd cmd/kvshard && $(GOTEST) -run 'TestPicture$$' ./internal/view -picture $(CURDIR)/docs/view.png

.PHONY: header
header: ## write the C headers anew, lib/include/kvshard.h and the example chain's
	UPDATE_HEADER=1 $(CARGO) test $(RUST) $(TESTS) --test header

.PHONY: testdata
testdata: ## write the data of real Zcash blocks anew from the crate zebra-test
	$(CARGO) run --locked --release --manifest-path tools/testdata/Cargo.toml -- testdata/roots testdata/frontiers testdata/vectors

.PHONY: testdata-check
testdata-check: ## check that the committed data is what the crate zebra-test gives
	$(CARGO) run --locked --release --manifest-path tools/testdata/Cargo.toml -- --check testdata/roots testdata/frontiers testdata/vectors

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist lib/*/libkvshard.a
	$(CARGO) clean --manifest-path rust/Cargo.toml

include $(PARTS)
