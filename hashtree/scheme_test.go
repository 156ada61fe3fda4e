package hashtree_test

import (
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

// A goHash is a built-in scheme's hash, called from Go.
type goHash struct{ scheme *hashtree.Scheme }

func (h goHash) CombineBatch(level int, children, parents []hashtree.Node) error {
	combined, err := h.scheme.CombineBatch(level, children)
	copy(parents, combined)
	return err
}

func (goHash) Canonical(leaf hashtree.Node) bool { return leaf[31] < 0x40 }

// The name that the engine has for the built-in scheme is the one that the rule
// gives: a tree that one of them made is the other's.
func TestBuiltInSchemeIsNamedByTheRule(t *testing.T) {
	both := schemes(t)
	built, ours := both["built in"], both["a Hasher"]
	if built.Fingerprint() != ours.Fingerprint() {
		t.Errorf("%x, and the rule gives %x", built.Fingerprint(), ours.Fingerprint())
	}
	kv := kvtest.Strict(t)
	tree, err := hashtree.Open(kv, ours)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Append(hashtree.Node{2}); err != nil {
		t.Fatal(err)
	}
	record, _, err := kvshard.ReadRecord(kv, kvshard.RecordName{Kind: kvshard.KindTip})
	if err != nil {
		t.Fatal(err)
	}
	if tip, err := record.Tip(); err != nil || tip.Scheme != ours.Fingerprint() {
		t.Errorf("the tip names the scheme %x, %v, and it is %x", tip.Scheme, err, ours.Fingerprint())
	}
	want, err := tree.Root()
	if err != nil {
		t.Fatal(err)
	}
	again, err := hashtree.Open(kv, built)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Root(); err != nil || got != want {
		t.Fatalf("root %s, %v; want %s", got, err, want)
	}
}
