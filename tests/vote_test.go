package tests

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/votedata"
	"github.com/kvshard/kvshard/kvtest"
)

// The stores that the crate vote-commitment-tree wrote, compared with trees of
// hashtree.VotePoseidon: see testdata/README.md.

// eachVoteStore runs f for each store.
func eachVoteStore(t *testing.T, f func(*testing.T, *votedata.Store)) {
	t.Helper()
	names, err := votedata.Names()
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatal("there is no store")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, err := votedata.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if testing.Short() && len(s.AllPaths) > 0 {
				t.Skip("thousands of paths, not with -short")
			}
			f(t, s)
		})
	}
}

// openVote opens a round's tree as the chain keeps it.
func openVote(t *testing.T, kv *kvtest.MemStore, s *votedata.Store) *hashtree.Tree {
	t.Helper()
	tree, err := hashtree.Open(kv, hashtree.VotePoseidon(),
		kvshard.WithPrefix(s.Prefix), kvshard.WithMaxCheckpoints(votedata.MaxCheckpoints))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// keptLeaves returns the leaves that the chain's keeper stored.
func keptLeaves(s *votedata.Store) (leaves []hashtree.Node) {
	for _, r := range s.Records {
		if bytes.HasPrefix(r.Key, append(bytes.Clone(s.Prefix), 0x02)) {
			leaves = append(leaves, hashtree.Node(r.Value))
		}
	}
	return leaves
}

// growVote appends the store's leaves to a tree and makes its checkpoints.
func growVote(t *testing.T, tree *hashtree.Tree, s *votedata.Store) {
	t.Helper()
	leaves := keptLeaves(s)
	size := uint64(0)
	for _, c := range s.Checkpoints {
		if _, err := tree.AppendBatch(leaves[size:c.Size]); err != nil {
			t.Fatal(err)
		}
		if err := tree.Checkpoint(c.ID); err != nil {
			t.Fatal(err)
		}
		size = c.Size
	}
}

// pathBytes returns a witness as the crate encodes it: the position, u32 LE, and
// the siblings from the leaf up.
func pathBytes(w hashtree.Witness) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(w.Position))
	for _, sibling := range w.Path {
		out = append(out, sibling[:]...)
	}
	return out
}

// checkPaths compares paths with the tree's witnesses.
func checkPaths(t *testing.T, tree *hashtree.Tree, paths []votedata.Path) {
	t.Helper()
	for _, p := range paths {
		w, err := tree.WitnessAt(p.Position, p.Checkpoint)
		if err != nil {
			t.Fatalf("WitnessAt(%d, %d): %v", p.Position, p.Checkpoint, err)
		}
		if !bytes.Equal(pathBytes(w), p.Bytes[:]) {
			t.Errorf("WitnessAt(%d, %d) is another path than the crate's", p.Position, p.Checkpoint)
		}
	}
}

