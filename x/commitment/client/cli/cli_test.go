package cli

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestParseBytes: what a query prints, in base64, and what kvshard prints, in hex, are the
// same 32 bytes. Nothing else is taken.
func TestParseBytes(t *testing.T) {
	want := strings.Repeat("\x01\xfe", 16)
	for _, text := range []string{base64.StdEncoding.EncodeToString([]byte(want)), hex.EncodeToString([]byte(want)), strings.ToUpper(hex.EncodeToString([]byte(want)))} {
		if got, err := ParseBytes(text); err != nil || string(got) != want {
			t.Errorf("%s: %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "01", hex.EncodeToString([]byte(want))[:62], hex.EncodeToString([]byte(want + "\x00")),
		base64.StdEncoding.EncodeToString([]byte(want[:31])), base64.RawURLEncoding.EncodeToString([]byte(want)), "no bytes"} {
		if got, err := ParseBytes(text); err == nil || !strings.Contains(err.Error(), "32 bytes in base64 or hex") {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
}

// TestReadCommitments: both forms, any white space; an error names the file and the
// commitment's number.
func TestReadCommitments(t *testing.T) {
	name := filepath.Join(t.TempDir(), "commitments")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one := strings.Repeat("01", 32)
	write("\n" + one + "\t" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x02", 32))) + "\r\n\n" + one)
	if got, err := readCommitments(name); err != nil || len(got) != 3 || got[0][31] != 1 || got[1][0] != 2 {
		t.Errorf("%x, %v", got, err)
	}
	write(one + "\n" + one[1:])
	if _, err := readCommitments(name); err == nil || !strings.Contains(err.Error(), name+": number 1: ") {
		t.Errorf("a digit too few: %v", err)
	}
	if _, err := readCommitments(name + "?"); err == nil {
		t.Error("no file")
	}
}
