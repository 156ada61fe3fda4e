package tests

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	shieldtypes "github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestShieldPayUnshield plays the story to its two ends, in both modes and by
// both executors: value, nullifiers, leaves and anchors are what the bundles say.
func TestShieldPayUnshield(t *testing.T) {
	for _, last := range []string{"pay", "unshield"} {
		for executor, options := range executors {
			for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
				t.Run(fmt.Sprintf("%s/%s/%s", last, executor, mode), func(t *testing.T) {
					s := tell(t, chaintest.Config{Params: withMode(mode), Options: options})
					if value, escrow := s.pool(); value != shieldedValue || escrow != fmt.Sprint(shieldedValue) {
						t.Errorf("the pool is worth %d and has %s", value, escrow)
					}
					account := s.Accounts[2].Address()
					before := s.Balance(account)
					r := s.MustBlock(s.Tx(s.Accounts[1], plenty, s.msg(last)))
					out := int64(0)
					if last == "unshield" {
						out = unshieldedValue
					}
					if got := s.Balance(account) - before; got != out {
						t.Errorf("account 2 got %d, want %d", got, out)
					}
					if value, escrow := s.pool(); value != uint64(shieldedValue-out) || escrow != fmt.Sprint(value) {
						t.Errorf("the pool is worth %d and has %s", value, escrow)
					}
					events := chaintest.Events(r.TxResults[0].Events, shieldtypes.EventBundle)
					if len(events) != 1 || events[0][shieldtypes.AttributeValue] != fmt.Sprint(out) || events[0][shieldtypes.AttributeActions] != "2" ||
						events[0][shieldtypes.AttributeRecipient] != s.msg(last).Recipient {
						t.Errorf("event %v", events)
					}
					s.expectActions(last, 12, uint64(s.Height()))
					s.expectActions("shield", 10, 2)
					s.Check()
				})
			}
		}
	}
}

// expectActions finds a bundle's commitments in the tree, and its nullifiers
// among the spent ones.
func (s *story) expectActions(name string, first uint64, height uint64) {
	s.T.Helper()
	for i, a := range chaintest.Must(bundle.Parse(s.raw[name]))(s.T).Actions {
		var leaf types.QueryLeafResponse
		chaintest.Must0(s.T, s.Query(0, "Leaf", &types.QueryLeafRequest{Position: first + uint64(i)}, &leaf))
		var spent shieldtypes.QueryNullifierResponse
		chaintest.Must0(s.T, s.Ask(0, "/kvshard.shield.v1.Query/Nullifier", &shieldtypes.QueryNullifierRequest{Nullifier: a.Nullifier[:]}, &spent))
		if !bytes.Equal(leaf.Leaf, a.Commitment[:]) || !spent.Spent || spent.Height != height {
			s.T.Errorf("%s, action %d: leaf %x, spent %v", name, i, leaf.Leaf, spent)
		}
	}
}

// A coded is an error of the SDK.
type coded interface {
	Codespace() string
	ABCICode() uint32
}

// fails checks a transaction's result, and returns its message.
func fails(t testing.TB, what string, want coded, codespace string, code uint32, log string) {
	t.Helper()
	if codespace != want.Codespace() || code != want.ABCICode() {
		t.Errorf("%s: code %d of %s, want %d of %s: %s", what, code, codespace, want.ABCICode(), want.Codespace(), log)
	}
}

