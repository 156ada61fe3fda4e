package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"cosmossdk.io/log/v2"

	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/app"
	shieldtypes "github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// A wallet has a seed, and what everybody can read of the chain: the bundles of
// the blocks and the leaves of the tree. No question that it asks tells the node
// which note is its own.
type wallet struct {
	name, bin, dir string
	address        string // raw Orchard address, hex

	bundles []string // files, one for each bundle of the chain
	scanned int64    // the height up to which they are there
	leaves  []kvshard.Node
}

// A note is a note of a wallet, as shieldwallet's scan prints it.
type note struct {
	Bundle     string `json:"bundle"`
	Action     int    `json:"action"`
	Value      uint64 `json:"value"`
	Commitment string `json:"commitment"`
	Nullifier  string `json:"nullifier"`
}

// newWallet makes a wallet with a seed of its own.
func (n *network) newWallet(ctx context.Context, name string) (*wallet, error) {
	w := &wallet{name: name, bin: n.wallet, dir: filepath.Join(n.dir, "wallet-"+name)}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		return nil, err
	}
	if _, err := w.run(ctx, nil, "new", w.seed()); err != nil {
		return nil, err
	}
	var answer struct{ Address string }
	_, err := w.run(ctx, &answer, "address", "--seed", w.seed())
	w.address = answer.Address
	return w, err
}

func (w *wallet) seed() string            { return filepath.Join(w.dir, "seed") }
func (w *wallet) file(name string) string { return filepath.Join(w.dir, name) }

// run runs shieldwallet, reads its answer, and returns the processor time it took.
func (w *wallet) run(ctx context.Context, answer any, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, w.bin, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("shieldwallet %s: %w\n%s%s", strings.Join(args, " "), err, out.Bytes(), errOut.Bytes())
	}
	took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if answer == nil {
		return took, nil
	}
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		return 0, fmt.Errorf("shieldwallet %s: %w: %q", args[0], err, out.Bytes())
	}
	return took, nil
}

// read reads the chain's new bundles and leaves, all of them.
func (w *wallet) read(ctx context.Context, n *node) error {
	status, err := n.client.ABCIInfo(ctx)
	if err != nil {
		return err
	}
	lender, err := app.New(log.NewNopLogger(), dbm.NewMemDB(), false, simtestutil.AppOptionsMap{})
	if err != nil {
		return err
	}
	for height := w.scanned + 1; height <= status.Response.LastBlockHeight; height++ {
		block, err := n.client.Block(ctx, &height)
		if err != nil {
			return err
		}
		for i, raw := range block.Block.Txs {
			tx, err := lender.TxConfig().TxDecoder()(raw)
			if err != nil {
				return err
			}
			for j, msg := range tx.GetMsgs() {
				msg, ok := msg.(*shieldtypes.MsgBundle)
				if !ok {
					continue
				}
				name := w.file(fmt.Sprintf("block-%d-%d-%d", height, i, j))
				if err := os.WriteFile(name, msg.Bundle, 0o600); err != nil {
					return err
				}
				w.bundles = append(w.bundles, name)
			}
		}
		w.scanned = height
	}
	for {
		var page types.QueryNodesResponse
		if err := n.ask(ctx, 0, "/kvshard.commitment.v1.Query/Nodes", &types.QueryNodesRequest{First: uint64(len(w.leaves))}, &page); err != nil {
			return err
		}
		for _, leaf := range page.Nodes {
			w.leaves = append(w.leaves, kvshard.Node(leaf))
		}
		if uint64(len(w.leaves)) >= page.Size_ {
			return nil
		}
	}
}

// notes decrypts all bundles, and returns the wallet's notes.
func (w *wallet) notes(ctx context.Context) (notes []note, err error) {
	if len(w.bundles) == 0 {
		return nil, nil
	}
	_, err = w.run(ctx, &notes, append([]string{"scan", "--seed", w.seed()}, w.bundles...)...)
	return notes, err
}

// newest returns the wallet's newest note of a value.
func (w *wallet) newest(ctx context.Context, value uint64) (note, error) {
	notes, err := w.notes(ctx)
	if err != nil {
		return note{}, err
	}
	for _, n := range slices.Backward(notes) {
		if n.Value == value {
			return n, nil
		}
	}
	return note{}, fmt.Errorf("%s has no note of %d, but %v", w.name, value, notes)
}

// A proof is what a wallet's own tree says of a note.
type proof struct {
	position uint64
	anchor   kvshard.Node
	file     string // the witness
}

