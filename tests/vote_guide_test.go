package tests

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/votedata"
	"github.com/kvshard/kvshard/kvtest"
)

// The code of docs/votetree.md. TestVoteGuideIsCode compares the document with it;
// the other tests run it.

// openRound opens a round's tree. It reads nothing.
func openRound(kv store.KVStore, roundID []byte) (*hashtree.Tree, error) {
	return hashtree.Open(kv, hashtree.VotePoseidon(),
		kvshard.WithPrefix(append([]byte{0x14}, roundID...)), // types.RoundTreeKey(roundID)
		kvshard.WithMaxCheckpoints(1000),
	)
}

// endRound is what EndBlock does with the leaves that a block brought to a round.
func endRound(kv store.KVStore, roundID []byte, leaves []hashtree.Node, height uint32) (root hashtree.Node, err error) {
	tree, err := openRound(kv, roundID)
	if err != nil {
		return root, err
	}
	if len(leaves) == 0 { // an anchor only where there is something new to prove
		return tree.Root()
	}
	if _, err := tree.AppendBatch(leaves); err != nil {
		return root, err
	}
	if err := tree.Checkpoint(height); err != nil {
		return root, err
	}
	return tree.Root()
}

// merklePath returns the 772 bytes that the proofs take: the position, u32 LE, and
// 24 siblings from the leaf up.
func merklePath(tree *hashtree.Tree, position uint64, height uint32) ([]byte, error) {
	witness, err := tree.WitnessAt(position, height)
	if err != nil {
		return nil, err
	}
	path := binary.LittleEndian.AppendUint32(nil, uint32(witness.Position))
	for _, sibling := range witness.Path {
		path = append(path, sibling[:]...)
	}
	return path, nil
}

// singleLeafRoot returns the root of a tree that has only this leaf: 24 hashes, no
// store.
func singleLeafRoot(leaf hashtree.Node) (hashtree.Node, error) {
	scheme := hashtree.VotePoseidon()
	alone := hashtree.Witness{Path: make([]hashtree.Node, scheme.Depth())}
	for level := range alone.Path {
		empty, err := scheme.EmptyRoot(level)
		if err != nil {
			return hashtree.Node{}, err
		}
		alone.Path[level] = empty
	}
	return scheme.WitnessRoot(alone, leaf)
}

// verifyRootFromLeaves hashes all leaves anew, in memory.
func verifyRootFromLeaves(leaves []hashtree.Node, want hashtree.Node) error {
	tree, err := hashtree.Open(dbm.NewMemDB(), hashtree.VotePoseidon())
	if err != nil {
		return err
	}
	if _, err := tree.AppendBatch(leaves); err != nil {
		return err
	}
	switch root, err := tree.Root(); {
	case err != nil:
		return err
	case root != want:
		return fmt.Errorf("%d leaves have the root %s, not %s", len(leaves), root, want)
	}
	return nil
}

// adoptRound takes over the tree of one round. The root is that of the round's
// state, record 06.
func adoptRound(kv store.KVStore, roundID []byte, nextIndex uint64, root hashtree.Node) error {
	if nextIndex == 0 {
		return nil // no leaf yet, no tree
	}
	tree, err := openRound(kv, roundID)
	if err != nil {
		return err
	}
	size, err := tree.Adopt(root)
	if err != nil {
		return fmt.Errorf("round %x: %w", roundID, err)
	}
	if size != nextIndex {
		return fmt.Errorf("round %x: the tree has %d leaves, the state %d", roundID, size, nextIndex)
	}
	return nil
}

// replayRound makes the tree anew from the leaf records: where a genesis brought
// leaves and no shards, or instead of adoptRound once the records 0F to 12 are
// deleted. Earlier checkpoints are gone.
func replayRound(kv store.KVStore, roundID []byte, nextIndex uint64, height uint32) error {
	tree, err := openRound(kv, roundID)
	if err != nil {
		return err
	}
	const batch = 4096 // leaves in memory
	var leaves []hashtree.Node
	for index := range nextIndex {
		key := append(append([]byte{0x14}, roundID...), 0x02) // types.CommitmentLeafKey(roundID, index)
		leaf, err := kv.Get(binary.BigEndian.AppendUint64(key, index))
		if err != nil {
			return err
		}
		if len(leaf) != 32 {
			return fmt.Errorf("round %x: leaf %d has %d bytes", roundID, index, len(leaf))
		}
		leaves = append(leaves, hashtree.Node(leaf))
		if len(leaves) == batch || index == nextIndex-1 {
			if _, err := tree.AppendBatch(leaves); err != nil {
				return err
			}
			leaves = leaves[:0]
		}
	}
	return tree.Checkpoint(height)
}