// refuses offers a message to CheckTx and puts it into a block. Both must refuse
// it for the same reason, and no coin moves and no record changes.
func (s *story) refuses(what string, signer int, gas uint64, msg *shieldtypes.MsgBundle, want coded) string {
	s.T.Helper()
	a := s.Accounts[signer]
	shield, tree, balance := s.DumpOf(shieldtypes.StoreKey), s.Dump(), s.Balance(a.Address())
	check := s.CheckTx(s.Sign(a, gas, msg), abci.CheckTxType_New)
	fails(s.T, what+": CheckTx", want, check.Codespace, check.Code, check.Log)
	r := s.Block(s.Tx(a, gas, msg)).TxResults[0]
	fails(s.T, what, want, r.Codespace, r.Code, r.Log)
	chaintest.SameDump(s.T, what+": pool", shield, s.DumpOf(shieldtypes.StoreKey))
	chaintest.SameDump(s.T, what+": tree", tree, s.Dump())
	if after := s.Balance(a.Address()); after != balance {
		s.T.Errorf("%s: the sender's balance went from %d to %d", what, balance, after)
	}
	return r.Log
}

// TestShieldRefuses changes one thing at a time in a message that is good.
func TestShieldRefuses(t *testing.T) {
	s := tell(t, chaintest.Config{})
	account := func(i int) string { return s.Accounts[i].Address().String() }
	for _, c := range []struct {
		name   string
		bundle string
		signer int
		change func(m *shieldtypes.MsgBundle)
		want   coded
	}{
		{"another recipient", "unshield", 1, func(m *shieldtypes.MsgBundle) { m.Recipient = account(0) }, shieldtypes.ErrInvalidBundle},
		{"another sender", "pay", 2, func(m *shieldtypes.MsgBundle) { m.Sender = account(2) }, shieldtypes.ErrInvalidBundle},
		{"another sender shields", "shield-b", 2, func(m *shieldtypes.MsgBundle) { m.Sender = account(2) }, shieldtypes.ErrInvalidBundle},
		{"no recipient", "unshield", 1, func(m *shieldtypes.MsgBundle) { m.Recipient = "" }, shieldtypes.ErrRecipient},
		{"a recipient of nothing", "pay", 1, func(m *shieldtypes.MsgBundle) { m.Recipient = account(2) }, shieldtypes.ErrRecipient},
		{"a recipient of what enters", "shield-b", 1, func(m *shieldtypes.MsgBundle) { m.Recipient = account(2) }, shieldtypes.ErrRecipient},
		{"a recipient that is no address", "unshield", 1, func(m *shieldtypes.MsgBundle) { m.Recipient = "bob" }, shieldtypes.ErrRecipient},
		{"the pool itself", "unshield", 1, func(m *shieldtypes.MsgBundle) {
			m.Recipient = s.App.Accounts.GetModuleAddress(shieldtypes.ModuleName).String()
		}, shieldtypes.ErrRecipient},
		{"nothing", "pay", 1, func(m *shieldtypes.MsgBundle) { m.Bundle = nil }, shieldtypes.ErrMalformed},
		{"cut", "pay", 1, func(m *shieldtypes.MsgBundle) { m.Bundle = m.Bundle[:len(m.Bundle)-1] }, shieldtypes.ErrMalformed},
		{"a byte behind the end", "pay", 1, func(m *shieldtypes.MsgBundle) { m.Bundle = append(m.Bundle, 0) }, shieldtypes.ErrMalformed},
		{"too large", "pay", 1, func(m *shieldtypes.MsgBundle) {
			m.Bundle = append(m.Bundle, make([]byte, bundle.MaxBytes-len(m.Bundle)+1)...)
		}, shieldtypes.ErrTooLarge},
		{"spent before", "shield", 0, func(*shieldtypes.MsgBundle) {}, shieldtypes.ErrNullifier},
	} {
		msg := s.msg(c.bundle)
		msg.Bundle = bytes.Clone(msg.Bundle)
		c.change(msg)
		s.refuses(c.name, c.signer, plenty, msg, c.want)
	}
	// The same messages unchanged are good.
	s.MustBlock(s.Tx(s.Accounts[1], plenty, s.msg("unshield")), s.Tx(s.Accounts[1], plenty, s.msg("shield-b")))
	s.Check()
}

