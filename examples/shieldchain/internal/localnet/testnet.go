package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"cosmossdk.io/log/v2"

	rpcclient "github.com/cometbft/cometbft/rpc/client"

	"github.com/cosmos/cosmos-sdk/client/tx"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// interval is that of the snapshots, in heights.
const interval = 10

// testnet runs four validators of one chain under a load of appends, and a fifth node
// that only follows. It covers every way to execute, an upgrade of x/commitment in the
// middle, and as many faults as it can.
func (n *network) testnet(ctx context.Context) error {
	var nodes []*node
	for _, name := range []string{"crash", "optimistic", "block-stm", "late", "careless"} {
		v, err := n.add(ctx, n.before, name)
		if err != nil {
			return err
		}
		nodes = append(nodes, v)
	}
	crash, optimistic, stm, late, careless := nodes[0], nodes[1], nodes[2], nodes[3], nodes[4]
	accounts := make([]*account, 24)
	for i := range accounts {
		accounts[i] = newAccount(fmt.Sprintf("load %d", i))
	}
	authority := newAccount("authority")
	first, err := n.genesis(ctx, nodes, 4, append(accounts, authority), authority)
	if err != nil {
		return err
	}
	if err := n.connect(ctx, nodes); err != nil {
		return err
	}
	// Snapshots come from the nodes that stay up.
	snapshots := []string{"--state-sync.snapshot-interval", fmt.Sprint(interval), "--state-sync.snapshot-keep-recent", "20"}
	flags := map[*node][]string{
		optimistic: append([]string{"--" + app.FlagOptimisticExecution, "--" + app.FlagOptimisticAborts, "30", "--log_level", "oe:debug,*:info"}, snapshots...),
		stm:        append([]string{"--block-executor", "block-stm", "--block-stm-workers", "4"}, snapshots...),
	}
	running := []*node{crash, optimistic, stm}
	for _, v := range append(running, careless) {
		if err := v.start(ctx, flags[v]...); err != nil {
			return err
		}
	}
	if _, err := optimistic.waitFor(ctx, least{height: first + 1, within: 60 * time.Second}); err != nil {
		return err
	}
	n.say("three of four validators make blocks with the program before: sequential, optimistic, block-STM")

	u := &upgrade{network: n, first: first, running: running, careless: careless, flags: flags, authority: authority, accounts: accounts}
	if err := u.run(ctx); err != nil {
		return err
	}

	load, err := n.load(ctx, optimistic, accounts)
	if err != nil {
		return err
	}
	defer load.stop()

	// Wait until a snapshot exists that is of after the upgrade.
	snapshot := (u.height+interval)/interval*interval + interval
	if _, err := optimistic.waitFor(ctx, least{height: snapshot + 4, within: 90 * time.Second}); err != nil {
		return err
	}
	height, err := n.stateSync(ctx, late, snapshot-2, u.height, optimistic, stm)
	if err != nil {
		return err
	}
	if err := n.kill(ctx, crash, optimistic, height); err != nil {
		return err
	}
	if height, err = n.goBack(ctx, crash, 3); err != nil {
		return err
	}

	sent := load.stop()
	if err := load.err(); err != nil {
		return err
	}
	last, err := optimistic.waitFor(ctx, least{height: height + 3, within: 60 * time.Second})
	if err != nil {
		return err
	}
	for _, v := range nodes {
		if _, err := v.waitFor(ctx, least{height: last, within: 60 * time.Second}); err != nil {
			return err
		}
	}
	size, err := n.compare(ctx, nodes, first, last)
	if err != nil {
		return err
	}
	// What was in no block at the halt can be in a later one: the careless node, which was
	// not restarted with the others, still has it.
	if size-u.size < sent*9/10 || size > u.initial+u.sent+sent+8 {
		return fmt.Errorf("%d leaves, of which %d before the upgrade; %d commitments were sent before it, %d since", size, u.size, u.sent, sent)
	}
	if err := u.versions(ctx, nodes); err != nil {
		return err
	}
	for _, v := range nodes {
		if err := v.stop(syscall.SIGTERM); err != nil {
			return err
		}
		if _, err := v.check(ctx); err != nil {
			return err
		}
	}
	n.say("all stopped; shieldd check finds each tree sound")
	return n.ways(optimistic, stm)
}

