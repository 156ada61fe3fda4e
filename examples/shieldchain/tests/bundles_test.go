package tests

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	shieldtypes "github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// The tests play one story with real bundles, which are in testdata/bundles: a
// proof takes seconds to make. Accounts are numbered; a note is in a wallet.
//
//	height 1    account 0 appends 10 leaves
//	height 2    shield: account 0 shields 1,000,000 for wallet A
//	then one of the two that spend this note, both brought by account 1:
//	pay         wallet A pays 600,000 to wallet B
//	unshield    wallet A unshields 250,000 for account 2
//	at any time
//	shield-b    account 1 shields 500 for wallet B
const (
	shieldedValue   = 1_000_000
	paidValue       = 600_000
	unshieldedValue = 250_000
	smallValue      = 500
)

var makeBundles = flag.String("make-bundles", "", "write testdata/bundles anew with this shieldwallet")

const bundleDir = "testdata/bundles"

// A story is a chain up to height 2, and the bundles.
type story struct {
	*chaintest.Chain
	raw map[string][]byte
}

// bundleNames are the files in testdata/bundles.
var bundleNames = []string{"shield", "shield-b", "pay", "unshield"}

// begin makes the chain up to height 1.
func begin(t *testing.T, c chaintest.Config) *story {
	t.Helper()
	c.Accounts = max(c.Accounts, 3)
	s := &story{Chain: chaintest.New(t, c), raw: map[string][]byte{}}
	for _, name := range bundleNames {
		s.raw[name] = chaintest.Must(os.ReadFile(filepath.Join(bundleDir, name)))(t)
	}
	a := s.Accounts[0]
	s.MustBlock(s.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(0, 10)...)))
	return s
}

// tell makes the chain up to height 2.
func tell(t *testing.T, c chaintest.Config) *story {
	t.Helper()
	s := begin(t, c)
	s.MustBlock(s.Tx(s.Accounts[0], plenty, s.msg("shield")))
	return s
}

// msg is the message that brings a bundle as it is meant.
func (s *story) msg(name string) *shieldtypes.MsgBundle {
	sender, recipient := 1, ""
	switch name {
	case "shield":
		sender = 0
	case "unshield":
		recipient = s.Accounts[2].Address().String()
	}
	return &shieldtypes.MsgBundle{Sender: s.Accounts[sender].Address().String(), Recipient: recipient, Bundle: s.raw[name]}
}

// pool returns the pool's value and the coins that cover it.
func (s *story) pool() (value uint64, escrow string) {
	s.T.Helper()
	var r shieldtypes.QueryPoolResponse
	chaintest.Must0(s.T, s.Ask(0, "/kvshard.shield.v1.Query/Pool", &shieldtypes.QueryPoolRequest{}, &r))
	return r.Value, r.Escrow
}

// TestBundlesAreTheStory checks that the files in testdata are what the story
// says. With -make-bundles it writes them anew.
func TestBundlesAreTheStory(t *testing.T) {
	if *makeBundles != "" {
		writeBundles(t, chaintest.Must(filepath.Abs(*makeBundles))(t))
	}
	s := tell(t, chaintest.Config{})
	root, size := s.Root()
	if size != 12 {
		t.Errorf("%d leaves", size)
	}
	for name, value := range map[string]int64{"shield": -shieldedValue, "shield-b": -smallValue, "pay": 0, "unshield": unshieldedValue} {
		b := chaintest.Must(bundle.Parse(s.raw[name]))(t)
		spends := name == "pay" || name == "unshield"
		if b.ValueBalance != value || b.SpendsEnabled != spends || len(b.Actions) != 2 || (kvshard.Node(b.Anchor) == root) != spends {
			t.Errorf("%s: value %d, spends %v, %d actions, anchor %x", name, b.ValueBalance, b.SpendsEnabled, len(b.Actions), b.Anchor)
		}
	}
}

func writeBundles(t *testing.T, wallet string) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	run := func(answer any, args ...string) {
		t.Helper()
		cmd := exec.Command(wallet, args...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		if answer != nil {
			chaintest.Must0(t, json.Unmarshal(out, answer))
		}
	}
	address := func(wallet string) string {
		var answer struct{ Address string }
		run(nil, "new", file(wallet))
		run(&answer, "address", "--seed", file(wallet))
		return answer.Address
	}
	a, b := address("a"), address("b")
	c := chaintest.New(t, chaintest.Config{Accounts: 3})
	account := func(i int) string { return c.Accounts[i].Address().String() }
	common := func(sender int, name string) []string {
		return []string{"--chain-id", chaintest.ChainID, "--sender", account(sender), "--out", file(name)}
	}
	run(nil, append([]string{"shield", "--to", a, "--value", fmt.Sprint(shieldedValue)}, common(0, "shield")...)...)
	run(nil, append([]string{"shield", "--to", b, "--value", fmt.Sprint(smallValue)}, common(1, "shield-b")...)...)

	// Height 2 makes the anchor of what follows.
	shield := chaintest.Must(os.ReadFile(file("shield")))(t)
	owner := c.Accounts[0]
	c.MustBlock(c.Tx(owner, plenty, chaintest.Append(owner, chaintest.Leaves(0, 10)...)))
	c.MustBlock(c.Tx(owner, plenty, &shieldtypes.MsgBundle{Sender: account(0), Bundle: shield}))
	root, _ := c.Root()
	var notes []struct{ Action int }
	run(&notes, "scan", "--seed", file("a"), file("shield"))
	if len(notes) != 1 {
		t.Fatalf("notes %v", notes)
	}
	var w types.QueryWitnessResponse
	chaintest.Must0(t, c.Query(0, "Witness", &types.QueryWitnessRequest{Position: 10 + uint64(notes[0].Action)}, &w))
	witness := kvshard.Witness{Position: w.Position}
	for i := range witness.Path {
		witness.Path[i] = kvshard.Node(w.Path[i])
	}
	chaintest.Must0(t, os.WriteFile(file("witness"), chaintest.Must(witness.MarshalBinary())(t), 0o600))
	spend := func(name string, args ...string) {
		t.Helper()
		args = append(args, "--seed", file("a"), "--bundle", file("shield"), "--action", fmt.Sprint(notes[0].Action),
			"--witness", file("witness"), "--anchor", hex.EncodeToString(root[:]))
		run(nil, append(append([]string{"spend"}, args...), common(1, name)...)...)
	}
	spend("pay", "--to", b, "--value", fmt.Sprint(paidValue))
	spend("unshield", "--unshield", fmt.Sprint(unshieldedValue), "--recipient", account(2))

	chaintest.Must0(t, os.MkdirAll(bundleDir, 0o755))
	for _, name := range bundleNames {
		chaintest.Must0(t, os.WriteFile(filepath.Join(bundleDir, name), chaintest.Must(os.ReadFile(file(name)))(t), 0o644))
	}
}