// TestChangedByte changes a bit in each part of a bundle: nothing in it can be
// changed by others.
func TestChangedByte(t *testing.T) {
	s := tell(t, chaintest.Config{})
	raw := s.raw["unshield"]
	const actions = 2
	type part struct {
		name string
		size int
		want []coded
	}
	malformed, invalid, anchor := shieldtypes.ErrMalformed, shieldtypes.ErrInvalidBundle, shieldtypes.ErrAnchor
	point := []coded{invalid, malformed} // not every x is one of a point
	parts := []part{{"number of actions", 1, []coded{malformed}}}
	for range actions {
		parts = append(parts,
			part{"value commitment", 32, point},
			part{"nullifier", 32, []coded{invalid}},
			part{"randomized key", 32, point},
			part{"commitment", 32, []coded{invalid}},
			part{"ephemeral key", 32, point},
			part{"ciphertext", 580, []coded{invalid}},
			part{"outgoing ciphertext", 80, []coded{invalid}})
	}
	proof := 2720 + 2272*actions
	parts = append(parts,
		part{"flags", 1, []coded{invalid, malformed}},
		part{"value balance", 8, []coded{invalid, shieldtypes.ErrPool}},
		part{"anchor", 32, []coded{anchor}},
		part{"length of the proof", 3, []coded{malformed}},
		part{"proof", proof, []coded{invalid, malformed}},
		part{"spend authorisation", 64 * actions, []coded{invalid, malformed}},
		part{"binding signature", 64, []coded{invalid, malformed}})
	at := 0
	for _, p := range parts {
		for _, offset := range []int{at, at + p.size/2} {
			msg := s.msg("unshield")
			msg.Bundle = bytes.Clone(raw)
			msg.Bundle[offset] ^= 1
			r := s.Block(s.Tx(s.Accounts[1], plenty, msg)).TxResults[0]
			if !slices.ContainsFunc(p.want, func(e coded) bool { return e.Codespace() == r.Codespace && e.ABCICode() == r.Code }) {
				t.Errorf("%s, byte %d: code %d of %s: %s", p.name, offset, r.Code, r.Codespace, r.Log)
			}
		}
		at += p.size
	}
	if at != len(raw) {
		t.Errorf("the parts have %d bytes, the bundle %d", at, len(raw))
	}
	s.MustBlock(s.Tx(s.Accounts[1], plenty, s.msg("unshield")))
}

// TestAnchorRules: an anchor must be one that the tree had, and not too old.
func TestAnchorRules(t *testing.T) {
	unknown := begin(t, chaintest.Config{})
	if log := unknown.refuses("another tree's anchor", 1, plenty, unknown.msg("pay"), shieldtypes.ErrAnchor); !strings.Contains(log, "never one") {
		t.Error(log)
	}
	params := types.DefaultParams()
	params.MaxAnchors = 2
	expired := tell(t, chaintest.Config{Params: &params})
	a := expired.Accounts[0]
	for i := range 2 {
		expired.MustBlock(expired.Tx(a, plenty, chaintest.Append(a, kvshard.Node{byte(i + 1)})))
	}
	expired.refuses("an expired anchor", 1, plenty, expired.msg("pay"), shieldtypes.ErrAnchor)

	// A bundle whose anchor is the empty tree's root may only shield.
	empty := begin(t, chaintest.Config{})
	msg := empty.msg("shield-b")
	b := chaintest.Must(bundle.Parse(msg.Bundle))(t)
	root := chaintest.Must(kvshard.EmptyRoot(kvshard.Depth))(t)
	if kvshard.Node(b.Anchor) != root {
		t.Fatalf("anchor %x", b.Anchor)
	}
	flags := bytes.LastIndex(msg.Bundle, root[:]) - 9
	spends := bytes.Clone(msg.Bundle)
	spends[flags] |= 1
	if !chaintest.Must(bundle.Parse(spends))(t).SpendsEnabled {
		t.Fatal("byte", flags, "is not the flags")
	}
	msg.Bundle = spends
	if log := empty.refuses("spends of an empty tree", 1, plenty, msg, shieldtypes.ErrAnchor); !strings.Contains(log, "without notes") {
		t.Error(log)
	}
}

