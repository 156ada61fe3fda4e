package main

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// The records that dump prints are the tree: put into another store, they make
// it.
func TestDump(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(200)
	ok(t, dir, "", "init", "--prefix", "6e")
	ok(t, dir, clitest.Raw(nodes), "append", "--checkpoint", "7")
	if out := ok(t, dir, "", "dump"); !strings.Contains(out, "200 leaves") || !strings.Contains(out, clitest.Root(t, nodes)) {
		t.Error(out)
	}
	if r := cli(t, dir, "", "dump", "--values"); r.code != exit.Usage {
		t.Errorf("values in text: %+v", r)
	}

	db := dbm.NewMemDB()
	short := strings.Split(ok(t, dir, "", "dump", "--output", "json"), "\n")
	for i, line := range strings.Split(strings.TrimSpace(ok(t, dir, "", "dump", "--output", "json", "--values")), "\n") {
		var r struct {
			Key, Record, Value string
			Bytes              int
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Record == "" || 2*r.Bytes != len(r.Value) {
			t.Errorf("%v: %s", err, line)
		}
		if without := strings.TrimSuffix(line, `,"value":"`+r.Value+`"}`) + "}"; short[i] != without {
			t.Errorf("without values: %s, want %s", short[i], without)
		}
		key, _ := hex.DecodeString(r.Key)
		value, _ := hex.DecodeString(r.Value)
		if err := db.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := kvshard.Open(db, kvshard.WithPrefix([]byte{0x6e}))
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Check(); err != nil {
		t.Error(err)
	}
	if root, err := tree.Root(); err != nil || root.String() != clitest.Root(t, nodes) {
		t.Errorf("%v %v", root, err)
	}
}
