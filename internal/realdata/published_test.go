package realdata

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// published reads a file of the optional directory ../shared/testdata beside the
// repository: the same data, taken from its sources by other means.
func published(t *testing.T, name string, v any) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "testdata", name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no ../shared/testdata/%s beside the repository to compare with", name)
	}
	readInto(t, path, v)
}

// vectors reads a file of zcash-test-vectors, which the repository holds.
func vectors(t *testing.T, name string, v any) {
	t.Helper()
	readInto(t, filepath.Join("..", "..", "testdata", name), v)
}

func readInto(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestMainnetAsPublished(t *testing.T) {
	var want struct {
		Blocks []struct {
			Height      uint32
			Commitments []node
			SizeAfter   uint64 `json:"size_after"`
			RootAfter   node   `json:"root_after"`
		}
	}
	published(t, "orchard_mainnet_blocks.json", &want)
	got, err := Mainnet()
	if err != nil {
		t.Fatal(err)
	}
	var blocks []Block
	for _, b := range want.Blocks {
		blocks = append(blocks, Block{b.Height, plain(b.Commitments), b.SizeAfter, b.RootAfter})
	}
	if !reflect.DeepEqual(got.Blocks, blocks) {
		t.Errorf("blocks %x, want %x", got.Blocks, blocks)
	}
}

func TestFrontiersAsPublished(t *testing.T) {
	var want struct {
		Frontiers []struct {
			Height uint32
			Size   uint64
			Leaf   node
			Ommers []node
			Root   node
		}
	}
	published(t, "orchard_mainnet_frontiers.json", &want)
	byHeight := map[uint32]Frontier{}
	for _, f := range want.Frontiers {
		byHeight[f.Height] = Frontier{f.Height, f.Size, f.Leaf, plain(f.Ommers), f.Root}
	}
	frontiers, err := Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frontiers {
		if !reflect.DeepEqual(f, byHeight[f.Height]) {
			t.Errorf("frontier %x, want %x", f, byHeight[f.Height])
		}
	}
}

// The files of zcash-test-vectors start with two rows of description.

func TestEmptyRootsAsPublished(t *testing.T) {
	var rows []json.RawMessage
	vectors(t, "orchard_empty_roots.json", &rows)
	if len(rows) != 3 {
		t.Fatalf("%d rows, want 3", len(rows))
	}
	var row [][]node // one column
	if err := json.Unmarshal(rows[2], &row); err != nil {
		t.Fatal(err)
	}
	if len(row) != 1 {
		t.Fatalf("%d columns, want 1", len(row))
	}
	got, err := EmptyRoots()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got[:], plain(row[0])) {
		t.Errorf("empty roots %x, want %x", got, row[0])
	}
}

func TestMerkleDepth4AsPublished(t *testing.T) {
	var rows []json.RawMessage
	vectors(t, "orchard_merkle_tree.json", &rows)
	got, err := MerkleDepth4()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2+len(got.Trees) {
		t.Fatalf("%d rows, want %d", len(rows), 2+len(got.Trees))
	}
	for i, row := range rows[2:] {
		var leaves [16]node
		var paths [16][4]node
		var root node
		if err := json.Unmarshal(row, &[]any{&leaves, &paths, &root}); err != nil {
			t.Fatal(err)
		}
		tree := got.Trees[i]
		if tree.Root != root {
			t.Errorf("%d leaves: root %x, want %x", tree.Size, tree.Root, root)
		}
		for j := range tree.Size {
			if got.Leaves[j] != leaves[j] {
				t.Errorf("leaf %d is %x, want %x", j, got.Leaves[j], leaves[j])
			}
			for level, sibling := range tree.Paths[j] {
				if sibling != paths[j][level] {
					t.Errorf("%d leaves: path %d, level %d is %x, want %x", tree.Size, j, level,
						sibling, paths[j][level])
				}
			}
		}
		for j := tree.Size; j < len(leaves); j++ {
			if leaves[j] != (node{2}) {
				t.Errorf("row %d has a leaf %d", i, j)
			}
		}
	}
}
