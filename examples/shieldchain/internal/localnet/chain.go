package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// chain takes one node through the stages of a chain's life, with the command
// line.
func (n *network) chain(ctx context.Context) error {
	first, err := n.single(ctx, "first")
	if err != nil {
		return err
	}
	state, err := n.realBlocks(ctx, first)
	if err != nil {
		return err
	}
	if err := n.outOfGas(ctx, first, state); err != nil {
		return err
	}
	if err := first.proveAll(ctx, state.leaves); err != nil {
		return err
	}
	if _, err := first.verify(ctx, 0, state.leaves[1]); err == nil {
		return errors.New("a wrong commitment is proven")
	}
	n.say("all %d are proven through the RPC alone, up to the application hash; a wrong one is not", len(state.leaves))
	if err := n.queries(ctx, first, state); err != nil {
		return err
	}
	if err := n.rollback(ctx, first, state); err != nil {
		return err
	}
	second, err := n.exportImport(ctx, first, state)
	if err != nil {
		return err
	}
	third, err := n.preloaded(ctx, first, state)
	if err != nil {
		return err
	}
	return n.goOn(ctx, state, first, second, third)
}

// A state is the tree that a node must have.
type state struct {
	leaves []kvshard.Node
	root   kvshard.Node
}

// single starts a chain of one validator, alice. Others are addresses with
// coins.
func (n *network) single(ctx context.Context, name string, others ...string) (*node, error) {
	first, err := n.add(ctx, n.bin, name)
	if err != nil {
		return nil, err
	}
	steps := [][]string{
		{"keys", "add", "alice", "--keyring-backend", "test"},
		{"genesis", "add-genesis-account", "alice", "100000000000" + denom, "--keyring-backend", "test"},
	}
	for _, other := range others {
		steps = append(steps, []string{"genesis", "add-genesis-account", other, "100000000000" + denom})
	}
	steps = append(steps, [][]string{
		{"genesis", "gentx", "alice", "1000000000" + denom, "--chain-id", chainID, "--keyring-backend", "test"},
		{"genesis", "collect-gentxs"},
		{"genesis", "validate"},
	}...)
	for _, step := range steps {
		if _, err := first.run(ctx, step...); err != nil {
			return nil, err
		}
	}
	for _, command := range []string{"check", "export"} {
		if out, err := first.run(ctx, command); err == nil || !strings.Contains(err.Error(), "no block yet") || strings.Contains(err.Error(), "goroutine") {
			return nil, fmt.Errorf("%s before the first block: %s, %v", command, out, err)
		}
	}
	if err := first.start(ctx); err != nil {
		return nil, err
	}
	if _, err := first.waitFor(ctx, least{height: 2, within: 30 * time.Second}); err != nil {
		return nil, err
	}
	n.say("a node makes blocks")
	return first, nil
}

// realBlocks appends the commitments of real Zcash blocks and compares the
// roots with Zcash's consensus.
func (n *network) realBlocks(ctx context.Context, node *node) (state, error) {
	var s state
	testnet, err := realdata.Testnet()
	if err != nil {
		return s, err
	}
	for _, block := range testnet.Blocks {
		if len(block.Commitments) == 0 {
			continue
		}
		part := leavesOf(block)
		gas, err := node.appendLeaves(ctx, 400_000, part)
		if err != nil {
			return s, err
		}
		s.leaves, s.root = append(s.leaves, part...), block.RootAfter
		if err := node.expectRoot(ctx, s); err != nil {
			return s, fmt.Errorf("commitments of Zcash's block %d: %w", block.Height, err)
		}
		n.say("%d commitments of Zcash's testnet block %d, %s gas: the root is Zcash's", len(part), block.Height, gas)
	}
	return s, nil
}

func leavesOf(block realdata.Block) (leaves []kvshard.Node) {
	for _, c := range block.Commitments {
		leaves = append(leaves, c)
	}
	return leaves
}

func (n *network) outOfGas(ctx context.Context, node *node, s state) error {
	_, err := node.appendLeaves(ctx, 50_000, s.leaves)
	if err == nil || !strings.Contains(err.Error(), "out of gas in location") {
		return fmt.Errorf("%d commitments for 50000 gas: %v", len(s.leaves), err)
	}
	if err := node.expectRoot(ctx, s); err != nil {
		return err
	}
	n.say("a transaction without enough gas fails and leaves the tree as it is")
	return nil
}

