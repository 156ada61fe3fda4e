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
	kinds := map[RecordKind]bool{}
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
		named := ParseRecordKey(want)
		if named.String() != name {
			t.Errorf("%x is named %q, want %q", want, named, name)
		}
		if got := named.Key(); !bytes.Equal(got, want) {
			t.Errorf("%s is %x, want %x", name, got, want)
		}
		if got := nameOf(t, name); got != named {
			t.Errorf("%x is %+v, want %+v", want, named, got)
		}
		if !bytes.HasPrefix(want, named.Kind.KeyPrefix()) {
			t.Errorf("%s does not begin with %x", name, named.Kind.KeyPrefix())
		}
		if start, end := KeyRange(nil); bytes.Compare(want, start) < 0 || bytes.Compare(want, end) >= 0 {
			t.Errorf("%s is not between %x and %x", name, start, end)
		}
		kinds[named.Kind] = true
	}
	for _, kind := range RecordKinds() {
		if !kinds[kind] {
			t.Errorf("the list has no %s", kind)
		}
	}
	if len(kinds) != 11 || len(RecordKinds()) != 11 {
		t.Errorf("the list has %d kinds of keys, the package %d, want all 11", len(kinds), len(RecordKinds()))
	}
}

// nameOf reads a name of the list.
func nameOf(t *testing.T, text string) RecordName {
	t.Helper()
	kind, args, _ := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	var a, b uint64
	if args != "" {
		if n, err := fmt.Sscanf(args, "%d,%d", &a, &b); n == 0 {
			t.Fatalf("%s: %v", text, err)
		}
	}
	switch kind {
	case "shard":
		return RecordName{Kind: KindShard, Index: a}
	case "cap":
		return RecordName{Kind: KindCap}
	case "checkpoint":
		return RecordName{Kind: KindCheckpoint, Checkpoint: uint32(a)}
	case "retained":
		return RecordName{Kind: KindRetained, Checkpoint: uint32(a)}
	case "tip":
		return RecordName{Kind: KindTip}
	case "summary":
		return RecordName{Kind: KindSummary}
	case "prunable":
		return RecordName{Kind: KindPrunable, Checkpoint: uint32(a)}
	case "removed":
		return RecordName{Kind: KindRemoved, Checkpoint: uint32(a), Position: b}
	case "removals":
		return RecordName{Kind: KindRemovals, Position: a}
	case "retained_cut":
		return RecordName{Kind: KindRetainedCut, Position: a}
	case "quad":
		return RecordName{Kind: KindQuad, Level: uint8(a), Index: b}
	default:
		t.Fatalf("unknown kind of key %q", text)
		return RecordName{}
	}
}

func TestOtherKeysHaveNoName(t *testing.T) {
	for _, key := range [][]byte{
		nil, {}, {0x0E}, {0x16}, {keyShard}, {keyCap, 0}, {keyCheckpoint, 1, 2, 3},
		{keyRetained, 1, 2, 3, 4, 5}, {keyTip, 0}, {keySummary, 0}, {keySummary, keyPrunable}, {keySummary, 5, 0, 0, 0, 0}, {keyQuad, 5},
	} {
		if name := ParseRecordKey(key); name != (RecordName{}) || name.String() != "" || name.Key() != nil {
			t.Errorf("%x is named %q", key, name)
		}
	}
	for _, kind := range []RecordKind{0, KindQuad + 1, 255} {
		if kind.String() != "" || kind.KeyPrefix() != nil || (RecordName{Kind: kind}).Key() != nil {
			t.Errorf("the kind %d is %q", uint8(kind), kind)
		}
	}
}
