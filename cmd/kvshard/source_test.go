package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// readers are the commands that only read, each with what it needs.
func readers(dir string) [][]string {
	return [][]string{
		{"check"}, {"root"}, {"dump"}, {"stat"}, {"frontier"}, {"checkpoint"}, {"witness", "1"},
		{"view", filepath.Join(dir, "out.html")}, {"export", filepath.Join(dir, "out.kvx")},
	}
}

// What holds no tree is never a tree of no leaves.
func TestNoTree(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"goleveldb", "pebble"} {
		dir := t.TempDir()
		nodeDB(t, dir, backend, []byte{7})
		empty, err := disk.Open(filepath.Join(dir, "empty.db"), backend)
		if err != nil {
			t.Fatal(err)
		}
		if err := empty.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "folder.db"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "files.db"), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "files.db"), "photo.png", "")
		before := listing(t, filepath.Join(dir, "application.db")) + listing(t, filepath.Join(dir, "files.db"))
		for _, c := range []struct {
			flags string
			code  int
			says  []string
		}{
			{"--db application.db", exit.Usage, []string{"a node's database", "bank, notes", "--store"}},
			{"--db application.db --prefix 07", exit.Usage, []string{"bank, notes"}},
			{"--db application.db --store gov", exit.Store, []string{`"gov"`, "bank, notes"}},
			{"--db application.db --store note", exit.Store, []string{"bank, notes"}},
			{"--db application.db --store notes/", exit.Store, []string{"bank, notes"}},
			{"--db application.db --store notes --height 9", exit.Store, []string{"height 9", "1 to 2"}},
			{"--db application.db --store bank", exit.Store, []string{"has keys, but none of a tree", "bank, notes", "--prefix"}},
			{"--db application.db --store notes", exit.Store, []string{"has keys, but none of a tree", "--prefix"}},
			{"--db application.db --store notes --prefix 08", exit.Store, []string{"has keys, but none of a tree under the prefix 08"}},
			{"--db empty.db", exit.Store, []string{"empty.db is empty"}},
			{"--db empty.db --store notes", exit.Store, []string{"no node's application.db"}},
			{"--db folder.db", exit.Store, []string{"the directory is empty"}},
			{"--db files.db", exit.Store, []string{"files of neither goleveldb nor pebble"}},
			{"--db nowhere.db", exit.Store, []string{"no database"}},
		} {
			for _, command := range readers(dir) {
				args := append(command, strings.Fields(c.flags)...)
				r := cli(t, dir, "", args...)
				for _, says := range c.says {
					if r.code != c.code || r.out != "" || !strings.Contains(r.err, says) {
						t.Errorf("%s: %v: want code %d and %q: %+v", backend, args, c.code, says, r)
					}
				}
			}
		}
		if after := listing(t, filepath.Join(dir, "application.db")) + listing(t, filepath.Join(dir, "files.db")); before != after {
			t.Errorf("reading changed the files:\n%s\n%s", before, after)
		}
		for _, name := range []string{"nowhere.db", "out.html", "out.kvx", "folder.db/LOCK", "files.db/LOCK", "tree"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				t.Errorf("%s is there", name)
			}
		}
		// An empty tree is one if its directory says so.
		ok(t, dir, "", "init")
		ok(t, dir, "", "check")
		if r := cli(t, dir, "", "check", "--db", "tree/tree.db"); r.code != exit.Store {
			t.Errorf("%+v", r)
		}
		ok(t, dir, "", "checkpoint", "4")
		ok(t, dir, "", "check", "--db", "tree/tree.db")
	}
}

