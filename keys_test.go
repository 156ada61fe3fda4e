package kvshard

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestKeys holds keys.go to the list that rust/src/keys.rs is held to.
func TestKeys(t *testing.T) {
	data, err := os.ReadFile("testdata/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, digits, _ := strings.Cut(line, " ")
		want, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got := keyOf(t, name); string(got) != string(want) {
			t.Errorf("%s is %x, want %x", name, got, want)
		}
		if start, end := KeyRange(nil); bytes.Compare(want, start) < 0 || bytes.Compare(want, end) >= 0 {
			t.Errorf("%s is not between %x and %x", name, start, end)
		}
		if got := keyName(want); got != name {
			t.Errorf("%x is named %q, want %q", want, got, name)
		}
		kind, _, _ := strings.Cut(name, "(")
		kinds[kind] = true
	}
	if len(kinds) != 11 {
		t.Errorf("the list has %d kinds of keys, want all 11", len(kinds))
	}
}

func keyOf(t *testing.T, name string) []byte {
	t.Helper()
	kind, args, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	var a, b uint64
	if args != "" {
		if n, err := fmt.Sscanf(args, "%d,%d", &a, &b); n == 0 {
			t.Fatalf("%s: %v", name, err)
		}
	}
	switch kind {
	case "shard":
		return shardKey(a)
	case "cap":
		return capKey()
	case "checkpoint":
		return checkpointKey(uint32(a))
	case "retained":
		return retainedKey(uint32(a))
	case "tip":
		return tipKey()
	case "summary":
		return summaryKey()
	case "prunable":
		return prunableKey(uint32(a))
	case "removed":
		return removedKey(uint32(a), b)
	case "removals":
		return removalsKey(a)
	case "retained_cut":
		return retainedCutKey(a)
	case "quad":
		return quadKey(uint8(a), b)
	default:
		t.Fatalf("unknown kind of key %q", name)
		return nil
	}
}

func TestKeyNameOfForeignKeys(t *testing.T) {
	for _, key := range [][]byte{
		nil, {}, {0x0E}, {0x16}, {keyShard}, {keyCap, 0}, {keyCheckpoint, 1, 2, 3},
		{keyRetained, 1, 2, 3, 4, 5}, {keyTip, 0}, {keySummary, 0}, {keySummary, keyPrunable}, {keySummary, 5, 0, 0, 0, 0}, {keyQuad, 5},
	} {
		if got := keyName(key); got != "" {
			t.Errorf("%x is named %q", key, got)
		}
	}
}
