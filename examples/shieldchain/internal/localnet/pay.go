package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
)

// Amounts of the payment.
const (
	shielded   = 1_000_000
	paid       = 600_000
	unshielded = 250_000
)

// bundleGas suffices for a bundle of two actions.
const bundleGas = 1_000_000

// A payment is the cast of pay.
type payment struct {
	*network
	node       *node
	alice, bob *wallet
	// accounts: alice's coins are shielded; bob has none at first; carol brings the
	// others' bundles, so that no account of theirs shows.
	aliceAccount, bobAccount, carolAccount string
}

// pay takes value into the pool, pays with it, and takes some of it out. Then it
// tries what must be refused.
func (n *network) pay(ctx context.Context) error {
	p := &payment{network: n}
	if err := p.begin(ctx); err != nil {
		return err
	}
	if err := p.shield(ctx); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	if err := p.pay(ctx); err != nil {
		return fmt.Errorf("pay: %w", err)
	}
	if err := p.unshield(ctx); err != nil {
		return fmt.Errorf("unshield: %w", err)
	}
	if err := p.node.stop(syscall.SIGTERM); err != nil {
		return err
	}
	if _, err := p.node.check(ctx); err != nil {
		return err
	}
	n.say("stopped; shieldd check: the tree is sound, and the pool's coins are what its notes are worth")
	return nil
}

// begin starts a chain whose tree has leaves of others.
func (p *payment) begin(ctx context.Context) (err error) {
	if p.node, err = p.single(ctx, "node"); err != nil {
		return err
	}
	if p.aliceAccount, err = p.account(ctx, "alice"); err != nil {
		return err
	}
	for name, account := range map[string]*string{"bob": &p.bobAccount, "carol": &p.carolAccount} {
		if _, err := p.node.run(ctx, "keys", "add", name, "--keyring-backend", "test"); err != nil {
			return err
		}
		if *account, err = p.account(ctx, name); err != nil {
			return err
		}
	}
	if _, err := p.node.send(ctx, "alice", 200_000, "bank", "send", "alice", p.carolAccount, "1000000"+denom); err != nil {
		return err
	}
	var answer struct {
		Params struct {
			Denom        string
			GasPerBundle string `json:"gas_per_bundle"`
		}
	}
	if err := p.node.pool(ctx, &answer, "params"); err != nil {
		return err
	}
	if want := types.DefaultParams(); answer.Params.Denom != want.Denom || answer.Params.GasPerBundle != fmt.Sprint(want.GasPerBundle) {
		return fmt.Errorf("parameters %+v", answer.Params)
	}
	if err := p.node.expectPool(ctx, 0); err != nil {
		return err
	}
	if p.alice, err = p.newWallet(ctx, "alice"); err != nil {
		return err
	}
	if p.bob, err = p.newWallet(ctx, "bob"); err != nil {
		return err
	}
	return p.others(ctx, 0, 300)
}

func (p *payment) account(ctx context.Context, name string) (string, error) {
	out, err := p.node.run(ctx, "keys", "show", name, "--address", "--keyring-backend", "test")
	return strings.TrimSpace(string(out)), err
}

// others appends commitments that are nobody's here.
func (p *payment) others(ctx context.Context, from, count int) error {
	_, err := p.node.appendLeaves(ctx, 5_000_000, somebodys(from, count))
	return err
}

// somebodys makes commitments that are nobody's here.
func somebodys(from, count int) []kvshard.Node {
	leaves := make([]kvshard.Node, count)
	for i := range leaves {
		leaves[i] = sha256.Sum256(fmt.Appendf(nil, "note %d of somebody else", from+i))
		leaves[i][31] &= 0x3F // below the modulus
	}
	return leaves
}

// bring sends a bundle.
func (p *payment) bring(ctx context.Context, from, file, recipient string, gas int) (receipt, error) {
	args := []string{types.ModuleName, "bundle", file}
	if recipient != "" {
		args = append(args, "--recipient", recipient)
	}
	return p.node.send(ctx, from, gas, args...)
}

func (p *payment) shield(ctx context.Context) error {
	file, took, err := p.alice.shield(ctx, "shield", p.aliceAccount, shielded)
	if err != nil {
		return err
	}
	before, err := p.balance(ctx, p.aliceAccount)
	if err != nil {
		return err
	}
	r, err := p.bring(ctx, "alice", file, "", bundleGas)
	if err != nil {
		return err
	}
	after, err := p.balance(ctx, p.aliceAccount)
	if err != nil {
		return err
	}
	if before-after != shielded {
		return fmt.Errorf("alice's account went from %d to %d", before, after)
	}
	if err := p.node.expectPool(ctx, shielded); err != nil {
		return err
	}
	p.say("shield: alice's account pays %d into the pool, for a note that only her wallet can read; %s (the proof %.1f s of a processor), %s gas",
		shielded, p.size(file), took.Seconds(), r.gas)
	return p.others(ctx, 300, 50)
}

// own makes a wallet read the chain, find a note, and prove it with a tree of its
// own.
func (p *payment) own(ctx context.Context, w *wallet, value uint64) (note, proof, error) {
	if err := w.read(ctx, p.node); err != nil {
		return note{}, proof{}, err
	}
	n, err := w.newest(ctx, value)
	if err != nil {
		return n, proof{}, err
	}
	own, err := w.prove(n)
	if err != nil {
		return n, own, err
	}
	height, err := p.node.isAnchor(ctx, own.anchor)
	if err != nil {
		return n, own, err
	}
	p.say("%s's wallet decrypts its note of %d, finds it at position %d of the %d leaves that it read, and comes to the anchor of height %d by itself",
		w.name, n.Value, own.position, len(w.leaves), height)
	return n, own, nil
}

