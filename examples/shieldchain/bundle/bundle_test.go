package bundle_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
)

// A fixture is a bundle of testdata, which the Rust tests write, with what it does.
type fixture struct {
	raw, bound []byte
	want       bundle.Bundle
}

func fixtures(t *testing.T) map[string]fixture {
	t.Helper()
	out := map[string]fixture{}
	for _, name := range []string{"shield", "spend"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name+".bundle"))
		if err != nil {
			t.Fatal(err)
		}
		var told struct {
			ChainID        string `json:"chain_id"`
			Sender         string `json:"sender"`
			Recipient      string `json:"recipient"`
			Anchor         string `json:"anchor"`
			ValueBalance   int64  `json:"value_balance"`
			SpendsEnabled  bool   `json:"spends_enabled"`
			OutputsEnabled bool   `json:"outputs_enabled"`
			Actions        []struct {
				Nullifier    string `json:"nullifier"`
				Commitment   string `json:"commitment"`
				EphemeralKey string `json:"ephemeral_key"`
				Ciphertext   string `json:"ciphertext"`
			} `json:"actions"`
		}
		readJSON(t, name+".json", &told)
		want := bundle.Bundle{
			ValueBalance:   told.ValueBalance,
			SpendsEnabled:  told.SpendsEnabled,
			OutputsEnabled: told.OutputsEnabled,
		}
		unhex(t, want.Anchor[:], told.Anchor)
		for _, a := range told.Actions {
			var action bundle.Action
			unhex(t, action.Nullifier[:], a.Nullifier)
			unhex(t, action.Commitment[:], a.Commitment)
			unhex(t, action.EphemeralKey[:], a.EphemeralKey)
			unhex(t, action.Ciphertext[:], a.Ciphertext)
			want.Actions = append(want.Actions, action)
		}
		out[name] = fixture{raw, bundle.Bound(told.ChainID, told.Sender, told.Recipient), want}
	}
	return out
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, into []byte, text string) {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(into) {
		t.Fatalf("%q: %v", text, err)
	}
	copy(into, b)
}

func TestBundlesAreAccepted(t *testing.T) {
	for name, f := range fixtures(t) {
		got, err := bundle.Parse(f.raw)
		if err != nil {
			t.Fatal(name, err)
		}
		if !reflect.DeepEqual(*got, f.want) {
			t.Errorf("%s: got %+v, want %+v", name, *got, f.want)
		}
		if err := bundle.Verify(f.raw, f.bound); err != nil {
			t.Error(name, err)
		}
	}
}

// TestBound reads the vectors that the Rust tests read too.
func TestBound(t *testing.T) {
	var vectors []struct {
		ChainID   string `json:"chain_id"`
		Sender    string `json:"sender"`
		Recipient string `json:"recipient"`
		Bound     string `json:"bound"`
	}
	readJSON(t, "bound.json", &vectors)
	if len(vectors) < 4 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		if got := hex.EncodeToString(bundle.Bound(v.ChainID, v.Sender, v.Recipient)); got != v.Bound {
			t.Errorf("%+v: got %s", v, got)
		}
	}
}

func TestWrongBundlesAreRefused(t *testing.T) {
	f := fixtures(t)["spend"]
	changed := func(at int, bit byte) []byte {
		b := append([]byte(nil), f.raw...)
		b[at] ^= bit
		return b
	}
	for name, c := range map[string]struct {
		raw, bound []byte
		want       error
		text       string
	}{
		"another bound":      {f.raw, f.bound[:len(f.bound)-1], bundle.ErrInvalid, "spend authorisation"},
		"no bound":           {f.raw, nil, bundle.ErrInvalid, "spend authorisation"},
		"a changed proof":    {changed(5000, 1), f.bound, bundle.ErrInvalid, "the proof is wrong"},
		"a changed note":     {changed(600, 1), f.bound, bundle.ErrInvalid, "spend authorisation of action 0"},
		"a changed last bit": {changed(len(f.raw)-1, 1), f.bound, bundle.ErrInvalid, "the binding signature"},
		"nothing":            {nil, f.bound, bundle.ErrMalformed, "no bytes"},
		"a zero":             {[]byte{0}, f.bound, bundle.ErrMalformed, "no actions"},
		"cut":                {f.raw[:len(f.raw)-1], f.bound, bundle.ErrMalformed, ""},
		"trailing bytes":     {append(changed(0, 0), 7), f.bound, bundle.ErrMalformed, "1 bytes behind the bundle"},
		"too many actions":   {append([]byte{bundle.MaxActions + 1}, make([]byte, bundle.MaxBytes)...), f.bound, bundle.ErrMalformed, "more than 16 actions"},
		"too many bytes":     {append([]byte{bundle.MaxActions}, make([]byte, bundle.MaxBytes)...), f.bound, bundle.ErrMalformed, "53326 bytes, the most are 53325"},
		"a wrong field":      {append([]byte{2}, make([]byte, 9000)...), f.bound, bundle.ErrMalformed, ""},
	} {
		for range 2 { // the same answer each time
			err := bundle.Verify(c.raw, c.bound)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: Verify: %v, want %v with %q", name, err, c.want, c.text)
			}
		}
		_, err := bundle.Parse(c.raw)
		if want := errors.Is(c.want, bundle.ErrMalformed); errors.Is(err, bundle.ErrMalformed) != want {
			t.Errorf("%s: Parse: %v", name, err)
		}
	}
}

// TestGoroutines: right and wrong bundles at the same time keep their answers.
func TestGoroutines(t *testing.T) {
	all := fixtures(t)
	var group sync.WaitGroup
	for range 4 {
		for _, f := range all {
			group.Go(func() {
				bundle.Warm()
				for range 3 {
					if err := bundle.Verify(f.raw, f.bound); err != nil {
						t.Error(err)
					}
					if err := bundle.Verify(f.raw, f.bound[1:]); !errors.Is(err, bundle.ErrInvalid) {
						t.Error(err)
					}
					if got, err := bundle.Parse(f.raw); err != nil || !reflect.DeepEqual(*got, f.want) {
						t.Error(got, err)
					}
				}
			})
		}
	}
	group.Wait()
}

func BenchmarkParse(b *testing.B) {
	raw, err := os.ReadFile("testdata/spend.bundle")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := bundle.Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	raw, err := os.ReadFile("testdata/spend.bundle")
	if err != nil {
		b.Fatal(err)
	}
	bound := bundle.Bound("shieldchain-1", "cosmos1qyqszqgpqyqszqgpqyqszqgpqyqszqgpjnp7du", "cosmos1qgpqyqszqgpqyqszqgpqyqszqgpqyqszrh8mx2")
	bundle.Warm()
	for b.Loop() {
		if err := bundle.Verify(raw, bound); err != nil {
			b.Fatal(err)
		}
	}
}
