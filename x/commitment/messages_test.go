package commitment_test

import (
	"bytes"
	"encoding/json"
	"testing"

	clienttx "github.com/cosmos/cosmos-sdk/client/tx"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	xauthsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/testutil"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestAmino: what a hardware wallet signs is each message as amino writes it, and a chain
// takes a transaction that is signed so.
func TestAmino(t *testing.T) {
	c := testutil.New(t, testutil.Config{})
	a := c.Accounts[0]
	params := types.DefaultParams()
	params.RetainEvery = 7
	for _, message := range []sdk.Msg{
		appendOf(a, leaves(0, 2)...),
		&types.MsgUpdateParams{Authority: a.Address(), Params: params},
	} {
		builder := c.TxConfig.NewTxBuilder()
		testutil.Must0(t, builder.SetMsgs(message))
		text := testutil.Must(xauthsigning.GetSignBytesAdapter(t.Context(), c.TxConfig.SignModeHandler(), signing.SignMode_SIGN_MODE_LEGACY_AMINO_JSON,
			signerOf(a), builder.GetTx()))(t)
		legacy := sorted(t, testutil.Must(c.Amino.MarshalJSON(message))(t))
		if !bytes.Contains(text, legacy) {
			t.Errorf("amino has %s, and what is signed is %s", legacy, text)
		}
	}
	if r := c.Block(signAmino(t, c, a, appendOf(a, leaves(0, 2)...))); r.TxResults[0].Code != 0 {
		t.Errorf("a transaction signed as amino JSON: %v", r.TxResults[0])
	}
}

// sorted writes JSON with its keys in order, as it is signed.
func sorted(t *testing.T, text []byte) []byte {
	t.Helper()
	var value any
	testutil.Must0(t, json.Unmarshal(text, &value))
	return testutil.Must(json.Marshal(value))(t)
}

func signerOf(a *testutil.Account) xauthsigning.SignerData {
	return xauthsigning.SignerData{Address: a.Address(), ChainID: testutil.ChainID, AccountNumber: a.Number, Sequence: a.Sequence, PubKey: a.Key.PubKey()}
}

func signAmino(t *testing.T, c *testutil.Chain, a *testutil.Account, message sdk.Msg) []byte {
	t.Helper()
	const mode = signing.SignMode_SIGN_MODE_LEGACY_AMINO_JSON
	builder := c.TxConfig.NewTxBuilder()
	testutil.Must0(t, builder.SetMsgs(message))
	builder.SetGasLimit(testutil.Gas)
	testutil.Must0(t, builder.SetSignatures(signing.SignatureV2{PubKey: a.Key.PubKey(), Data: &signing.SingleSignatureData{SignMode: mode}, Sequence: a.Sequence}))
	signature := testutil.Must(clienttx.SignWithPrivKey(t.Context(), mode, signerOf(a), builder, a.Key, c.TxConfig, a.Sequence))(t)
	testutil.Must0(t, builder.SetSignatures(signature))
	a.Sequence++
	return testutil.Must(c.TxConfig.TxEncoder()(builder.GetTx()))(t)
}

// TestAuthority: the parameters are the authority's, x/gov's account unless the
// configuration names another.
func TestAuthority(t *testing.T) {
	c := testutil.New(t, testutil.Config{})
	c.MustBlock() // commits genesis
	ctx, server := c.Context(), keeper.NewMsgServer(c.Keeper)
	params := types.DefaultParams()
	params.GasPerHash = 7
	if _, err := server.UpdateParams(ctx, &types.MsgUpdateParams{Authority: c.Accounts[0].Address(), Params: params}); err == nil {
		t.Error("anyone may change parameters")
	}
	gov := authtypes.NewModuleAddress("gov").String()
	if _, err := server.UpdateParams(ctx, &types.MsgUpdateParams{Authority: gov}); err == nil {
		t.Error("unsound parameters are taken")
	}
	testutil.Must(server.UpdateParams(ctx, &types.MsgUpdateParams{Authority: gov, Params: params}))(t)
	got := testutil.Must(keeper.NewQueryServer(c.Keeper).Params(ctx, &types.QueryParamsRequest{}))(t)
	if got.Params != params {
		t.Errorf("the parameters are %v", got.Params)
	}
}