func (p *payment) pay(ctx context.Context) error {
	n, own, err := p.own(ctx, p.alice, shielded)
	if err != nil {
		return err
	}
	file, took, err := p.alice.spend(ctx, "pay", spending{note: n, proof: own, sender: p.carolAccount, to: p.bob.address, value: paid})
	if err != nil {
		return err
	}
	r, err := p.bring(ctx, "carol", file, "", bundleGas)
	if err != nil {
		return err
	}
	if err := p.node.expectPool(ctx, shielded); err != nil {
		return err
	}
	spent, err := p.node.spent(ctx, n)
	if err != nil {
		return err
	}
	if !spent {
		return errors.New("the chain does not have the nullifier of alice's note")
	}
	p.say("pay: alice pays bob %d of it; the chain sees neither from whom, nor to whom, nor how much; %s (the proof %.1f s of a processor), %s gas", paid, p.size(file), took.Seconds(), r.gas)
	if err := p.refuses(ctx, "the payment again", "carol", file, "", bundleGas, types.ErrNullifier); err != nil {
		return err
	}
	return p.unknownAnchor(ctx)
}

// unknownAnchor makes alice pay from a tree with one leaf more than the chain's.
func (p *payment) unknownAnchor(ctx context.Context) error {
	if err := p.alice.read(ctx, p.node); err != nil {
		return err
	}
	change, err := p.alice.newest(ctx, shielded-paid)
	if err != nil {
		return err
	}
	kept := p.alice.leaves
	p.alice.leaves = append(kept[:len(kept):len(kept)], kvshard.Node{1})
	own, err := p.alice.prove(change)
	p.alice.leaves = kept
	if err != nil {
		return err
	}
	file, _, err := p.alice.spend(ctx, "unknown-anchor", spending{note: change, proof: own, sender: p.carolAccount, to: p.bob.address, value: 1})
	if err != nil {
		return err
	}
	return p.refuses(ctx, "a payment from another tree", "carol", file, "", bundleGas, types.ErrAnchor)
}

func (p *payment) unshield(ctx context.Context) error {
	n, own, err := p.own(ctx, p.bob, paid)
	if err != nil {
		return err
	}
	file, took, err := p.bob.spend(ctx, "unshield", spending{note: n, proof: own, sender: p.carolAccount, unshield: unshielded, recipient: p.bobAccount})
	if err != nil {
		return err
	}
	if err := p.refuseChanges(ctx, file); err != nil {
		return err
	}
	r, err := p.bring(ctx, "carol", file, p.bobAccount, bundleGas)
	if err != nil {
		return err
	}
	if err := p.node.expectPool(ctx, shielded-unshielded); err != nil {
		return err
	}
	has, err := p.balance(ctx, p.bobAccount)
	if err != nil {
		return err
	}
	if has != unshielded {
		return fmt.Errorf("bob's account has %d", has)
	}
	p.say("unshield: %d leave the pool for bob's account; nobody sees which note they come from; %s (the proof %.1f s of a processor), %s gas",
		unshielded, p.size(file), took.Seconds(), r.gas)
	return p.refuses(ctx, "the same once more", "carol", file, p.bobAccount, bundleGas, types.ErrNullifier)
}

// refuseChanges tries to bring bob's bundle in other ways than he signed.
func (p *payment) refuseChanges(ctx context.Context, file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed := bytes.Clone(raw)
	changed[len(changed)/2] ^= 1
	other := file + "-changed"
	if err := os.WriteFile(other, changed, 0o600); err != nil {
		return err
	}
	if err := p.refuses(ctx, "another recipient", "carol", file, p.aliceAccount, bundleGas, types.ErrInvalidBundle); err != nil {
		return err
	}
	if err := p.refuses(ctx, "another sender", "alice", file, p.bobAccount, bundleGas, types.ErrInvalidBundle); err != nil {
		return err
	}
	if err := p.refuses(ctx, "a changed bit of the proof", "carol", other, p.bobAccount, bundleGas, types.ErrInvalidBundle); err != nil {
		return err
	}
	return p.refuses(ctx, "too little gas for the proof", "carol", file, p.bobAccount, 150_000, sdkerrors.ErrOutOfGas)
}

// A coded is an error of the SDK.
type coded interface {
	Codespace() string
	ABCICode() uint32
}

// refuses brings a bundle that must be refused.
func (p *payment) refuses(ctx context.Context, what, from, file, recipient string, gas int, want coded) error {
	_, err := p.bring(ctx, from, file, recipient, gas)
	message, err := refusedWith(err, want.Codespace(), want.ABCICode())
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	p.say("refused: %s: %s", what, message)
	return nil
}

func (p *payment) balance(ctx context.Context, account string) (int64, error) {
	var answer banktypes.QueryBalanceResponse
	err := p.node.ask(ctx, 0, "/cosmos.bank.v1beta1.Query/Balance", &banktypes.QueryBalanceRequest{Address: account, Denom: denom}, &answer)
	if err != nil {
		return 0, err
	}
	if answer.Balance == nil {
		return 0, fmt.Errorf("no balance of %s", account)
	}
	return answer.Balance.Amount.Int64(), nil
}

func (p *payment) size(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d bytes", info.Size())
}