// connect tells each node of all.
func (n *network) connect(ctx context.Context, nodes []*node) error {
	var peers string
	for i, v := range nodes {
		id, err := v.run(ctx, "comet", "show-node-id")
		if err != nil {
			return err
		}
		if i > 0 {
			peers += ","
		}
		peers += fmt.Sprintf("%s@127.0.0.1:%d", bytes.TrimSpace(id), v.p2p)
	}
	for _, v := range nodes {
		if err := v.configure(map[string]string{`persistent_peers = .*`: fmt.Sprintf("persistent_peers = %q", peers)}); err != nil {
			return err
		}
	}
	return nil
}

// stateSync starts a node with this program from a snapshot of other nodes, which is of
// after the upgrade, trusting one header.
func (n *network) stateSync(ctx context.Context, late *node, trusted, upgraded int64, others ...*node) (int64, error) {
	late.bin = n.bin
	header, err := others[0].client.Header(ctx, &trusted)
	if err != nil {
		return 0, err
	}
	if err := late.configure(map[string]string{
		`enable = false`:      `enable = true`,
		`rpc_servers = .*`:    fmt.Sprintf(`rpc_servers = "%s,%s"`, others[0].address(), others[1].address()),
		`trust_height = .*`:   fmt.Sprintf(`trust_height = %d`, trusted),
		`trust_hash = .*`:     fmt.Sprintf(`trust_hash = %q`, header.Header.Hash().String()),
		`discovery_time = .*`: `discovery_time = "5s"`,
	}); err != nil {
		return 0, err
	}
	if err := late.start(ctx); err != nil {
		return 0, err
	}
	height, err := late.waitFor(ctx, least{height: trusted, within: 90 * time.Second, synced: true})
	if err != nil {
		return 0, err
	}
	status, err := late.client.Status(ctx)
	if err != nil {
		return 0, err
	}
	if earliest := status.SyncInfo.EarliestBlockHeight; earliest <= upgraded {
		return 0, fmt.Errorf("the late node has blocks from %d on: it did not start from a snapshot of after the upgrade at %d", earliest, upgraded)
	}
	n.say("the fourth came late, from a snapshot: it has blocks from %d on, and is at %d", status.SyncInfo.EarliestBlockHeight, height)
	return height, nil
}

// kill kills a node, and starts it again when the others are five blocks ahead.
func (n *network) kill(ctx context.Context, node, other *node, height int64) error {
	if err := node.stop(syscall.SIGKILL); err != nil {
		return err
	}
	height, err := other.waitFor(ctx, least{height: height + 5, within: 90 * time.Second})
	if err != nil {
		return err
	}
	if err := node.start(ctx); err != nil {
		return err
	}
	height, err = node.waitFor(ctx, least{height: height + 5, within: 90 * time.Second, synced: true})
	if err != nil {
		return err
	}
	n.say("the first was killed with SIGKILL and restarted: it is at %d", height)
	return nil
}

// goBack makes a node drop its newest blocks, then fetch and execute them
// again.
func (n *network) goBack(ctx context.Context, node *node, blocks int64) (int64, error) {
	if err := node.stop(syscall.SIGTERM); err != nil {
		return 0, err
	}
	from, err := node.check(ctx)
	if err != nil {
		return 0, err
	}
	// The first rollback may meet a block that was stored and not executed.
	for range blocks + 1 {
		if _, err := node.run(ctx, "rollback", "--hard"); err != nil {
			return 0, err
		}
	}
	to, err := node.check(ctx)
	if err != nil {
		return 0, err
	}
	if to > from-blocks {
		return 0, fmt.Errorf("rolled back from %d to %d only", from, to)
	}
	if err := node.start(ctx); err != nil {
		return 0, err
	}
	height, err := node.waitFor(ctx, least{height: from + 2, within: 90 * time.Second, synced: true})
	if err != nil {
		return 0, err
	}
	n.say("it was rolled back from %d to %d, and has executed the blocks again: it is at %d", from, to, height)
	return height, nil
}

// ways checks in the logs that the nodes executed blocks in the requested ways.
func (n *network) ways(optimistic, stm *node) error {
	count := func(v *node, line string) int {
		text, _ := os.ReadFile(filepath.Join(v.home, "log"))
		return bytes.Count(text, []byte(line))
	}
	executed, aborted := count(optimistic, "OE finished"), count(optimistic, "OE aborted")
	if executed < 5 || aborted == 0 || aborted == executed || count(stm, "installing block-stm tx runner") != 2 {
		return fmt.Errorf("%d blocks were executed optimistically, %d aborted; block-STM: %d", executed, aborted, count(stm, "installing block-stm"))
	}
	n.say("%d blocks were executed optimistically, %d of them aborted and executed again", executed, aborted)
	return nil
}