// prove makes the wallet's own tree of the leaves it has read.
func (w *wallet) prove(n note) (proof, error) {
	tree, err := kvshard.Open(kvtest.NewMemStore())
	if err != nil {
		return proof{}, err
	}
	if _, err := tree.AppendBatch(w.leaves); err != nil {
		return proof{}, err
	}
	commitment, err := kvshard.ParseNode(n.Commitment)
	if err != nil {
		return proof{}, err
	}
	at := slices.Index(w.leaves, commitment)
	if at < 0 {
		return proof{}, fmt.Errorf("the note %s is not in the tree", n.Commitment)
	}
	p := proof{position: uint64(at), file: w.file("witness")}
	if p.anchor, err = tree.Root(); err != nil {
		return p, err
	}
	witness, err := tree.Witness(p.position)
	if err != nil {
		return p, err
	}
	if err := witness.Verify(p.anchor, commitment); err != nil {
		return p, err
	}
	data, err := witness.MarshalBinary()
	if err != nil {
		return p, err
	}
	return p, os.WriteFile(p.file, data, 0o600)
}

// A spending is what a wallet does with a note; the rest of its value goes back
// to the wallet.
type spending struct {
	note      note
	proof     proof
	sender    string // account that brings the bundle
	to        string // shielded address, gets value
	value     uint64
	unshield  uint64 // value to the account recipient
	recipient string
}

// spend makes a bundle and returns its file, and the processor time that took.
func (w *wallet) spend(ctx context.Context, name string, s spending) (string, time.Duration, error) {
	out := w.file(name)
	args := []string{"spend", "--seed", w.seed(), "--bundle", s.note.Bundle, "--action", fmt.Sprint(s.note.Action),
		"--witness", s.proof.file, "--anchor", s.proof.anchor.String(), "--chain-id", chainID, "--sender", s.sender, "--out", out}
	if s.to != "" {
		args = append(args, "--to", s.to, "--value", fmt.Sprint(s.value))
	}
	if s.unshield > 0 {
		args = append(args, "--unshield", fmt.Sprint(s.unshield), "--recipient", s.recipient)
	}
	took, err := w.run(ctx, nil, args...)
	return out, took, err
}

// shield makes a bundle that takes value from an account into the pool.
func (w *wallet) shield(ctx context.Context, name, sender string, value uint64) (string, time.Duration, error) {
	out := w.file(name)
	took, err := w.run(ctx, nil, "shield", "--chain-id", chainID, "--sender", sender, "--to", w.address,
		"--value", fmt.Sprint(value), "--out", out)
	return out, took, err
}

// isAnchor asks whether the chain has an anchor. All wallets ask for the newest.
func (n *node) isAnchor(ctx context.Context, anchor kvshard.Node) (uint32, error) {
	var answer types.QueryAnchorResponse
	if err := n.ask(ctx, 0, "/kvshard.commitment.v1.Query/Anchor", &types.QueryAnchorRequest{Root: anchor[:]}, &answer); err != nil {
		return 0, err
	}
	if !answer.Found {
		return 0, fmt.Errorf("%s is no anchor of the chain", anchor)
	}
	return answer.Height, nil
}

// pool asks x/shield with the command line.
func (n *node) pool(ctx context.Context, answer any, query ...string) error {
	out, err := n.run(ctx, append(append([]string{"query", shieldtypes.ModuleName}, query...), "--node", n.address(), "--output", "json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, answer)
}

// spent asks whether a note is spent. It is for this program: a wallet sees the
// nullifier in a block.
func (n *node) spent(ctx context.Context, note note) (bool, error) {
	var answer struct{ Spent bool }
	err := n.pool(ctx, &answer, "nullifier", note.Nullifier)
	return answer.Spent, err
}

// expectPool compares the pool, and the coins that cover it.
func (n *node) expectPool(ctx context.Context, want uint64) error {
	var answer struct{ Value, Escrow, Denom string }
	if err := n.pool(ctx, &answer, "pool"); err != nil {
		return err
	}
	if value := fmt.Sprint(want); answer.Value != value || answer.Escrow != value || answer.Denom != denom {
		return fmt.Errorf("the pool is %+v, want %d", answer, want)
	}
	return nil
}

// refusedWith turns a refusal with the wanted code into its message, and
// anything else into an error.
func refusedWith(err error, codespace string, code uint32) (string, error) {
	var refused *refusal
	if !errors.As(err, &refused) || refused.Codespace != codespace || uint32(refused.Code) != code {
		return "", fmt.Errorf("want code %d of %s, got: %v", code, codespace, err)
	}
	return refused.RawLog, nil
}