// rollback takes back the newest height of a stopped node. After its start the
// node executes that height's block again, and must get the same hash.
func (n *network) rollback(ctx context.Context, node *node, s state) error {
	if err := node.stop(syscall.SIGTERM); err != nil {
		return err
	}
	height, err := node.check(ctx)
	if err != nil {
		return err
	}
	if _, err := node.run(ctx, "rollback"); err != nil {
		return err
	}
	before, err := node.check(ctx)
	if err != nil {
		return err
	}
	if before != height-1 {
		return fmt.Errorf("height %d after a rollback from %d", before, height)
	}
	// The node stops if executing a block gives another hash than the next
	// block's header has.
	if err := node.start(ctx); err != nil {
		return err
	}
	if _, err := node.waitFor(ctx, least{height: height + 2, within: 30 * time.Second}); err != nil {
		return err
	}
	if err := node.expectRoot(ctx, s); err != nil {
		return err
	}
	n.say("stopped, checked, rolled back from height %d to %d, started: the block was executed again", height, before)
	return nil
}

// exportImport exports the state of a node and starts another chain with it,
// in a new home, beside the old one.
func (n *network) exportImport(ctx context.Context, first *node, s state) (*node, error) {
	if err := first.stop(syscall.SIGTERM); err != nil {
		return nil, err
	}
	exported := filepath.Join(n.dir, "exported.json")
	if _, err := first.run(ctx, "export", "--output-document", exported); err != nil {
		return nil, err
	}
	second, err := n.add(ctx, n.bin, "second")
	if err != nil {
		return nil, err
	}
	if err := second.takeOver(first, exported); err != nil {
		return nil, err
	}
	if _, err := second.run(ctx, "genesis", "validate"); err != nil {
		return nil, err
	}
	for _, node := range []*node{first, second} {
		if err := node.start(ctx); err != nil {
			return nil, err
		}
	}
	height, err := first.waitFor(ctx, least{height: 1, within: 30 * time.Second})
	if err != nil {
		return nil, err
	}
	for _, node := range []*node{first, second} {
		if _, err := node.waitFor(ctx, least{height: height + 3, within: 30 * time.Second}); err != nil {
			return nil, err
		}
		if err := node.expectRoot(ctx, s); err != nil {
			return nil, fmt.Errorf("%s: %w", node.name, err)
		}
	}
	n.say("exported and imported: the new home goes on with the same root, beside the old one")
	return second, nil
}

// preloaded starts a third chain from what the first one exported, in a home that has the
// tree before it begins.
func (n *network) preloaded(ctx context.Context, first *node, s state) (*node, error) {
	third, err := n.add(ctx, n.bin, "third")
	if err != nil {
		return nil, err
	}
	if err := third.takeOver(first, filepath.Join(n.dir, "exported.json")); err != nil {
		return nil, err
	}
	file, err := emptyFile(filepath.Join(third.home, "config", "genesis.json"))
	if err != nil {
		return nil, err
	}
	for _, command := range [][]string{{"genesis", "validate"}, {"preload-tree", filepath.Join(third.home, "config", file)}} {
		if _, err := third.run(ctx, command...); err != nil {
			return nil, err
		}
	}
	if err := third.start(ctx); err != nil {
		return nil, err
	}
	if _, err := third.waitFor(ctx, least{height: 1, within: 30 * time.Second}); err != nil {
		return nil, err
	}
	if err := third.expectRoot(ctx, s); err != nil {
		return nil, fmt.Errorf("%s: %w", third.name, err)
	}
	n.say("preloaded: a home that has the tree before its first start goes on with the same root")
	return third, nil
}

// emptyFile takes the name of the tree's file out of a genesis, and returns it.
func emptyFile(genesis string) (string, error) {
	text, err := os.ReadFile(genesis)
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`("file": *")(commitment-[^"]+)"`).FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("%s names no file of the tree", genesis)
	}
	return string(m[2]), os.WriteFile(genesis, bytes.Replace(text, m[0], append(m[1], '"'), 1), 0o600)
}

