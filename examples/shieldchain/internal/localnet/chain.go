package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/x/commitment/types"
	"github.com/kvshard/kvshard/internal/realdata"
)

// chain runs one node through what a chain's life has, with the command line.
func (n *network) chain(ctx context.Context) error {
	first, err := n.add(ctx, "first")
	if err != nil {
		return err
	}
	steps := [][]string{
		{"keys", "add", "alice", "--keyring-backend", "test"},
		{"genesis", "add-genesis-account", "alice", "100000000000" + denom, "--keyring-backend", "test"},
		{"genesis", "gentx", "alice", "1000000000" + denom, "--chain-id", chainID, "--keyring-backend", "test"},
		{"genesis", "collect-gentxs"},
		{"genesis", "validate"},
	}
	for _, step := range steps {
		if _, err := first.run(ctx, step...); err != nil {
			return err
		}
	}
	if err := first.start(ctx); err != nil {
		return err
	}
	if _, err := first.waitFor(ctx, least{height: 2, within: 30 * time.Second}); err != nil {
		return err
	}
	n.say("a node makes blocks")

	testnet, err := realdata.Testnet()
	if err != nil {
		return err
	}
	var leaves []kvshard.Node
	for _, block := range testnet.Blocks {
		if len(block.Commitments) == 0 {
			continue
		}
		var part []kvshard.Node
		for _, c := range block.Commitments {
			part = append(part, c)
		}
		gas, err := first.appendLeaves(ctx, 400_000, part)
		if err != nil {
			return err
		}
		leaves = append(leaves, part...)
		if err := first.expectRoot(ctx, block.RootAfter, block.SizeAfter); err != nil {
			return fmt.Errorf("commitments of Zcash's block %d: %w", block.Height, err)
		}
		n.say("%d commitments of Zcash's testnet block %d, %s gas: the root is Zcash's", len(part), block.Height, gas)
	}

	if gas, err := first.appendLeaves(ctx, 50_000, leaves); err == nil || !strings.Contains(err.Error(), "out of gas in location") {
		return fmt.Errorf("%d commitments for 50000 gas: %s, %w", len(leaves), gas, err)
	}
	root, size := kvshard.Node(testnet.Blocks[len(testnet.Blocks)-1].RootAfter), uint64(len(leaves))
	if err := first.expectRoot(ctx, root, size); err != nil {
		return err
	}
	n.say("a transaction without enough gas fails and leaves the tree as it is")

	if err := first.proveAll(ctx, leaves); err != nil {
		return err
	}
	if _, err := first.verify(ctx, 0, leaves[1]); err == nil {
		return fmt.Errorf("a wrong commitment is proven")
	}
	if err := first.askOverGRPC(ctx, root, size); err != nil {
		return err
	}
	n.say("all %d are proven through the RPC alone, up to the application hash; gRPC has the same root", len(leaves))

	if err := first.stop(syscall.SIGTERM); err != nil {
		return err
	}
	out, err := first.run(ctx, "check")
	if err != nil {
		return err
	}
	n.say("stopped; shieldd check: %s", bytes.TrimSpace(out))
	exported := filepath.Join(n.dir, "exported.json")
	if _, err := first.run(ctx, "export", "--output-document", exported); err != nil {
		return err
	}
	second, err := n.add(ctx, "second")
	if err != nil {
		return err
	}
	if err := second.takeOver(first, exported); err != nil {
		return err
	}
	for _, node := range []*node{first, second} {
		if err := node.start(ctx); err != nil {
			return err
		}
	}
	status, err := first.waitFor(ctx, least{height: 1, within: 30 * time.Second})
	if err != nil {
		return err
	}
	for _, node := range []*node{first, second} {
		if _, err := node.waitFor(ctx, least{height: status + 3, within: 30 * time.Second}); err != nil {
			return err
		}
		if err := node.expectRoot(ctx, root, size); err != nil {
			return fmt.Errorf("%s: %w", node.name, err)
		}
	}
	n.say("exported and imported: the new home goes on with the same root, beside the old one")

	mainnet, err := realdata.Mainnet()
	if err != nil {
		return err
	}
	var more []kvshard.Node
	for _, c := range mainnet.Blocks[1].Commitments {
		more = append(more, c)
	}
	var roots []string
	for _, node := range []*node{first, second} {
		if _, err := node.appendLeaves(ctx, 400_000, more); err != nil {
			return err
		}
		answer, err := node.query(ctx, "root")
		if err != nil {
			return err
		}
		roots = append(roots, string(answer))
		if err := node.proveAll(ctx, append(leaves[:len(leaves):len(leaves)], more...)); err != nil {
			return err
		}
	}
	if roots[0] != roots[1] {
		return fmt.Errorf("roots differ: %s and %s", roots[0], roots[1])
	}
	n.say("both append the same and have the same root: %s", strings.TrimSpace(roots[0]))
	for _, node := range []*node{first, second} {
		if err := node.stop(syscall.SIGTERM); err != nil {
			return err
		}
	}
	return nil
}