// TestReplay spends a note twice: in a transaction, in a block, in two blocks.
func TestReplay(t *testing.T) {
	for executor, options := range executors {
		t.Run(executor, func(t *testing.T) {
			s := tell(t, chaintest.Config{Options: options})
			a := s.Accounts[1]
			twice := s.Block(s.Tx(a, plenty, s.msg("pay"), s.msg("unshield"))).TxResults[0]
			fails(t, "in a transaction", shieldtypes.ErrNullifier, twice.Codespace, twice.Code, twice.Log)
			if value, _ := s.pool(); value != shieldedValue {
				t.Errorf("the pool is worth %d", value)
			}
			same := s.Block(s.Tx(a, plenty, s.msg("shield-b"), s.msg("shield-b"))).TxResults[0]
			fails(t, "the same in a transaction", shieldtypes.ErrNullifier, same.Codespace, same.Code, same.Log)

			block := s.Block(s.Tx(a, plenty, s.msg("pay")), s.Tx(a, plenty, s.msg("unshield"))).TxResults
			if block[0].Code != 0 {
				t.Fatal(block[0].Log)
			}
			fails(t, "in a block", shieldtypes.ErrNullifier, block[1].Codespace, block[1].Code, block[1].Log)
			s.refuses("in another block", 1, plenty, s.msg("unshield"), shieldtypes.ErrNullifier)
			s.refuses("the same in another block", 1, plenty, s.msg("pay"), shieldtypes.ErrNullifier)
			s.Reopen()
			s.MustBlock() // CheckTx has a height from here on
			s.refuses("after a restart", 1, plenty, s.msg("unshield"), shieldtypes.ErrNullifier)
			s.Check()
		})
	}
}

// TestCheapFirst: whatever can be refused without the proof is refused without
// it, above all what is not paid for.
func TestCheapFirst(t *testing.T) {
	s := tell(t, chaintest.Config{MinGasPrices: "1stake"})
	a := s.Accounts[1]
	before := s.App.Shield.Verifications()
	const gas = 1_000_000
	r := s.CheckTx(s.SignWithFee(a, gas, gas-1, s.msg("pay")), abci.CheckTxType_New)
	fails(t, "a fee below the node's price", sdkerrors.ErrInsufficientFee, r.Codespace, r.Code, r.Log)
	r = s.CheckTx(s.SignWithFee(a, gas, 1e18, s.msg("pay")), abci.CheckTxType_New)
	fails(t, "a fee that the sender does not have", sdkerrors.ErrInsufficientFunds, r.Codespace, r.Code, r.Log)
	block := s.Block(s.SignWithFee(a, gas, 1e18, s.msg("pay"))).TxResults[0]
	fails(t, "the same in a block", sdkerrors.ErrInsufficientFunds, block.Codespace, block.Code, block.Log)
	stranger := *s.Accounts[2]
	stranger.Number, stranger.Key = a.Number, s.Accounts[0].Key
	r = s.CheckTx(s.SignWithFee(&stranger, gas, gas, s.msg("pay")), abci.CheckTxType_New)
	if r.Code == 0 {
		t.Error("another's signature is taken")
	}
	low := uint64(200_000)
	r = s.CheckTx(s.SignWithFee(a, low, int64(low), s.msg("pay")), abci.CheckTxType_New)
	fails(t, "gas that does not suffice", sdkerrors.ErrOutOfGas, r.Codespace, r.Code, r.Log)
	if !strings.Contains(r.Log, "bundle verification") {
		t.Error(r.Log)
	}
	balance := s.Balance(a.Address())
	block = s.Block(s.SignWithFee(a, low, int64(low), s.msg("pay"))).TxResults[0]
	a.Sequence++
	fails(t, "the same in a block", sdkerrors.ErrOutOfGas, block.Codespace, block.Code, block.Log)
	if paid := balance - s.Balance(a.Address()); paid != int64(low) {
		t.Errorf("a transaction out of gas paid %d", paid)
	}
	if n := s.App.Shield.Verifications() - before; n != 0 {
		t.Errorf("%d bundles were verified", n)
	}

	// A bad proof in a block costs its fee.
	msg := s.msg("pay")
	msg.Bundle = bytes.Clone(msg.Bundle)
	msg.Bundle[len(msg.Bundle)/2] ^= 1
	balance = s.Balance(a.Address())
	block = s.Block(s.SignWithFee(a, gas, gas, msg)).TxResults[0]
	a.Sequence++
	fails(t, "a bad proof", shieldtypes.ErrInvalidBundle, block.Codespace, block.Code, block.Log)
	if paid := balance - s.Balance(a.Address()); paid != gas {
		t.Errorf("a bad proof paid %d", paid)
	}
}

