# A chain that uses the tree (examples/shieldchain), and applications with kvshard on the SDKs that most
# chains run. They need the whole Cosmos SDK, so they are modules of their own and no part of `make test`.
# The first build takes some minutes.

MODULE      := x/commitment
SHIELDCHAIN := examples/shieldchain
BUNDLE      := $(SHIELDCHAIN)/bundle
BUNDLE_RUST := --manifest-path $(BUNDLE)/Cargo.toml --locked --release

##@ The example chain, on SDK 0.55; other SDKs

.PHONY: shieldd
shieldd: library bundle ## build the example chain's node and client (minutes the first time)
	@mkdir -p bin && rm -f bin/shieldd bin/localnet
	cd $(SHIELDCHAIN) && go build -o ../../bin/ ./cmd/shieldd ./internal/localnet

.PHONY: chain
chain: shieldd ## run a node on loopback: transactions, queries and proofs, rollback, export, import (15 s)
	bin/localnet -bin bin/shieldd -timeout 3m chain

.PHONY: minimal
minimal: library ## start a chain made from nothing, append, prove by the RPC alone; bin/minid is its program (10 s, after the build)
	cd examples/minimal && go vet ./... && go run $(STATICCHECK) ./...
	@mkdir -p bin
	cd examples/minimal && go build -o ../../bin/minid . && $(GOTEST) ./...

.PHONY: testnet
testnet: shieldd bin/shieldd-before ## run four validators on loopback: an upgrade of the module, SIGKILL, state-sync, rollback, block-STM, optimistic execution (2 min; builds the program before from the history too)
	bin/localnet -bin bin/shieldd -before bin/shieldd-before -timeout 6m testnet

# Made of a commit that does not change: once is enough.
bin/shieldd-before: build/before.sh build/before.patch
	build/before.sh $@

.PHONY: test-chain
test-chain: library bundle ## test the tree on SDK 0.55's own stores and application (30 s, after the SDK is built)
	build/app-test.sh $(MODULE) sdk-0.55.mod
	build/app-test.sh $(SHIELDCHAIN) go.mod -timeout 20m

# The SDK's simulations: the short ones are part of test-chain. SIM_RUN is a test of examples/shieldchain/sim.
SIM_BLOCKS ?= 200
SIM_SEEDS  ?= 20
SIM_FIRST  ?= 1
SIM_RUN    ?= .

.PHONY: sim
sim: library bundle ## simulate 200 blocks of 20 random chains, in 4 ways: SIM_BLOCKS, SIM_SEEDS, SIM_FIRST, SIM_RUN (12 min on two cores)
	cd $(SHIELDCHAIN) && $(GOTEST) -timeout 2h -run '$(SIM_RUN)' ./sim -blocks $(SIM_BLOCKS) -seeds $(SIM_SEEDS) -first-seed $(SIM_FIRST)

.PHONY: test-chain-safety
test-chain-safety: library bundle ## test it with the race detector: CheckTx, simulations, old heights beside blocks
	cd $(SHIELDCHAIN) && $(GOTEST) -race -short -timeout 20m ./...

# An application on the SDKs that most chains run, with the modules that a wrong go.mod of kvshard breaks.
.PHONY: test-sdk-053
test-sdk-053: library ## test kvshard and x/commitment as released in applications on SDK 0.53 (20 s, after the SDK is built)
	build/app-test.sh $(MODULE) go.mod
	build/app-test.sh tools/compat go.mod

.PHONY: test-sdk-050
test-sdk-050: library ## test kvshard as released in an application on SDK 0.50 (10 s, after the SDK is built)
	build/app-test.sh tools/compat sdk-0.50.mod

.PHONY: lint-chain
lint-chain: library bundle ## vet and staticcheck the chain, and the application on SDK 0.53
	cd $(MODULE) && go vet ./... && go run $(STATICCHECK) ./...
	cd $(SHIELDCHAIN) && go vet ./... && go run $(STATICCHECK) ./...
	cd tools/compat && go vet ./... && go run $(STATICCHECK) ./...
	$(CARGO) fmt --manifest-path $(BUNDLE)/Cargo.toml --check
	$(CARGO) clippy $(BUNDLE_RUST) --all-targets -- -D warnings

