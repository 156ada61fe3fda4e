package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestCommandReadsTheDatabase opens a copy of a node's application.db with the
// command kvshard: at each height the command sees what the node said.
func TestCommandReadsTheDatabase(t *testing.T) {
	command := filepath.Join(t.TempDir(), "kvshard")
	build := exec.Command("go", "build", "-o", command, ".")
	build.Dir = "../../../cmd/kvshard"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := chaintest.New(t, chaintest.Config{Params: withMode(types.Queue)})
	a := c.Accounts[0]
	type state struct {
		Root kvshard.Node
		Size uint64
	}
	states := map[int64]state{}
	for i := range 5 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(40*i, 40)...)))
		root, size := c.Root()
		states[c.Height()] = state{root, size}
	}
	// A running node holds the lock of its database, so the test reads a copy.
	if out, err := exec.Command(command, "root", "--db", filepath.Join(c.Dir, "application.db"), "--store", types.StoreKey).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("read a copy")) {
		t.Errorf("read beside a running node: %v: %s", err, out)
	}
	copied := t.TempDir()
	chaintest.Must0(t, os.CopyFS(copied, os.DirFS(c.Dir)))
	run := func(args ...string) []byte {
		t.Helper()
		var errs bytes.Buffer
		r := exec.Command(command, append(args, "--output", "json")...)
		r.Stderr = &errs
		out, err := r.Output()
		if err != nil {
			t.Fatalf("kvshard %v: %v: %s", args, err, errs.String())
		}
		return out
	}
	for height, want := range states {
		database := []string{"--db", filepath.Join(copied, "application.db"), "--store", types.StoreKey, "--height", fmt.Sprint(height)}
		var got state
		chaintest.Must0(t, json.Unmarshal(run(append(database, "root")...), &got))
		if got != want {
			t.Errorf("height %d: the command sees %d leaves and root %s, and the node had %d and %s", height, got.Size, got.Root, want.Size, want.Root)
		}
		run(append(database, "check")...)
		run(append(database, "stat")...)
		proof := filepath.Join(copied, "proof.json")
		chaintest.Must0(t, os.WriteFile(proof, run(append(database, "witness", fmt.Sprint(want.Size/2))...), 0o600))
		run("verify", proof, "--root", want.Root.String())
	}
}