// TestVerifiedOnce: what CheckTx has verified, the block finds in the cache, for
// the same gas. A transaction that is checked again or simulated verifies nothing.
func TestVerifiedOnce(t *testing.T) {
	var gas []int64
	for _, checked := range []bool{false, true} {
		s := tell(t, chaintest.Config{})
		a := s.Accounts[1]
		count := func(what string, want int64, f func()) {
			t.Helper()
			before := s.App.Shield.Verifications()
			f()
			if n := s.App.Shield.Verifications() - before; n != want {
				t.Errorf("%s, checked %v: %d verifications, want %d", what, checked, n, want)
			}
		}
		tx := s.Sign(a, plenty, s.msg("pay"))
		var simulated int64
		count("simulation", 0, func() {
			info, _, err := s.App.Simulate(tx)
			chaintest.Must0(t, err)
			simulated = int64(info.GasUsed)
		})
		inBlock := int64(1)
		if checked {
			inBlock = 0
			count("CheckTx", 1, func() {
				if r := s.CheckTx(tx, abci.CheckTxType_New); r.Code != 0 {
					t.Fatal(r.Log)
				}
			})
			count("once more", 0, func() { s.CheckTx(tx, abci.CheckTxType_Recheck) })
		}
		count("block", inBlock, func() { gas = append(gas, s.MustBlock(tx).TxResults[0].GasUsed) })
		a.Sequence++
		if last := gas[len(gas)-1]; simulated < last-200 || simulated > last+200 { // the signature's length
			t.Errorf("a simulation has %d gas, the block %d", simulated, last)
		}
		count("rechecked when it is spent", 0, func() {
			r := s.CheckTx(s.Sign(a, plenty, s.msg("pay")), abci.CheckTxType_Recheck)
			fails(t, "recheck", shieldtypes.ErrNullifier, r.Codespace, r.Code, r.Log)
		})
		bad := s.msg("shield-b")
		bad.Bundle = bytes.Clone(bad.Bundle)
		bad.Bundle[len(bad.Bundle)/2] ^= 1
		count("a bad one, three times", 1, func() {
			for range 2 {
				r := s.CheckTx(s.Sign(a, plenty, bad), abci.CheckTxType_New)
				fails(t, "bad", shieldtypes.ErrInvalidBundle, r.Codespace, r.Code, r.Log)
			}
			r := s.Block(s.Tx(a, plenty, bad)).TxResults[0]
			fails(t, "bad", shieldtypes.ErrInvalidBundle, r.Codespace, r.Code, r.Log)
		})
	}
	if gas[0] != gas[1] {
		t.Errorf("gas %d without CheckTx, %d behind it", gas[0], gas[1])
	}
}

