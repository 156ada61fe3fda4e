package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/votedata"
	"github.com/kvshard/kvshard/stream"
)

// fillDatabase makes the database NAME.db in a directory.
func fillDatabase(t *testing.T, dir, name string, fill func(dbm.DB)) {
	t.Helper()
	db, err := dbm.NewGoLevelDB(name, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	fill(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// voteStore makes vote.db, the vote chain's store of that name, whose tree was adopted.
func voteStore(t *testing.T, dir, name string) (*votedata.Store, []kvshard.Node) {
	t.Helper()
	s, err := votedata.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	var leaves []kvshard.Node
	fillDatabase(t, dir, "vote", func(db dbm.DB) {
		for _, r := range s.Records {
			if err := db.Set(r.Key, r.Value); err != nil {
				t.Fatal(err)
			}
		}
		tree, err := hashtree.Open(db, hashtree.VotePoseidon(), kvshard.WithPrefix(s.Prefix))
		if err != nil {
			t.Fatal(err)
		}
		newest := s.Checkpoints[len(s.Checkpoints)-1]
		if _, err := tree.Adopt(newest.Root); err != nil {
			t.Fatal(err)
		}
		nodes, err := tree.Nodes(0, 0, newest.Size)
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range nodes {
			leaves = append(leaves, kvshard.Node(node))
		}
	})
	return s, leaves
}

// TestInitScheme: init notes the scheme in kvshard.json, which of an Orchard tree is as
// it ever was; a name that is unknown is told with those that are known.
func TestInitScheme(t *testing.T) {
	dir := t.TempDir()
	ok(t, dir, "", "init", "--dir", "plain")
	ok(t, dir, "", "init", "--dir", "named", "--scheme", "orchard")
	const orchard = "{\n  \"version\": 1,\n  \"backend\": \"goleveldb\",\n  \"prefix\": \"\",\n  \"max_checkpoints\": 100,\n  \"retention\": \"marked\"\n}\n"
	for _, name := range []string{"plain", "named"} {
		if text := read(t, dir, filepath.Join(name, "kvshard.json")); text != orchard {
			t.Errorf("%s: %s", name, text)
		}
	}
	if out := ok(t, dir, "", "init", "--dir", "vote", "--scheme", "vote-poseidon"); out != "vote: an empty tree of vote-poseidon, depth 24, on goleveldb, 100 checkpoints kept, every leaf provable\n" {
		t.Error(out)
	}
	if text := read(t, dir, "vote/kvshard.json"); text != strings.Replace(orchard, "\"\n}", "\",\n  \"scheme\": \"vote-poseidon\"\n}", 1) {
		t.Error(text)
	}
	empty, err := hashtree.VotePoseidon().EmptyRoot(24)
	if err != nil {
		t.Fatal(err)
	}
	if out := ok(t, dir, "", "root", "--dir", "vote"); out != fmt.Sprintf("%s  size 0\n", empty) {
		t.Error(out)
	}
	for _, args := range [][]string{{"init", "--dir", "other"}, {"verify"}, {"import", "--dir", "other"}} {
		r := cli(t, dir, "", append(args, "--scheme", "mimc")...)
		if r.code != 2 || !strings.Contains(r.err, `--scheme: scheme "mimc" is unknown: it is orchard or vote-poseidon`) {
			t.Errorf("%v: %+v", args, r)
		}
		if out := ok(t, dir, "", "__complete", args[0], "--scheme", ""); !strings.HasPrefix(out, "orchard\nvote-poseidon\n") {
			t.Errorf("%v: %s", args, out)
		}
	}
	write(t, dir, "vote/kvshard.json", strings.Replace(orchard, "\"\n}", "\",\n  \"scheme\": \"mimc\"\n}", 1))
	if r := cli(t, dir, "", "root", "--dir", "vote"); r.code != 7 || !strings.Contains(r.err, `scheme "mimc" is unknown`) {
		t.Errorf("an unknown scheme in kvshard.json: %+v", r)
	}
}

// TestStoreNamesScheme: the store of the vote chain, once adopted, needs no flag: each
// root that it has, and each path in the chain's own form.
func TestStoreNamesScheme(t *testing.T) {
	dir := t.TempDir()
	s, leaves := voteStore(t, dir, "100")
	at := []string{"--db", "vote.db", "--prefix", hex.EncodeToString(s.Prefix)}
	for _, c := range s.Checkpoints {
		out := ok(t, dir, "", append([]string{"root", "--at", fmt.Sprint(c.ID)}, at...)...)
		if out != fmt.Sprintf("%x  size %d\n", c.Root, c.Size) {
			t.Errorf("checkpoint %d: %s", c.ID, out)
		}
	}
	roots := map[uint32][32]byte{}
	for _, c := range s.Checkpoints {
		roots[c.ID] = c.Root
	}
	for i, path := range s.Paths {
		if i%37 != 0 {
			continue // a process each
		}
		out := ok(t, dir, "", append([]string{"witness", fmt.Sprint(path.Position), "--at", fmt.Sprint(path.Checkpoint), "--binary"}, at...)...)
		if out != string(path.Bytes[:]) {
			t.Errorf("the path of %d at %d: %x", path.Position, path.Checkpoint, out)
		}
		root := roots[path.Checkpoint]
		args := []string{"verify", "--root", hex.EncodeToString(root[:]), "--leaf", leaves[path.Position].String()}
		for _, more := range [][]string{nil, {"--scheme", "vote-poseidon"}} {
			if out := ok(t, dir, out, append(args, more...)...); out != fmt.Sprintf("leaf %d is in the tree with root %x\n", path.Position, root) {
				t.Error(out)
			}
		}
		if r := cli(t, dir, out, "verify", "--root", hex.EncodeToString(root[:]), "--leaf", leaves[(path.Position+1)%100].String()); r.code != 5 {
			t.Errorf("another leaf: %+v", r)
		}
		if r := cli(t, dir, out, append(args, "--scheme", "orchard")...); r.code != 3 || !strings.Contains(r.err, "is of scheme vote-poseidon, not of orchard") {
			t.Errorf("another scheme: %+v", r)
		}
	}
	stat := okJSON[struct {
		Scheme string
		Depth  int
		Blocks []blockStat
	}](t, dir, "", append([]string{"stat"}, at...)...)
	if stat.Scheme != "vote-poseidon" || stat.Depth != 24 || len(stat.Blocks) != 3 {
		t.Errorf("%+v", stat)
	}
	if out := ok(t, dir, "", append([]string{"stat"}, at...)...); !strings.HasPrefix(out, "scheme vote-poseidon, depth 24\nleaves 100, root ") {
		t.Error(out)
	}
	if out := ok(t, dir, "", append([]string{"check"}, at...)...); !strings.HasPrefix(out, "sound: 100 leaves") {
		t.Error(out)
	}
	if out := ok(t, dir, "", append([]string{"dump"}, at...)...); !strings.HasPrefix(out, "tree of depth 24: 100 leaves") {
		t.Error(out)
	}
}

// makeVoteTree makes a directory with these leaves and two checkpoints.
func makeVoteTree(t *testing.T, dir, name string, leaves []kvshard.Node) {
	t.Helper()
	ok(t, dir, "", "init", "--dir", name, "--scheme", "vote-poseidon")
	ok(t, dir, clitest.Raw(leaves[:40]), "append", "--dir", name, "--format", "raw", "--checkpoint", "1")
	ok(t, dir, clitest.Raw(leaves[40:]), "append", "--dir", name, "--format", "raw", "--checkpoint", "2")
}

// TestVoteTree: every command on a tree of the vote chain's scheme.
func TestVoteTree(t *testing.T) {
	dir := t.TempDir()
	s, leaves := voteStore(t, dir, "100")
	makeVoteTree(t, dir, "vote", leaves)
	at := func(args ...string) []string { return append(args, "--dir", "vote") }
	root := hex.EncodeToString(s.Checkpoints[len(s.Checkpoints)-1].Root[:])
	if out := ok(t, dir, "", at("root")...); out != root+"  size 100\n" {
		t.Fatal(out)
	}
	ok(t, dir, "", at("checkpoint", "1", "--retain")...)
	if out := ok(t, dir, "", at("checkpoint")...); out != "1   size 40   retained\n2   size 100\n" {
		t.Error(out)
	}

	proof := ok(t, dir, "", at("witness", "5", "--output", "json")...)
	if out := ok(t, dir, proof, "verify", "--root", root); out != "leaf 5 is in the tree with root "+root+"\n" {
		t.Error(out)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(proof), &fields); err != nil || fields["scheme"] != "vote-poseidon" || len(fields["path"].([]any)) != 24 {
		t.Errorf("%v: %s", err, proof)
	}
	for what, text := range map[string]string{
		"as Orchard's":   strings.Replace(proof, `"scheme": "vote-poseidon",`, "", 1),
		"unknown scheme": strings.Replace(proof, "vote-poseidon", "mimc", 1),
		"a long path":    strings.Replace(proof, `"path": [`, `"path": ["`+root+`",`, 1),
	} {
		if r := cli(t, dir, text, "verify"); r.code != 3 {
			t.Errorf("%s: %+v", what, r)
		}
	}

	frontier := okJSON[struct {
		Scheme, Root string
		Treestate    *string
		Size         uint64
		Ommers       []string
	}](t, dir, "", at("frontier")...)
	if frontier.Scheme != "vote-poseidon" || frontier.Root != root || frontier.Treestate != nil || frontier.Size != 100 || len(frontier.Ommers) != 4 {
		t.Errorf("%+v", frontier)
	}
	for _, args := range [][]string{{"frontier", "--treestate"}, {"frontier", "--import-treestate", "000000", "--checkpoint", "1"}} {
		if r := cli(t, dir, "", at(args...)...); r.code != 6 || !strings.Contains(r.err, "a tree state is of Orchard's tree, and this tree is of scheme vote-poseidon") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if out := ok(t, dir, "", at("nodes", "0", "3", "1")...); out != leaves[3].String()+"\n" {
		t.Error(out)
	}
	if r := cli(t, dir, "", at("nodes", "25", "0", "0")...); r.code != 2 || !strings.Contains(r.err, "0 to 24") {
		t.Errorf("a level too high: %+v", r)
	}
	if out := ok(t, dir, "", at("check")...); out != "sound: 100 leaves, root "+root+"\n" {
		t.Error(out)
	}
	ok(t, dir, "", at("view", "--leaf", "5", "page.html")...)
	if page := read(t, dir, "page.html"); !strings.Contains(page, `"scheme":"vote-poseidon","depth":24`) {
		t.Error("the page does not say the scheme and its depth")
	}

	for _, form := range []string{"records", "leaves"} {
		ok(t, dir, "", at("export", "--form", form, form+".kvx")...)
		ok(t, dir, "", "import", "--dir", form, form+".kvx", "--scheme", "vote-poseidon")
		if out := ok(t, dir, "", "diff", "vote", form); !strings.Contains(out, "scheme vote-poseidon") || !strings.HasSuffix(out, "no record differs\n") {
			t.Error(out)
		}
		if r := cli(t, dir, "", "import", "--dir", "wrong", form+".kvx", "--scheme", "orchard"); r.code != 3 || !strings.Contains(r.err, "a tree of scheme vote-poseidon, not of orchard") {
			t.Errorf("%+v", r)
		}
	}
	swapped := write(t, dir, "swapped.kvx", withoutScheme(t, read(t, dir, "records.kvx")))
	if r := cli(t, dir, "", "import", "--dir", "wrong", swapped); r.code != 3 || !strings.Contains(r.err, "its header says the scheme orchard, and its tip another one") {
		t.Errorf("%+v", r)
	}
	if _, err := os.Lstat(filepath.Join(dir, "wrong")); !os.IsNotExist(err) {
		t.Errorf("the refused import left a directory: %v", err)
	}
	// Cut behind the tip, it is refused as soon as the tip of the first run is opened again.
	whole := read(t, dir, "swapped.kvx")
	cut := write(t, dir, "cut.kvx", whole[:len(whole)-50])
	if r := cli(t, dir, "", "import", "--dir", "wrong", cut); r.code != 3 || !strings.Contains(r.err, "the same command goes on from there") {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, "", "import", "--dir", "wrong", cut); r.code != 3 || !strings.Contains(r.err, "its header says the scheme orchard, and its tip another one") {
		t.Errorf("%+v", r)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "wrong")); err != nil || len(left) > 0 {
		t.Errorf("the refused import left %v, %v", left, err)
	}
	ok(t, dir, "", at("rewind", "1")...)
	if r := cli(t, dir, "", "diff", "vote", "records"); r.code != 5 || !strings.Contains(r.out, "same up to checkpoint 1") {
		t.Errorf("%+v", r)
	}
}

// withoutScheme returns a stream of records whose header passes for an Orchard tree's.
func withoutScheme(t *testing.T, text string) string {
	t.Helper()
	from, err := stream.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var made bytes.Buffer
	from.Header.Scheme = ""
	w, err := stream.NewWriter(&made, from.Header)
	if err != nil {
		t.Fatal(err)
	}
	for {
		piece, err := from.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.Record(*piece.Record)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return made.String()
}

// TestConfigAndTipDisagree: a directory whose kvshard.json says another scheme than the
// tree's tip is refused, by commands that read as by those that write.
func TestConfigAndTipDisagree(t *testing.T) {
	dir := t.TempDir()
	ok(t, dir, "", "init", "--dir", "orchard")
	ok(t, dir, clitest.Raw(clitest.Leaves(20)), "append", "--dir", "orchard", "--format", "raw")
	ok(t, dir, "", "init", "--dir", "vote", "--scheme", "vote-poseidon")
	ok(t, dir, clitest.Raw(clitest.Leaves(20)), "append", "--dir", "vote", "--format", "raw")
	one, other := read(t, dir, "orchard/kvshard.json"), read(t, dir, "vote/kvshard.json")
	write(t, dir, "orchard/kvshard.json", other)
	write(t, dir, "vote/kvshard.json", one)
	for _, c := range [][2]string{
		{"orchard", "says the scheme vote-poseidon, and the tree in orchard/tree.db is of orchard"},
		{"vote", "says the scheme orchard, and the tree in vote/tree.db is of vote-poseidon"},
	} {
		for _, args := range [][]string{{"root"}, {"check"}, {"stat"}, {"checkpoint", "1"}, {"export", "--salvage", "out.kvx"}} {
			if r := cli(t, dir, "", append(args, "--dir", c[0])...); r.code != 7 || !strings.Contains(r.err, c[1]) {
				t.Errorf("%s %v: %+v", c[0], args, r)
			}
		}
		if r := cli(t, dir, "", "root", "--dir", c[0]); !strings.Contains(r.err, "or write the tree's scheme into the file") {
			t.Errorf("%+v", r)
		}
	}
	// kvshard.json cannot name a scheme that is not known.
	unknownStore(t, dir, "tree", hashtree.Node{1})
	ok(t, dir, "", "init", "--dir", "unknown")
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, "unknown/tree.db")), os.Rename(filepath.Join(dir, "tree.db"), filepath.Join(dir, "unknown/tree.db"))); err != nil {
		t.Fatal(err)
	}
	if r := cli(t, dir, "", "root", "--dir", "unknown"); r.code != 7 || !strings.Contains(r.err, "hint: put the database back that was made there, or read the database with --db") {
		t.Errorf("%+v", r)
	}
	ok(t, dir, "", "nodes", "0", "0", "1", "--db", "unknown/tree.db")
}

// sha is a hash that the command does not know.
type sha struct{}

func (sha) CombineBatch(level int, children, parents []hashtree.Node) error {
	for i := range parents {
		parents[i] = sha256.Sum256(slices.Concat([]byte{byte(level)}, children[2*i][:], children[2*i+1][:]))
	}
	return nil
}

func (sha) Canonical(hashtree.Node) bool { return true }

// unknownStore makes NAME.db with a tree of the scheme, of 100 leaves and 5 checkpoints.
// The leaves are those of no field.
func unknownStore(t *testing.T, dir, name string, last hashtree.Node) *hashtree.Scheme {
	t.Helper()
	scheme, err := hashtree.NewScheme("sha", 20, hashtree.Node{}, sha{})
	if err != nil {
		t.Fatal(err)
	}
	fillDatabase(t, dir, name, func(db dbm.DB) {
		tree, err := hashtree.Open(db, scheme)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			leaf := hashtree.Node(bytes.Repeat([]byte{0xFF - byte(i)}, 32))
			if i == 99 {
				leaf = last
			}
			if _, err := tree.Append(leaf); err != nil {
				t.Fatal(err)
			}
			if i%20 == 19 {
				if err := tree.Checkpoint(uint32(i)); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	return scheme
}

// TestUnknownScheme: of a tree whose hash the command does not have, it shows what needs
// no hash, and says what is missing; the rest is an error that names the scheme.
func TestUnknownScheme(t *testing.T) {
	dir := t.TempDir()
	scheme := unknownStore(t, dir, "a", hashtree.Node{1})
	unknownStore(t, dir, "b", hashtree.Node{2})
	name := hex.EncodeToString(func() []byte { f := scheme.Fingerprint(); return f[:] }())
	why := "the tree is of scheme " + name + ", which this command does not know"
	at := func(args ...string) []string { return append(args, "--db", "a.db") }

	if out := ok(t, dir, "", at("checkpoint")...); !strings.HasPrefix(out, "19   size 20\n39   size 40\n") {
		t.Error(out)
	}
	if out := ok(t, dir, "", at("nodes", "0", "3", "1")...); out != strings.Repeat("fc", 32)+"\n" {
		t.Error(out)
	}
	out := ok(t, dir, "", at("stat")...)
	if !strings.HasPrefix(out, "scheme "+name+"\nno root, depth and gas of the last blocks: "+why+"\nleaves 100, checkpoints 5 (19 to 99, 0 retained)\n") || strings.Contains(out, "gas\t") {
		t.Error(out)
	}
	stat := okJSON[map[string]any](t, dir, "", at("stat")...)
	if stat["scheme"] != name || stat["size"] != 100.0 || stat["root"] != nil || stat["depth"] != nil || !strings.HasSuffix(stat["not_shown"].(string), why) {
		t.Errorf("%v", stat)
	}
	if out := ok(t, dir, "", at("dump")...); !strings.HasPrefix(out, "tree of scheme "+name+": 100 leaves\nno root and no inner nodes: "+why+"\nshard(0)   ") {
		t.Error(out)
	}
	if out := ok(t, dir, "", at("dump", "--output", "json", "--values")...); strings.Count(out, `"record":"shard(`) != 7 {
		t.Error(out)
	}
	r := cli(t, dir, "", "diff", "a.db", "b.db")
	if r.code != 5 || strings.Count(r.out, "100 leaves, scheme "+name+"\nno root, and none at checkpoints: "+why) != 2 || !strings.Contains(r.out, "first differing leaf 99\n") {
		t.Errorf("%+v", r)
	}
	if out := ok(t, dir, "", at("view", "page.html")...); out != "page.html: 100 leaves; open it in a browser\nno root and no frontier: "+why+"\n" {
		t.Error(out)
	}
	if page := read(t, dir, "page.html"); !strings.Contains(page, `"lacking":"no root and no frontier: `+why) {
		t.Error("the page does not say what it lacks")
	}

	if out := ok(t, dir, "", at("export", "a.kvx")...); !strings.HasPrefix(out, "exported 100 leaves, ") || !strings.HasSuffix(out, "\nno roots in its header: "+why+"\n") {
		t.Error(out)
	}
	exported := okJSON[map[string]any](t, dir, "", at("export", "a.kvx")...)
	if there := exported["checkpoints"].([]any); exported["root"] != nil || len(there) != 5 || !reflect.DeepEqual(there[0], map[string]any{"id": 19.0, "size": 20.0, "retained": false}) {
		t.Errorf("%v", exported)
	}
	fillDatabase(t, dir, "new", func(db dbm.DB) {
		tree, err := hashtree.Open(db, scheme)
		if err == nil {
			_, err = tree.Append(hashtree.Node{1})
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	exported = okJSON[map[string]any](t, dir, "", "export", "new.kvx", "--db", "new.db")
	if there, listed := exported["checkpoints"].([]any); !listed || len(there) > 0 {
		t.Errorf("%v", exported)
	}
	text, err := os.Open(filepath.Join(dir, "a.kvx"))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	from, err := stream.NewReader(text)
	if err != nil || from.Header.Scheme != name || from.Header.Size != 100 || len(from.Header.Checkpoints) != 5 {
		t.Fatalf("%+v, %v", from, err)
	}
	if r := cli(t, dir, "", "import", "--dir", "c", "a.kvx"); r.code != 3 || !strings.Contains(r.err, "the stream cannot be verified: "+why) {
		t.Errorf("%+v", r)
	}
	if _, err := os.Lstat(filepath.Join(dir, "c")); !os.IsNotExist(err) {
		t.Errorf("the refused import left a directory: %v", err)
	}

	for _, args := range [][]string{{"root"}, {"root", "--at", "39"}, {"witness", "3"}, {"witness", "3", "--at", "39"}, {"check"}, {"frontier"}, {"view", "--leaf", "3", "other.html"}} {
		r := cli(t, dir, "", at(args...)...)
		if want := "kvshard " + args[0] + ": " + why + "\n  hint: "; r.code != 7 || !strings.HasPrefix(r.err, want) {
			t.Errorf("%v: %+v", args, r)
		}
	}
}