.PHONY: figures-chain
figures-chain: library bundle ## print the figures of docs/keeper.md and docs/economics.md (minutes)
	cd $(SHIELDCHAIN) && $(GOTEST) -timeout 30m -v -run 'Figures|Contention' ./tests -figures

.PHONY: proto
proto: ## write the module's Go code and OpenAPI file anew from x/commitment/proto (builds buf: minutes)
	$(MODULE)/scripts/proto.sh generate

.PHONY: lint-proto
lint-proto: ## check x/commitment/proto, what is generated of it, and that no client breaks (builds buf: minutes)
	$(MODULE)/scripts/proto.sh lint
	$(MODULE)/scripts/proto.sh breaking

.PHONY: proto-chain
proto-chain: ## write the Go code of the chain's messages anew: needs protoc
	$(SHIELDCHAIN)/scripts/protogen.sh

# The second Rust library of the example chain, which verifies bundles, and the wallets that make them. All
# have Orchard's circuit, which kvshard itself does without, so each takes minutes to build the first time.

##@ Private payments on the example chain

.PHONY: bundle
bundle: ## build the Rust library that verifies shieldchain's bundles
	@build/bundle.sh $(BUNDLE)/lib/libshieldbundle.a

.PHONY: shieldwallet
shieldwallet: ## build the program that makes bundles, into bin/
	@mkdir -p bin
	$(CARGO) build $(BUNDLE_RUST) --bin shieldwallet
	@cp $(BUNDLE)/target/release/shieldwallet bin/

.PHONY: pay
pay: shieldd shieldwallet ## run a node on loopback: shield, pay, unshield with real proofs, and what is refused (a minute)
	bin/localnet -bin bin/shieldd -wallet bin/shieldwallet -timeout 5m pay

.PHONY: pay-light
pay-light: shieldd shieldwallet lightwallet ## pay to a stock Zcash wallet, which syncs from shieldd lightd and spends; 134,000 leaves (2 min)
	bin/localnet -bin bin/shieldd -wallet bin/shieldwallet -lightwallet bin/lightwallet -timeout 10m lightwallet

# The Go tests of the bundle are part of test-chain; here those of Rust, and a library that panics beside kvshard's.
.PHONY: test-bundle
test-bundle: library bundle ## test bundles made, verified and refused, and a panic beside kvshard (a minute)
	$(CARGO) test $(BUNDLE_RUST)
	@mkdir -p bin/panics
	@build/bundle.sh bin/panics/libshieldbundle.a --features test-panic
	cd $(BUNDLE) && CGO_LDFLAGS='-L$(CURDIR)/bin/panics' $(GOTEST) -tags shieldbundle_dev .

.PHONY: test-panic-chain
test-panic-chain: test-panic test-bundle ## test both Rust libraries in one program, each with a panic
	host=$(HOST_TARGET) && cd $(BUNDLE) && \
		CGO_LDFLAGS="-L$(CURDIR)/bin/panics -L$(CURDIR)/bin/twolibs/$$host" \
		$(GOTEST) -tags shieldbundle_dev,kvshard_dev .

# Beside kvshard alone: no chain, and the crate orchard as it is.
.PHONY: spend
spend: library ## spend a note with a witness of the command kvshard and a Halo2 proof (20 s, after the circuit is built)
	@mkdir -p bin && rm -f bin/kvshard
	cd cmd/kvshard && go build -o ../../bin/ .
	$(CARGO) build --manifest-path tools/wallet/Cargo.toml --locked --release --features spend --bin spend
	tools/wallet/target/release/spend bin/kvshard

.PHONY: lightwallet
lightwallet: ## build a stock Zcash wallet that syncs with the example chain, into bin/
	@mkdir -p bin
	$(CARGO) build --manifest-path tools/lightwallet/Cargo.toml --locked --release
	@cp tools/lightwallet/target/release/lightwallet bin/