// TestNestedMessage calls the message as authz or gov do: no ante handler has
// seen it.
func TestNestedMessage(t *testing.T) {
	s := tell(t, chaintest.Config{})
	msg := s.msg("unshield")
	msg.Recipient = s.Accounts[0].Address().String()
	handler := s.App.MsgServiceRouter().Handler(msg)
	ctx := s.Context().WithChainID(chaintest.ChainID).WithExecMode(sdk.ExecModeFinalize)
	if _, err := handler(ctx, msg); !shieldtypes.ErrInvalidBundle.Is(err) {
		t.Errorf("another recipient: %v", err)
	}
	before := ctx.GasMeter().GasConsumed()
	good := s.msg("unshield")
	if _, err := handler(ctx, good); err != nil {
		t.Error(err)
	}
	if used := ctx.GasMeter().GasConsumed() - before; used < shieldtypes.DefaultParams().Gas(2) {
		t.Errorf("%d gas", used)
	}
	if _, err := handler(ctx, good); !shieldtypes.ErrNullifier.Is(err) {
		t.Errorf("the same once more: %v", err)
	}
}

// TestOtherChain brings a bundle to a chain with another id.
func TestOtherChain(t *testing.T) {
	s := tell(t, chaintest.Config{})
	for id, want := range map[string]coded{chaintest.ChainID: nil, "shieldchain-other": shieldtypes.ErrInvalidBundle, "": shieldtypes.ErrInvalidBundle} {
		err := s.App.Shield.Verify(s.Context().WithChainID(id).WithExecMode(sdk.ExecModeFinalize), s.msg("pay"))
		if (want == nil) != (err == nil) || (err != nil && !shieldtypes.ErrInvalidBundle.Is(err)) {
			t.Errorf("chain %q: %v", id, err)
		}
	}
}

// TestValueRules: the pool gives no more than it has, and takes no more than the
// sender has.
func TestValueRules(t *testing.T) {
	s := tell(t, chaintest.Config{})
	ctx := s.Context().WithChainID(chaintest.ChainID).WithExecMode(sdk.ExecModeFinalize)
	ctx.KVStore(s.App.StoreKey(shieldtypes.StoreKey)).Set([]byte{3}, binary.BigEndian.AppendUint64(nil, unshieldedValue-1))
	if _, _, err := s.App.Shield.Accept(ctx, s.msg("unshield")); !shieldtypes.ErrPool.Is(err) {
		t.Errorf("more than the pool has: %v", err)
	}
	if message, broken := s.App.Shield.Invariant(ctx); !broken || !strings.Contains(message, "249999stake") {
		t.Errorf("a pool that is not what its account has: %s", message)
	}

	// Account 1 gives all but 499 coins away.
	a := s.Accounts[1]
	rest := sdk.NewInt64Coin(sdk.DefaultBondDenom, s.Balance(a.Address())-smallValue+1)
	s.MustBlock(s.Tx(a, plenty, banktypes.NewMsgSend(a.Address(), s.Accounts[0].Address(), sdk.NewCoins(rest))))
	s.refuses("a sender without the coins", 1, plenty, s.msg("shield-b"), sdkerrors.ErrInsufficientFunds)

	// Nobody can pay into the pool without a note.
	pool := s.App.Accounts.GetModuleAddress(shieldtypes.ModuleName)
	r := s.Block(s.Tx(a, plenty, banktypes.NewMsgSend(a.Address(), pool, sdk.NewCoins(sdk.NewInt64Coin(sdk.DefaultBondDenom, 1))))).TxResults[0]
	fails(t, "a gift", sdkerrors.ErrUnauthorized, r.Codespace, r.Code, r.Log)
	s.Check()
}

