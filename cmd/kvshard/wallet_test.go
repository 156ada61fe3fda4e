package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The files that tools/wallet verifies with the crate orchard are what the
// command writes. UPDATE=1 writes them anew.
func TestWalletFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(100)
	ok(t, dir, "", "init")
	ok(t, dir, raw(nodes[:50]), "append", "--checkpoint", "9")
	ok(t, dir, raw(nodes[50:]), "append")
	for _, proof := range []struct{ position, size, at int }{{7, 50, 9}, {99, 100, 0}} {
		args := []string{"witness", fmt.Sprint(proof.position), "--binary"}
		if proof.at > 0 {
			args = append(args, "--at", fmt.Sprint(proof.at))
		}
		name := fmt.Sprintf("%d-of-%d", proof.position, proof.size)
		for ext, text := range map[string]string{
			".bin": ok(t, dir, "", args...),
			".txt": fmt.Sprintf("%s\n%s\n", nodes[proof.position], want(t, nodes[:proof.size])),
		} {
			path := filepath.Join("../../tools/wallet/testdata", name+ext)
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if committed, err := os.ReadFile(path); err != nil || string(committed) != text {
				t.Errorf("%s%s is another one: %v", name, ext, err)
			}
		}
	}
}
