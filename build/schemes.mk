# Other hashes (examples/schemes), in a module of its own with their libraries, and the stores that a vote
# chain's crate wrote (testdata/vote).

SCHEMES := examples/schemes
PEER    := $(CARGO) build --manifest-path tools/peers/Cargo.toml --locked --release --bin

##@ Other hashes, and stores that others wrote

.PHONY: test-schemes
test-schemes: library ## test MiMC, Poseidon2, circom's Poseidon and keccak256, and a proof with gnark (a minute)
	cd $(SCHEMES) && $(GOTEST) ./...

.PHONY: lint-schemes
lint-schemes: library ## vet and staticcheck examples/schemes
	cd $(SCHEMES) && go vet ./... && go run $(STATICCHECK) ./...

.PHONY: figures-schemes
figures-schemes: library ## print the table of docs/BENCHMARKS.md about other hashes (minutes)
	cd $(SCHEMES) && go run ./internal/figures

.PHONY: figures-vote
figures-vote: library ## print the table of docs/votetree.md: the vote chain's crate, and kvshard (minutes)
	$(PEER) votestores
	tools/peers/target/release/votestores cost 1000 10000 100000
	go test -run TestVoteCosts -v ./tests

.PHONY: votestores
votestores: ## write testdata/vote anew with the crate vote-commitment-tree (20 minutes)
	$(PEER) votestores
	tools/peers/target/release/votestores write testdata/vote/v1

.PHONY: votestores-check
votestores-check: ## check that testdata/vote is what the crate gives (20 minutes)
	$(PEER) votestores
	tools/peers/target/release/votestores check testdata/vote/v1