// TestVoteGuideIsCode finds each block of Go in docs/votetree.md in this file.
func TestVoteGuideIsCode(t *testing.T) {
	guide, err := os.ReadFile("../docs/votetree.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("vote_guide_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(guide), "```go\n")[1:]
	if len(blocks) < 6 {
		t.Errorf("only %d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		block, _, closed := strings.Cut(block, "```")
		if !closed || !strings.Contains(string(code), block) {
			t.Errorf("not in vote_guide_test.go:\n%s", block)
		}
	}
}

// TestVoteGuideAdopts: the migration of the guide, then its paths and blocks.
func TestVoteGuideAdopts(t *testing.T) {
	eachVoteStore(t, func(t *testing.T, s *votedata.Store) {
		if len(s.AllPaths) > 0 {
			t.Skip("TestVoteStoresAdopted has the large ones")
		}
		kv, roundID := fullStore(t, s), s.Prefix[1:]
		newest := s.Checkpoints[len(s.Checkpoints)-1]
		if err := adoptRound(kv, roundID, newest.Size, newest.Root); err != nil {
			t.Fatal(err)
		}
		if err := adoptRound(kv, roundID, newest.Size+1, newest.Root); err == nil {
			t.Error("a wrong number of leaves is taken")
		}
		tree, err := openRound(kv, roundID)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Paths {
			if path, err := merklePath(tree, p.Position, p.Checkpoint); err != nil || string(path) != string(p.Bytes[:]) {
				t.Errorf("path of %d at %d: %v", p.Position, p.Checkpoint, err)
			}
		}
		for _, b := range s.Future {
			if root, err := endRound(kv, roundID, nodesOf(b.Leaves), b.ID); err != nil || root != b.Root {
				t.Fatalf("block %d: %s, %v; want %x", b.ID, root, err, b.Root)
			}
			if root, err := endRound(kv, roundID, nil, b.ID+1); err != nil || root != b.Root {
				t.Fatalf("no leaf after block %d: %s, %v", b.ID, root, err)
			}
		}
		if err := adoptRound(kvtest.Strict(t), roundID, 0, hashtree.Node{}); err != nil {
			t.Errorf("a round without leaves: %v", err)
		}
	})
}

func nodesOf(leaves [][32]byte) []hashtree.Node {
	nodes := make([]hashtree.Node, len(leaves))
	for i, leaf := range leaves {
		nodes[i] = leaf
	}
	return nodes
}

// TestVoteGuideReplays: a tree made anew from the leaf records has the root of the
// chain's state.
func TestVoteGuideReplays(t *testing.T) {
	s, err := votedata.Load("100")
	if err != nil {
		t.Fatal(err)
	}
	kv, roundID := kvtest.Strict(t), s.Prefix[1:]
	for _, r := range s.Records {
		if !isTreeRecord(s, r.Key) {
			kv.Put(r.Key, r.Value) // the records of a genesis
		}
	}
	newest := s.Checkpoints[len(s.Checkpoints)-1]
	if err := replayRound(kv, roundID, newest.Size, newest.ID); err != nil {
		t.Fatal(err)
	}
	tree, err := openRound(kv, roundID)
	if err != nil {
		t.Fatal(err)
	}
	if root, err := tree.RootAt(newest.ID); err != nil || root != newest.Root {
		t.Errorf("root %s, %v; want %x", root, err, newest.Root)
	}
	if err := replayRound(kv, roundID, newest.Size+1, newest.ID+1); err == nil {
		t.Error("a leaf that has no record is taken")
	}
}

// TestVoteGuideRoots: the roots without a store equal the crate's.
func TestVoteGuideRoots(t *testing.T) {
	eachVoteStore(t, func(t *testing.T, s *votedata.Store) {
		leaves := keptLeaves(s)
		for _, c := range s.Checkpoints {
			if c.Size == 1 {
				if root, err := singleLeafRoot(leaves[0]); err != nil || root != c.Root {
					t.Errorf("the root of one leaf: %s, %v; want %x", root, err, c.Root)
				}
			}
		}
		newest := s.Checkpoints[len(s.Checkpoints)-1]
		if err := verifyRootFromLeaves(leaves, newest.Root); err != nil {
			t.Error(err)
		}
		if err := verifyRootFromLeaves(leaves, hashtree.Node{}); err == nil {
			t.Error("another root is taken")
		}
	})
}