// TestShieldParams: the authority sets them, but never the coin.
func TestShieldParams(t *testing.T) {
	s := tell(t, chaintest.Config{})
	authority, other := s.Accounts[0], s.Accounts[1]
	set := func(a *chaintest.Account, change func(p *shieldtypes.Params)) *abci.ExecTxResult {
		msg := &shieldtypes.MsgUpdateParams{Authority: a.Address().String(), Params: shieldtypes.DefaultParams()}
		change(&msg.Params)
		return s.Block(s.Tx(a, plenty, msg)).TxResults[0]
	}
	if r := set(other, func(*shieldtypes.Params) {}); r.Code == 0 {
		t.Error("anyone may change parameters")
	}
	for name, change := range map[string]func(p *shieldtypes.Params){
		"another coin":     func(p *shieldtypes.Params) { p.Denom = "other" },
		"no coin":          func(p *shieldtypes.Params) { p.Denom = "" },
		"no actions":       func(p *shieldtypes.Params) { p.MaxActions = 0 },
		"too many actions": func(p *shieldtypes.Params) { p.MaxActions = bundle.MaxActions + 1 },
		"a huge price":     func(p *shieldtypes.Params) { p.GasPerBundle = 1<<32 + 1 },
		"another":          func(p *shieldtypes.Params) { p.GasPerAction = 1<<32 + 1 },
	} {
		r := set(authority, change)
		fails(t, name, shieldtypes.ErrInvalidParams, r.Codespace, r.Code, r.Log)
	}
	r := set(authority, func(p *shieldtypes.Params) { p.MaxActions = 1 })
	if r.Code != 0 {
		t.Fatal(r.Log)
	}
	s.refuses("two actions where one is allowed", 1, plenty, s.msg("pay"), shieldtypes.ErrTooLarge)
	free := uint64(0)
	for _, price := range []uint64{0, 1000} {
		if r := set(authority, func(p *shieldtypes.Params) { p.GasPerBundle, p.GasPerAction = 100*price, price }); r.Code != 0 {
			t.Fatal(r.Log)
		}
		info, _, err := s.App.Simulate(s.Sign(other, plenty, s.msg("pay")))
		chaintest.Must0(t, err)
		if price == 0 {
			free = info.GasUsed
		} else if charged := info.GasUsed - free; charged < 102*price || charged > 102*price+400 { // the parameters' record is longer
			t.Errorf("a price of %d and 100 times that charges %d", price, charged)
		}
	}
}

// TestShieldGenesis exports a chain and starts another one with it: the notes
// that were spent stay spent, the others can be spent, the coins are there.
func TestShieldGenesis(t *testing.T) {
	import_ := func(t *testing.T, s *story) *story {
		exported := chaintest.Must(s.App.Export(false, nil))(t)
		chain := chaintest.New(t, chaintest.Config{State: exported.AppState, From: s.Chain, InitialHeight: exported.Height})
		again := &story{Chain: chain, raw: s.raw}
		again.MustBlock() // commits genesis
		chaintest.SameDump(t, "pool", s.DumpOf(shieldtypes.StoreKey), again.DumpOf(shieldtypes.StoreKey))
		again.Check()
		return again
	}
	s := tell(t, chaintest.Config{})
	unspent := import_(t, s)
	unspent.refuses("the shield again", 0, plenty, s.msg("shield"), shieldtypes.ErrNullifier)
	unspent.MustBlock(unspent.Tx(unspent.Accounts[1], plenty, unspent.msg("unshield")))
	if value, escrow := unspent.pool(); value != shieldedValue-unshieldedValue || escrow != fmt.Sprint(value) {
		t.Errorf("the pool is worth %d and has %s", value, escrow)
	}
	spent := import_(t, unspent)
	spent.refuses("spent before the export", 1, plenty, spent.msg("pay"), shieldtypes.ErrNullifier)

	exported := chaintest.Must(spent.App.Export(false, nil))(t)
	var state map[string]json.RawMessage
	chaintest.Must0(t, json.Unmarshal(exported.AppState, &state))
	for name, change := range map[string]func(g *shieldtypes.GenesisState){
		"a coin too many in the pool": func(g *shieldtypes.GenesisState) { g.Pool++ },
		"an empty pool":               func(g *shieldtypes.GenesisState) { g.Pool = 0 },
		"nullifiers out of order":     func(g *shieldtypes.GenesisState) { slices.Reverse(g.Nullifiers) },
		"a nullifier twice":           func(g *shieldtypes.GenesisState) { g.Nullifiers[1] = g.Nullifiers[0] },
		"a short nullifier": func(g *shieldtypes.GenesisState) {
			g.Nullifiers[1].Nullifier = g.Nullifiers[1].Nullifier[:31]
		},
		"no nullifier": func(g *shieldtypes.GenesisState) { g.Nullifiers[0].Nullifier = nil },
		"no coin":      func(g *shieldtypes.GenesisState) { g.Params.Denom = "" },
		"another coin": func(g *shieldtypes.GenesisState) { g.Params.Denom = "other" },
		"no actions":   func(g *shieldtypes.GenesisState) { g.Params.MaxActions = 0 },
	} {
		var g shieldtypes.GenesisState
		s.App.Codec().MustUnmarshalJSON(state[shieldtypes.ModuleName], &g)
		change(&g)
		changed := map[string]json.RawMessage{}
		for module, text := range state {
			changed[module] = text
		}
		changed[shieldtypes.ModuleName] = s.App.Codec().MustMarshalJSON(&g)
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "x/shield: genesis") {
					t.Errorf("%s: %v", name, r)
				}
			}()
			chaintest.New(t, chaintest.Config{State: chaintest.Must(json.Marshal(changed))(t), From: spent.Chain, InitialHeight: exported.Height})
		}()
	}
}