// checkVoteTree compares everything that the crate said of the store.
func checkVoteTree(t *testing.T, tree *hashtree.Tree, s *votedata.Store) {
	t.Helper()
	leaves := keptLeaves(s)
	i := 0
	for c, err := range tree.Checkpoints() {
		if err != nil {
			t.Fatal(err)
		}
		if i < len(s.Checkpoints) && (c.ID != s.Checkpoints[i].ID || c.Size != s.Checkpoints[i].Size || c.Retained) {
			t.Errorf("checkpoint %d is %+v, want %+v", i, c, s.Checkpoints[i])
		}
		i++
	}
	if i != len(s.Checkpoints) {
		t.Errorf("%d checkpoints, want %d", i, len(s.Checkpoints))
	}
	for _, c := range s.Checkpoints {
		if root, err := tree.RootAt(c.ID); err != nil || root != c.Root {
			t.Errorf("RootAt(%d) = %s, %v; want %x", c.ID, root, err, c.Root)
		}
	}
	checkPaths(t, tree, s.Paths)
	newest := s.Checkpoints[len(s.Checkpoints)-1]
	all := sha256.New()
	for position := range newest.Size {
		w, err := tree.WitnessAt(position, newest.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := hashtree.VotePoseidon().VerifyWitness(w, newest.Root, leaves[position]); err != nil {
			t.Errorf("leaf %d: %v", position, err)
		}
		all.Write(pathBytes(w))
	}
	for _, digest := range s.AllPaths {
		if digest.Checkpoint != newest.ID || !bytes.Equal(all.Sum(nil), digest.SHA256[:]) {
			t.Errorf("the paths at checkpoint %d are others than the crate's", digest.Checkpoint)
		}
	}
}

// playFuture appends the blocks that the crate appended later, and compares.
func playFuture(t *testing.T, tree *hashtree.Tree, s *votedata.Store) {
	t.Helper()
	for _, b := range s.Future {
		leaves := nodesOf(b.Leaves)
		first, err := tree.AppendBatch(leaves)
		if err != nil || first+uint64(len(leaves)) != b.Size {
			t.Fatalf("block %d: first leaf at %d, %v", b.ID, first, err)
		}
		if err := tree.Checkpoint(b.ID); err != nil {
			t.Fatal(err)
		}
		for what, get := range map[string]func() (hashtree.Node, error){
			"Root":   tree.Root,
			"RootAt": func() (hashtree.Node, error) { return tree.RootAt(b.ID) },
		} {
			if root, err := get(); err != nil || root != b.Root {
				t.Fatalf("%s after block %d: %s, %v; want %x", what, b.ID, root, err, b.Root)
			}
		}
		checkPaths(t, tree, b.Paths)
	}
	var last []string
	for c, err := range tree.Checkpoints() {
		last = append(last, fmt.Sprint(c, err))
	}
	if want := min(len(s.Checkpoints)+len(s.Future), votedata.MaxCheckpoints); len(last) != want {
		t.Errorf("%d checkpoints at the end, want %d", len(last), want)
	}
	if err := tree.Check(); err != nil {
		t.Error(err)
	}
}

// TestVoteTreeGrown: a tree grown from the same leaves gives every root and path
// that the crate gave.
func TestVoteTreeGrown(t *testing.T) {
	eachVoteStore(t, func(t *testing.T, s *votedata.Store) {
		kv := kvtest.Strict(t)
		tree := openVote(t, kv, s)
		growVote(t, tree, s)
		checkVoteTree(t, tree, s)
		playFuture(t, tree, s)
	})
}

// fullStore returns a store with all records that the module has.
func fullStore(t *testing.T, s *votedata.Store) *kvtest.MemStore {
	t.Helper()
	kv := kvtest.Strict(t)
	for _, r := range s.Records {
		kv.Put(r.Key, r.Value)
	}
	return kv
}

// TestVoteStoresAdopted: an adopted store of the vote chain has the same bytes as if
// the tree had always been a hashtree. It then gives every root and path that the
// crate gave, before and after 100 more blocks.
func TestVoteStoresAdopted(t *testing.T) {
	eachVoteStore(t, func(t *testing.T, s *votedata.Store) {
		kv := fullStore(t, s)
		before := kv.Clone()
		tree := openVote(t, kv, s)
		newest := s.Checkpoints[len(s.Checkpoints)-1]
		root := hashtree.Node(newest.Root)

		if _, err := tree.Root(); !errors.Is(err, kvshard.ErrForeignStore) {
			t.Errorf("Root before Adopt: %v", err)
		}
		other := root
		other[0] ^= 1
		if _, err := tree.Adopt(other); !errors.Is(err, kvshard.ErrRootMismatch) {
			t.Errorf("Adopt of another root: %v", err)
		}
		if diff := kv.Diff(before); diff != "" {
			t.Fatalf("a refused Adopt changed the store:\n%s", diff)
		}

		for _, when := range []string{"once", "twice"} {
			if size, err := tree.Adopt(root); err != nil || size != newest.Size {
				t.Fatalf("Adopt %s: %d leaves, %v; want %d", when, size, err, newest.Size)
			}
		}
		grown := kvtest.Strict(t)
		growVote(t, openVote(t, grown, s), s)
		for _, r := range s.Records {
			if !isTreeRecord(s, r.Key) {
				grown.Put(r.Key, r.Value) // the chain's own record
			}
		}
		if diff := kv.Diff(grown); diff != "" {
			t.Fatalf("adopted and grown differ:\n%s", diff)
		}
		if err := tree.Check(); err != nil {
			t.Fatal(err)
		}
		checkVoteTree(t, tree, s)
		playFuture(t, tree, s)
	})
}

// isTreeRecord tells whether the key is one of the tree's.
func isTreeRecord(s *votedata.Store, key []byte) bool {
	start, end := kvshard.KeyRange(s.Prefix)
	return bytes.Compare(key, start) >= 0 && bytes.Compare(key, end) < 0
}

// TestVoteStoreWithoutPrefix: a keeper that forgets the round's prefix meets records
// of the module that are not a tree's. An error says so, and nothing is written.
func TestVoteStoreWithoutPrefix(t *testing.T) {
	s, err := votedata.Load("5")
	if err != nil {
		t.Fatal(err)
	}
	kv := fullStore(t, s)
	before := kv.Clone()
	tree, err := hashtree.Open(kv, hashtree.VotePoseidon())
	if err != nil {
		t.Fatal(err)
	}
	root := hashtree.Node(s.Checkpoints[len(s.Checkpoints)-1].Root)
	for name, call := range map[string]func() error{
		"Size":       func() error { _, err := tree.Size(); return err },
		"Root":       func() error { _, err := tree.Root(); return err },
		"Append":     func() error { _, err := tree.Append(root); return err },
		"Checkpoint": func() error { return tree.Checkpoint(100) },
		"Adopt":      func() error { _, err := tree.Adopt(root); return err },
		"Check":      tree.Check,
	} {
		// The tree's tip would be at key 13.
		if err := call(); err == nil || !strings.Contains(err.Error(), "(key 13)") || !strings.Contains(err.Error(), "give the tree a prefix") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := kv.Diff(before); diff != "" {
		t.Errorf("the store has changed:\n%s", diff)
	}
}