// genesis makes one genesis for all nodes, of which the first so many are validators and
// sign their own parts. It returns the chain's first height.
func (n *network) genesis(ctx context.Context, nodes []*node, count int, accounts []*account, authority *account) (int64, error) {
	validators := nodes[:count]
	first := validators[0]
	type balance struct {
		Address string    `json:"address"`
		Coins   sdk.Coins `json:"coins"`
	}
	var balances []balance
	coins := sdk.NewCoins(sdk.NewInt64Coin(denom, 1_000_000_000_000))
	for _, a := range accounts {
		balances = append(balances, balance{a.address().String(), coins})
	}
	for _, v := range validators {
		out, err := v.run(ctx, "keys", "add", "validator", "--keyring-backend", "test", "--output", "json")
		if err != nil {
			return 0, err
		}
		var key struct {
			Address string `json:"address"`
		}
		if err := json.Unmarshal(out, &key); err != nil {
			return 0, err
		}
		balances = append(balances, balance{key.Address, coins})
	}
	text, err := json.Marshal(balances)
	if err != nil {
		return 0, err
	}
	file := filepath.Join(n.dir, "balances.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return 0, err
	}
	if _, err := first.run(ctx, "genesis", "bulk-add-genesis-account", file); err != nil {
		return 0, err
	}
	genesis := func(v *node) string { return filepath.Join(v.home, "config", "genesis.json") }
	height, err := n.old(genesis(first), authority)
	if err != nil {
		return 0, err
	}
	copyGenesis := func() error {
		text, err := os.ReadFile(genesis(first))
		for _, v := range nodes[1:] {
			err = errors.Join(err, os.WriteFile(genesis(v), text, 0o644))
		}
		return err
	}
	if err := copyGenesis(); err != nil {
		return 0, err
	}
	gentxs := filepath.Join(first.home, "config", "gentx")
	if err := os.MkdirAll(gentxs, 0o755); err != nil {
		return 0, err
	}
	// In a chain that begins above height 1, genesis is signed with the accounts' own
	// numbers, which is their order there.
	for i, v := range validators {
		if _, err := v.run(ctx, "genesis", "gentx", "validator", "1000000000"+denom, "--chain-id", chainID,
			"--offline", "--account-number", fmt.Sprint(len(accounts)+i), "--sequence", "0",
			"--keyring-backend", "test", "--ip", "127.0.0.1", "--p2p-port", fmt.Sprint(v.p2p),
			"--output-document", filepath.Join(gentxs, v.name+".json")); err != nil {
			return 0, err
		}
	}
	if _, err := first.run(ctx, "genesis", "collect-gentxs"); err != nil {
		return 0, err
	}
	return height, copyGenesis()
}

// An account sends the load's transactions.
type account struct {
	key              *secp256k1.PrivKey
	number, sequence uint64
}

func newAccount(name string) *account {
	return &account{key: secp256k1.GenPrivKeyFromSecret([]byte(name))}
}

func (a *account) address() sdk.AccAddress { return sdk.AccAddress(a.key.PubKey().Address()) }

// learn asks for the account's number and sequence.
func (a *account) learn(ctx context.Context, n *node) error {
	var info authtypes.QueryAccountInfoResponse
	err := n.ask(ctx, 0, "/cosmos.auth.v1beta1.Query/AccountInfo", &authtypes.QueryAccountInfoRequest{Address: a.address().String()}, &info)
	if err == nil {
		a.number, a.sequence = info.Info.AccountNumber, info.Info.Sequence
	}
	return err
}

// A load sends transactions until it is stopped.
type load struct {
	cancel context.CancelFunc
	group  sync.WaitGroup
	sent   atomic.Int64 // commitments
	failed atomic.Pointer[error]
}

func (l *load) stop() int64 {
	l.cancel()
	l.group.Wait()
	return l.sent.Load()
}

func (l *load) err() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// newLender makes an application that only lends its codecs.
func newLender() (*app.App, error) {
	return app.New(log.NewNopLogger(), dbm.NewMemDB(), false, simtestutil.AppOptionsMap{})
}