// TestBundlesBesideOthers fills blocks with bundles, good and bad, and with plain
// appends. One by one and under block-STM the results and hashes are the same.
func TestBundlesBesideOthers(t *testing.T) {
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		t.Run(mode.String(), func(t *testing.T) {
			var results [2][]string
			for e, executor := range []string{"sequential", "block-stm"} {
				s := begin(t, chaintest.Config{Accounts: 8, Params: withMode(mode), Options: executors[executor]})
				record := func(r *abci.ResponseFinalizeBlock) {
					for _, tx := range r.TxResults {
						results[e] = append(results[e], fmt.Sprintf("%d %s %d %x", tx.Code, tx.Codespace, tx.GasUsed, tx.Data))
					}
					results[e] = append(results[e], fmt.Sprintf("%x", r.AppHash))
				}
				others := func() (txs [][]byte) {
					for i, a := range s.Accounts[3:] {
						txs = append(txs, s.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 3)...)))
					}
					return txs
				}
				record(s.Block(s.Tx(s.Accounts[0], plenty, s.msg("shield"))))
				bad := s.msg("unshield")
				bad.Recipient = s.Accounts[7].Address().String()
				txs := others()
				txs = slices.Insert(txs, 1, s.Tx(s.Accounts[1], plenty, bad))
				txs = slices.Insert(txs, 3, s.Tx(s.Accounts[1], plenty, s.msg("unshield")), s.Tx(s.Accounts[1], plenty, s.msg("pay")))
				txs = append(txs, s.Tx(s.Accounts[1], 150_000, s.msg("shield-b")), s.Tx(s.Accounts[1], plenty, s.msg("shield-b")))
				record(s.Block(txs...))
				s.Check()
			}
			if !slices.Equal(results[0], results[1]) {
				t.Errorf("one by one\n%s\nblock-STM\n%s", strings.Join(results[0], "\n"), strings.Join(results[1], "\n"))
			}
			var codes []string
			for _, r := range results[0] {
				if code, _, ok := strings.Cut(r, " "); ok {
					codes = append(codes, code)
				}
			}
			// shield; append, bad, append, unshield, pay again, 3 appends, out of gas, shield-b
			if want := []string{"0", "0", "7", "0", "0", "6", "0", "0", "0", "11", "0"}; !slices.Equal(codes, want) {
				t.Errorf("codes %v, want %v", codes, want)
			}
		})
	}
}