// The engine is found by its files, whatever --backend's default is.
func TestEngineByFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(40)
	backends := []string{"goleveldb", "pebble"}
	for i, backend := range backends {
		ok(t, dir, "", "init", "--dir", backend, "--backend", backend)
		ok(t, dir, clitest.Raw(nodes[:30+i]), "append", "--dir", backend, "--checkpoint", "1")
	}
	for i, backend := range backends {
		database, other := backend+"/tree.db", backends[1-i]
		before := listing(t, filepath.Join(dir, database))
		for _, command := range readers(dir) {
			args := append(command, "--db", database)
			here := ok(t, dir, "", append(args, "--backend", backend)...)
			if found := ok(t, dir, "", args...); found != here {
				t.Errorf("%v: %q, and with --backend %q", args, found, here)
			}
			if r := cli(t, dir, "", append(args, "--backend", other)...); r.code != exit.Usage || r.out != "" || !strings.Contains(r.err, "a "+backend+" database") {
				t.Errorf("%v --backend %s: %+v", args, other, r)
			}
		}
		if out := ok(t, dir, "", "root", "--db", database); !strings.Contains(out, fmt.Sprintf("size %d", 30+i)) {
			t.Error(out)
		}
		if after := listing(t, filepath.Join(dir, database)); before != after {
			t.Errorf("reading changed the files:\n%s\n%s", before, after)
		}
		// Without its lock file, as in some copies, and without a right to write.
		copied := filepath.Join(dir, "copy-"+backend+".db")
		if err := os.CopyFS(copied, os.DirFS(filepath.Join(dir, database))); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(copied, "LOCK")); err != nil {
			t.Fatal(err)
		}
		ok(t, dir, "", "check", "--db", copied)
		if _, err := os.Lstat(filepath.Join(copied, "LOCK")); err == nil {
			t.Error("reading made a lock file")
		}
	}
	if r := cli(t, dir, "", "diff", "goleveldb/tree.db", "pebble/tree.db"); r.code != exit.No || !strings.Contains(r.out, "A: goleveldb/tree.db: 30 leaves") || !strings.Contains(r.out, "B: pebble/tree.db: 31 leaves") {
		t.Errorf("%+v", r)
	}
	ok(t, dir, "", "diff", "pebble/tree.db", "pebble")

	// A tree's directory with the database of another engine.
	for name, text := range map[string]string{"kvshard.json": read(t, dir, "pebble/kvshard.json")} {
		write(t, filepath.Join(dir, "goleveldb"), name, text)
	}
	for _, args := range [][]string{{"root"}, {"check"}, {"append"}, {"rewind", "1"}} {
		if r := cli(t, dir, clitest.Raw(nodes), append(args, "--dir", "goleveldb")...); r.code != exit.Store || !strings.Contains(r.err, "a goleveldb database, and pebble was asked for") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	// One whose database is gone does not get an empty one.
	if err := os.RemoveAll(filepath.Join(dir, "pebble/tree.db")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"root"}, {"append"}, {"checkpoint", "8"}} {
		if r := cli(t, dir, clitest.Raw(nodes), append(args, "--dir", "pebble")...); r.code != exit.Store || !strings.Contains(r.err, "no database") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "pebble/tree.db")); err == nil {
		t.Error("a database was made")
	}
	// RocksDB's files look much like pebble's.
	rocks := filepath.Join(dir, "rocks.db")
	if err := os.Mkdir(rocks, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"CURRENT": "MANIFEST-000005\n", "MANIFEST-000005": "", "IDENTITY": "1", "OPTIONS-000007": "[Version]\n  rocksdb_version=8.9.1\n",
	} {
		write(t, rocks, name, text)
	}
	if r := cli(t, dir, "", "check", "--db", "rocks.db"); r.code != exit.Store || !strings.Contains(r.err, "RocksDB") {
		t.Errorf("%+v", r)
	}
}

// Flags that have no effect beside the others are refused.
func TestFlagsWithoutEffect(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(clitest.Leaves(20)), "append", "--checkpoint", "1")
	ok(t, dir, "", "export", "tree.kvx")
	p := write(t, dir, "p.json", ok(t, dir, "", "witness", "1", "-o", "json"))
	for _, c := range []string{
		"root --store commitment", "root --height 5", "root --store commitment --height 5", "root --prefix 07", "root --backend goleveldb",
		"check --height 5", "export --store notes out.kvx", "view --store notes out.html", "append --store notes", "rewind 1 --height 4",
		"checkpoint --store notes", "checkpoint 2 --prefix 01", "frontier --backend pebble", "stat --height 1", "dump --store x", "witness 1 --store x",
		"root --db tree/tree.db --height 5", "root --db tree/tree.db --dir tree", "root --db tree/tree.db --store",
		"init --dir new --store notes", "init --dir new --height 3", "init --dir new --db tree/tree.db", "init --dir new --salvage",
		"import --dir new --store notes tree.kvx", "import --dir new --db tree/tree.db tree.kvx", "import --dir new --height 3 tree.kvx",
		"diff tree tree --store notes", "diff tree tree --height 3", "diff tree tree --prefix 01", "diff tree tree --backend pebble",
		"diff tree tree --dir tree", "diff tree tree --db tree/tree.db", "diff tree tree/tree.db --height 4",
		"verify p.json --dir tree", "verify p.json --db tree/tree.db", "verify p.json --store notes", "bench --dir tree", "bench --backend pebble",
		"append --salvage", "rewind 1 --salvage",
	} {
		if r := cli(t, dir, "", strings.Fields(c)...); r.code != exit.Usage || r.err == "" || r.out != "" {
			t.Errorf("kvshard %s: %+v", c, r)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
		t.Error("a refused command made something")
	}
	ok(t, dir, "", "verify", p)
	ok(t, dir, "", "diff", "tree", "tree/tree.db", "--backend", "goleveldb")
}

// A database in use is told from one that may not be opened, whatever the path
// is called.
func TestInUseAndNotPermitted(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"goleveldb", "pebble"} {
		dir := filepath.Join(t.TempDir(), "blocks") // there is "lock" in it
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		ok(t, dir, "", "init", "--backend", backend)
		ok(t, dir, clitest.Raw(clitest.Leaves(20)), "append")
		db, err := disk.Open(filepath.Join(dir, "tree/tree.db"), backend)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"root"}, {"append"}, {"check", "--db", "tree/tree.db"}} {
			if r := cli(t, dir, "", args...); r.code != exit.Store || !strings.Contains(r.err, "in use") || !strings.Contains(r.err, "read a copy") {
				t.Errorf("%s, in use: %v: %+v", backend, args, r)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		manifests, err := filepath.Glob(filepath.Join(dir, "tree/tree.db/MANIFEST-*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range manifests {
			// Not even root can read a directory as a file.
			if err := os.Rename(name, name+".saved"); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(name, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"root"}, {"append"}, {"check", "--db", "tree/tree.db"}} {
			if r := cli(t, dir, "", args...); r.code != exit.Store || strings.Contains(r.err, "in use") {
				t.Errorf("%s, unreadable: %v: %+v", backend, args, r)
			}
		}
	}
}
