package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/internal/realdata"
)

// The files that tools/wallet verifies with the crate orchard are what the
// command writes.
func TestWalletFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(100)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes[:50]), "append", "--checkpoint", "9")
	ok(t, dir, clitest.Raw(nodes[50:]), "append")
	for _, proof := range []struct{ position, size, at int }{{7, 50, 9}, {99, 100, 0}} {
		args := []string{"witness", fmt.Sprint(proof.position), "--binary"}
		if proof.at > 0 {
			args = append(args, "--at", fmt.Sprint(proof.at))
		}
		name := fmt.Sprintf("%d-of-%d", proof.position, proof.size)
		for ext, text := range map[string]string{
			".bin": ok(t, dir, "", args...),
			".txt": fmt.Sprintf("%s\n%s\n", nodes[proof.position], clitest.Root(t, nodes[:proof.size])),
		} {
			same(t, filepath.Join("../../tools/wallet/testdata", name+ext), text)
		}
	}
}

// The tree states that tools/interop reads and writes with zcash_primitives are
// what this package makes: of real ones, and of each of the first sizes.
func TestTreestateFile(t *testing.T) {
	t.Parallel()
	real, err := realdata.Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	line := func(f kvshard.Frontier, root kvshard.Node) {
		encoded, err := f.MarshalTreestate()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%d %s %x\n", f.Size, root, encoded)
	}
	for _, f := range real {
		made := kvshard.Frontier{Size: f.Size, Leaf: f.Leaf}
		for _, ommer := range f.Ommers {
			made.Ommers = append(made.Ommers, ommer)
		}
		line(made, f.Root)
	}
	tree, err := kvshard.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range clitest.Leaves(40) {
		if _, err := tree.Append(leaf); err != nil {
			t.Fatal(err)
		}
		f, err := tree.Frontier()
		if err != nil {
			t.Fatal(err)
		}
		root, err := tree.Root()
		if err != nil {
			t.Fatal(err)
		}
		line(f, root)
	}
	same(t, "../../tools/interop/testdata/treestates.txt", text.String())
}

// same compares a committed file. UPDATE=1 writes it anew.
func same(t *testing.T, path, text string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if committed, err := os.ReadFile(path); err != nil || string(committed) != text {
		t.Errorf("%s is another one: %v", path, err)
	}
}