// load makes each account append 1 to 8 commitments, about twice a second.
func (n *network) load(ctx context.Context, to *node, accounts []*account) (*load, error) {
	lender, err := newLender()
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if err := a.learn(ctx, to); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel}
	l.group.Go(func() {
		for round := 0; ctx.Err() == nil; round++ {
			for i, a := range accounts {
				msg := &types.MsgAppend{Sender: a.address().String()}
				for j := range 1 + (round+i)%8 {
					c := make([]byte, 32)
					c[0], c[1], c[2], c[3], c[4] = byte(round), byte(round>>8), byte(i), byte(j), 1
					msg.Commitments = append(msg.Commitments, c)
				}
				data, err := a.sign(lender, 1_000_000, msg)
				if err != nil {
					l.failed.Store(&err)
					return
				}
				r, err := to.client.BroadcastTxSync(ctx, data)
				switch {
				case ctx.Err() != nil:
					return
				case err != nil:
					l.failed.Store(&err)
					return
				case r.Code != 0:
					err := fmt.Errorf("broadcast: code %d: %s", r.Code, r.Log)
					l.failed.Store(&err)
					return
				}
				a.sequence++
				l.sent.Add(int64(len(msg.Commitments)))
			}
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
	return l, nil
}

func (a *account) sign(lender *app.App, gas uint64, msg sdk.Msg) ([]byte, error) {
	config := lender.TxConfig()
	builder := config.NewTxBuilder()
	if err := builder.SetMsgs(msg); err != nil {
		return nil, err
	}
	builder.SetGasLimit(gas)
	empty := signing.SignatureV2{
		PubKey:   a.key.PubKey(),
		Data:     &signing.SingleSignatureData{SignMode: signing.SignMode_SIGN_MODE_DIRECT},
		Sequence: a.sequence,
	}
	if err := builder.SetSignatures(empty); err != nil {
		return nil, err
	}
	signature, err := tx.SignWithPrivKey(context.Background(), signing.SignMode_SIGN_MODE_DIRECT,
		authsigning.SignerData{Address: a.address().String(), ChainID: chainID, AccountNumber: a.number, Sequence: a.sequence, PubKey: a.key.PubKey()},
		builder, a.key, config, a.sequence)
	if err != nil {
		return nil, err
	}
	if err := builder.SetSignatures(signature); err != nil {
		return nil, err
	}
	return config.TxEncoder()(builder.GetTx())
}

type message interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

// ask queries the node's state at a height.
func (n *node) ask(ctx context.Context, height int64, path string, request, response message) error {
	data, err := request.Marshal()
	if err != nil {
		return err
	}
	answer, err := n.client.ABCIQueryWithOptions(ctx, path, data, rpcclient.ABCIQueryOptions{Height: height})
	if err != nil {
		return err
	}
	if answer.Response.Code != 0 {
		return fmt.Errorf("%s at %d: code %d: %s", path, height, answer.Response.Code, answer.Response.Log)
	}
	return response.Unmarshal(answer.Response.Value)
}

// compare reads the application hash and the tree's root from each node, for each height
// that the node has, and returns the tree's size at the last one.
func (n *network) compare(ctx context.Context, nodes []*node, first, last int64) (int64, error) {
	type state struct {
		appHash, root string
		size          uint64
	}
	heights := map[int64]state{}
	counts := map[string]int{}
	for _, v := range nodes {
		status, err := v.client.Status(ctx)
		if err != nil {
			return 0, err
		}
		for h := max(status.SyncInfo.EarliestBlockHeight, first); h <= last; h++ {
			results, err := v.client.BlockResults(ctx, &h)
			if err != nil {
				return 0, fmt.Errorf("%s: results of %d: %w", v.name, h, err)
			}
			var root types.QueryRootResponse
			if err := v.ask(ctx, h, "/kvshard.commitment.v1.Query/Root", &types.QueryRootRequest{}, &root); err != nil {
				return 0, fmt.Errorf("%s: %w", v.name, err)
			}
			got := state{hex.EncodeToString(results.AppHash), hex.EncodeToString(root.Root), root.Size_}
			if want, known := heights[h]; known && got != want {
				return 0, fmt.Errorf("height %d: %s has %v, another one %v", h, v.name, got, want)
			}
			heights[h] = got
			counts[v.name]++
		}
	}
	if int64(len(heights)) != last-first+1 {
		return 0, fmt.Errorf("%d heights compared, of %d", len(heights), last-first+1)
	}
	size := heights[last].size
	n.say("%d heights, %d leaves: application hashes and roots are equal on all nodes at each height %v", len(heights), size, counts)
	return int64(size), nil
}