// takeOver makes a new home with the exported state and the old validator key.
func (n *node) takeOver(old *node, exported string) error {
	files := map[string]string{
		exported: "genesis.json",
		filepath.Join(old.home, "config", "priv_validator_key.json"): "priv_validator_key.json",
	}
	streams, err := filepath.Glob(filepath.Join(old.home, "config", "commitment-*.records"))
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
	args := []string{"tx", types.ModuleName, "append"}
	for _, leaf := range leaves {
		args = append(args, leaf.String())
	}
	out, err := n.run(ctx, append(args, "--from", "alice", "--keyring-backend", "test", "--chain-id", chainID,
		"--node", n.address(), "--gas", strconv.Itoa(gas), "--yes", "--output", "json")...)
	if err != nil {
		return "", err
	}
	var sent struct {
		Code   int    `json:"code"`
		Hash   string `json:"txhash"`
		RawLog string `json:"raw_log"`
	}
	if err := json.Unmarshal(out, &sent); err != nil {
		return "", err
	}
	if sent.Code != 0 {
		return "", fmt.Errorf("code %d: %s", sent.Code, sent.RawLog)
	}
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		out, err := n.run(ctx, "query", "tx", sent.Hash, "--node", n.address(), "--output", "json")
		if err != nil {
			continue // not in a block yet
		}
		var result struct {
			Code    int    `json:"code"`
			RawLog  string `json:"raw_log"`
			GasUsed string `json:"gas_used"`
		}
		if err := json.Unmarshal(out, &result); err != nil {
			return "", err
		}
		if result.Code != 0 {
			return result.GasUsed, fmt.Errorf("code %d: %s", result.Code, result.RawLog)
		}
		return result.GasUsed, nil
	}
	return "", fmt.Errorf("transaction %s did not get into a block", sent.Hash)
}

func (n *node) query(ctx context.Context, args ...string) ([]byte, error) {
	return n.run(ctx, append(append([]string{"query", types.ModuleName}, args...), "--node", n.address(), "--output", "json")...)
}

func (n *node) expectRoot(ctx context.Context, want kvshard.Node, size uint64) error {
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
	if !bytes.Equal(answer.Root, want[:]) || answer.Size != fmt.Sprint(size) {
		return fmt.Errorf("root %x of %s leaves, want %s of %d", answer.Root, answer.Size, want, size)
	}
	return nil
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
	return nil
}

func (n *node) askOverGRPC(ctx context.Context, want kvshard.Node, size uint64) error {
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", n.grpc), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := types.NewQueryClient(conn).Root(ctx, &types.QueryRootRequest{})
	if err != nil {
		return err
	}
	if !bytes.Equal(answer.Root, want[:]) || answer.Size_ != size {
		return fmt.Errorf("over gRPC the root is %x of %d", answer.Root, answer.Size_)
	}
	return nil
}