// goOn appends the same leaves to all chains, which must then stay equal.
func (n *network) goOn(ctx context.Context, s state, nodes ...*node) error {
	mainnet, err := realdata.Mainnet()
	if err != nil {
		return err
	}
	more := leavesOf(mainnet.Blocks[1])
	tree, err := kvshard.Open(kvtest.NewMemStore())
	if err != nil {
		return err
	}
	s.leaves = append(s.leaves[:len(s.leaves):len(s.leaves)], more...)
	if _, err := tree.AppendBatch(s.leaves); err != nil {
		return err
	}
	if s.root, err = tree.Root(); err != nil {
		return err
	}
	for _, node := range nodes {
		if _, err := node.appendLeaves(ctx, 400_000, more); err != nil {
			return err
		}
		if err := node.expectRoot(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", node.name, err)
		}
		if err := node.proveAll(ctx, s.leaves); err != nil {
			return err
		}
	}
	n.say("all append the same, have the same root and prove all %d", len(s.leaves))
	for _, node := range nodes {
		if err := node.stop(syscall.SIGTERM); err != nil {
			return err
		}
		if _, err := node.check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// takeOver makes a new home from the exported state and the old validator key.
func (n *node) takeOver(old *node, exported string) error {
	files := map[string]string{
		exported: "genesis.json",
		filepath.Join(old.home, "config", "priv_validator_key.json"): "priv_validator_key.json",
	}
	streams, err := filepath.Glob(filepath.Join(old.home, "config", "commitment-*.kvx"))
	if err != nil || len(streams) != 1 {
		return fmt.Errorf("exported records: %v, %w", streams, err)
	}
	files[streams[0]] = filepath.Base(streams[0])
	for from, to := range files {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(n.home, "config", to), data, 0o600); err != nil {
			return err
		}
	}
	return os.CopyFS(filepath.Join(n.home, "keyring-test"), os.DirFS(filepath.Join(old.home, "keyring-test")))
}

// appendLeaves sends a transaction with the command line, waits for it, and
// returns the gas it used.
func (n *node) appendLeaves(ctx context.Context, gas int, leaves []kvshard.Node) (string, error) {
	args := []string{types.ModuleName, "append"}
	for _, leaf := range leaves {
		args = append(args, leaf.String())
	}
	r, err := n.send(ctx, "alice", gas, args...)
	return r.gas, err
}

func (n *node) query(ctx context.Context, args ...string) ([]byte, error) {
	return n.run(ctx, append(append([]string{"query", types.ModuleName}, args...), "--node", n.address(), "--output", "json")...)
}

func (n *node) expectRoot(ctx context.Context, want state) error {
	out, err := n.query(ctx, "root")
	if err != nil {
		return err
	}
	var answer struct {
		Root []byte `json:"root"`
		Size string `json:"size"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return err
	}
	if !bytes.Equal(answer.Root, want.root[:]) || answer.Size != fmt.Sprint(len(want.leaves)) {
		return fmt.Errorf("root %x of %s leaves, want %s of %d", answer.Root, answer.Size, want.root, len(want.leaves))
	}
	return nil
}

// check runs the invariants on the stopped node, and returns its height.
func (n *node) check(ctx context.Context) (height int64, err error) {
	out, err := n.run(ctx, "check")
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(string(out), "height %d: commitment: tree: sound, shield: escrow: sound", &height); err != nil {
		return 0, fmt.Errorf("shieldd check: %q: %w", out, err)
	}
	return height, nil
}

func (n *node) verify(ctx context.Context, position int, leaf kvshard.Node) ([]byte, error) {
	return n.run(ctx, "verify", strconv.Itoa(position), leaf.String(), "--node", n.address())
}

// proveAll waits for the block that commits to the newest state, and verifies.
func (n *node) proveAll(ctx context.Context, leaves []kvshard.Node) error {
	status, err := n.client.Status(ctx)
	if err != nil {
		return err
	}
	if _, err := n.waitFor(ctx, least{height: status.SyncInfo.LatestBlockHeight + 1, within: 20 * time.Second}); err != nil {
		return err
	}
	for position, leaf := range leaves {
		if _, err := n.verify(ctx, position, leaf); err != nil {
			return err
		}
	}
	for _, what := range []string{"tree-state", "subtree-roots"} {
		if _, err := n.run(ctx, "verify", what, "--node", n.address()); err != nil {
			return err
		}
	}
	return nil
}
