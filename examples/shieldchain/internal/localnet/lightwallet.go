package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"

	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// Leaves of others: two subtrees of 65,536 and more before the note, and some
// behind it.
const (
	leavesBefore = 132_000
	leavesAfter  = 2_000
	// birthday of the wallet: the earliest that a chain allows that starts at
	// height 1.
	birthday = 2
)

// A stock is the stock wallet: the synchronization of zcash_client_backend over
// the database of zcash_client_sqlite, unmodified.
type stock struct {
	bin, seed, database string
}

// A synced is what it says after a synchronization.
type synced struct {
	Tip          uint64
	Balance      uint64
	AnchorHeight uint64 `json:"anchor_height"`
	Root         string
	Seconds      float64
	Notes        []struct {
		Position   uint64
		Value      uint64
		Commitment string
		Nullifier  string
		Witness    string
	}
}

func (s *stock) run(ctx context.Context, answer any, args ...string) error {
	cmd := exec.CommandContext(ctx, s.bin, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("lightwallet %s: %w\n%s%s", strings.Join(args, " "), err, out.Bytes(), errOut.Bytes())
	}
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		return fmt.Errorf("lightwallet %s: %w: %q", args[0], err, out.Bytes())
	}
	return nil
}

// connected are the options of each command that synchronizes.
func (s *stock) connected(l *lightd) []string {
	return []string{"--server", "http://" + l.address, "--seed", s.seed, "--birthday", fmt.Sprint(birthday), "--wallet", s.database}
}

// lightwallet pays to a stock wallet, which finds the note through lightd, keeps
// its own tree, and spends the note.
func (n *network) lightwallet(ctx context.Context) error {
	loader := &account{key: secp256k1.GenPrivKeyFromSecret([]byte("load"))}
	node, err := n.single(ctx, "node", loader.address().String())
	if err != nil {
		return err
	}
	p := &payment{network: n, node: node}
	if p.aliceAccount, err = p.account(ctx, "alice"); err != nil {
		return err
	}
	if _, err := node.run(ctx, "keys", "add", "bob", "--keyring-backend", "test"); err != nil {
		return err
	}
	if p.bobAccount, err = p.account(ctx, "bob"); err != nil {
		return err
	}
	if p.alice, err = n.newWallet(ctx, "alice"); err != nil {
		return err
	}
	if err := n.appendMany(ctx, node, loader, 0, leavesBefore); err != nil {
		return err
	}

	// The stock wallet has a seed of its own.
	seed, err := n.newWallet(ctx, "stock")
	if err != nil {
		return err
	}
	w := &stock{bin: n.stock, seed: seed.seed(), database: seed.file("wallet.sqlite")}
	var own struct{ Address string }
	if err := w.run(ctx, &own, "address", "--seed", w.seed); err != nil {
		return err
	}
	to := *p.alice
	to.address = own.Address
	file, _, err := to.shield(ctx, "for-the-stock-wallet", p.aliceAccount, shielded)
	if err != nil {
		return err
	}
	if _, err := p.bring(ctx, "alice", file, "", bundleGas); err != nil {
		return err
	}
	if err := n.appendMany(ctx, node, loader, leavesBefore, leavesAfter); err != nil {
		return err
	}
	n.say("alice shields %d for a stock wallet; %d leaves of others are around the note", shielded, leavesBefore+leavesAfter)
	return p.synchronizeAndSpend(ctx, w)
}

func (p *payment) synchronizeAndSpend(ctx context.Context, w *stock) error {
	var found synced
	if err := p.withLightd(ctx, w, &found, "sync"); err != nil {
		return err
	}
	if found.Balance != shielded || len(found.Notes) != 1 {
		return fmt.Errorf("a balance of %d in %v", found.Balance, found.Notes)
	}
	if err := p.compareWithChain(ctx, found); err != nil {
		return err
	}

	out := w.database + "-bundle"
	var spending struct {
		synced
		Spent uint64
	}
	if err := p.withLightd(ctx, w, &spending, "spend", "--chain-id", chainID, "--sender", p.aliceAccount,
		"--unshield", fmt.Sprint(unshielded), "--recipient", p.bobAccount, "--out", out); err != nil {
		return err
	}
	if spending.Spent != found.Notes[0].Position {
		return fmt.Errorf("spends the note at %d", spending.Spent)
	}
	r, err := p.bring(ctx, "alice", out, p.bobAccount, bundleGas)
	if err != nil {
		return err
	}
	has, err := p.balance(ctx, p.bobAccount)
	if err != nil {
		return err
	}
	if has != unshielded {
		return fmt.Errorf("bob's account has %d", has)
	}
	if err := p.node.expectPool(ctx, shielded-unshielded); err != nil {
		return err
	}
	p.say("the chain takes the wallet's bundle: %d leave the pool, %s gas", unshielded, r.gas)

	var after synced
	if err := p.withLightd(ctx, w, &after, "sync"); err != nil {
		return err
	}
	if after.Balance != shielded-unshielded {
		return fmt.Errorf("a balance of %d behind the payment", after.Balance)
	}
	p.say("the wallet sees its note spent, and has %d left", after.Balance)
	if err := p.node.stop(syscall.SIGTERM); err != nil {
		return err
	}
	_, err = p.node.check(ctx)
	return err
}

// withLightd runs a command of the wallet against a lightd of its own, and says
// what went over the connection.
func (p *payment) withLightd(ctx context.Context, w *stock, answer any, command string, args ...string) error {
	l, err := p.node.lightd(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	err = w.run(ctx, answer, append(append([]string{command}, w.connected(l)...), args...)...)
	took := time.Since(began)
	traffic, stopErr := l.stop()
	if err != nil {
		return err
	}
	if stopErr != nil {
		return stopErr
	}
	p.say("lightwallet %s: %.1f s\n         %s", command, took.Seconds(), strings.ReplaceAll(traffic, "\n", "\n         "))
	return nil
}

// compareWithChain compares the wallet's root and witness with the chain's. Only
// this program asks for the witness; the wallet made its own.
func (p *payment) compareWithChain(ctx context.Context, w synced) error {
	note := w.Notes[0]
	var at types.QueryRootAtResponse
	if err := p.node.ask(ctx, 0, "/kvshard.commitment.v1.Query/RootAt", &types.QueryRootAtRequest{Height: uint32(w.AnchorHeight)}, &at); err != nil {
		return err
	}
	var chain types.QueryWitnessResponse
	if err := p.node.ask(ctx, 0, "/kvshard.commitment.v1.Query/Witness", &types.QueryWitnessRequest{Position: note.Position, Height: uint32(w.AnchorHeight)}, &chain); err != nil {
		return err
	}
	witness := binary.LittleEndian.AppendUint32(nil, uint32(chain.Position))
	witness = append(witness, bytes.Join(chain.Path, nil)...)
	switch {
	case w.Root != hex.EncodeToString(at.Anchor.Root):
		return fmt.Errorf("the wallet's root is %s, the chain's %x", w.Root, at.Anchor.Root)
	case note.Witness != hex.EncodeToString(witness):
		return fmt.Errorf("the wallet's witness is %s, the chain's %x", note.Witness, witness)
	case note.Commitment != hex.EncodeToString(chain.Leaf):
		return fmt.Errorf("the wallet's commitment is %s, the chain's %x", note.Commitment, chain.Leaf)
	}
	p.say("the wallet has its note of %d, at position %d of %d leaves; its root at height %d and its witness are the chain's",
		note.Value, note.Position, at.Anchor.Size_, w.AnchorHeight)
	return nil
}

// appendMany appends leaves of others, a thousand a transaction and at most ten
// transactions a block, so that no compact block exceeds what a client of gRPC
// takes by default, 4 MB.
func (n *network) appendMany(ctx context.Context, node *node, from *account, first, count int) error {
	lender, err := app.New(log.NewNopLogger(), dbm.NewMemDB(), false, simtestutil.AppOptionsMap{})
	if err != nil {
		return err
	}
	if err := from.learn(ctx, node); err != nil {
		return err
	}
	began := time.Now()
	const each, atOnce = 1000, 10
	for at, sent := first, 0; at < first+count; at += each {
		msg := &types.MsgAppend{Sender: from.address().String()}
		for _, leaf := range somebodys(at, min(each, first+count-at)) {
			msg.Commitments = append(msg.Commitments, leaf[:])
		}
		data, err := from.sign(lender, 50_000_000, msg)
		if err != nil {
			return err
		}
		r, err := node.client.BroadcastTxSync(ctx, data)
		if err != nil {
			return err
		}
		if r.Code != 0 {
			return fmt.Errorf("broadcast: code %d: %s", r.Code, r.Log)
		}
		from.sequence++
		if sent++; sent%atOnce == 0 || at+each >= first+count {
			if err := node.waitSequence(ctx, from); err != nil {
				return err
			}
		}
	}
	n.say("%d leaves of others are appended, in %.1f s", count, time.Since(began).Seconds())
	return nil
}

// waitSequence waits until all transactions of an account are in blocks.
func (n *node) waitSequence(ctx context.Context, a *account) error {
	for range 600 {
		now := *a
		if err := now.learn(ctx, n); err != nil {
			return err
		}
		if now.sequence == a.sequence {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("transactions of %s did not get into blocks", a.address())
}
