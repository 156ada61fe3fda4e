package view

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
)

// The pages of the tests are those that the command writes.
var built string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "kvshard-view-test-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		built = filepath.Join(dir, "kvshard")
		if out, err := exec.Command("go", "build", "-o", built, "../..").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// command runs the built command in a directory, and returns what it wrote and
// its exit code.
func command(t *testing.T, dir, stdin string, args ...string) (out string, code int) {
	t.Helper()
	c := exec.Command(built, args...)
	c.Dir, c.Stdin = dir, strings.NewReader(stdin)
	var text, errs bytes.Buffer
	c.Stdout, c.Stderr = &text, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	t.Log(strings.Join(args, " "), errs.String())
	return text.String(), c.ProcessState.ExitCode()
}

// ok runs the command, which must succeed.
func ok(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	out, code := command(t, dir, stdin, args...)
	if code != 0 {
		t.Fatalf("kvshard %s: exit code %d", strings.Join(args, " "), code)
	}
	return out
}

// leaves makes some, pseudorandom and canonical.
func leaves(n int) []kvshard.Node {
	made := make([]kvshard.Node, n)
	for i := range made {
		for word := range 3 {
			x := (uint64(i) + uint64(word)<<40 + 1) * 0x9E3779B97F4A7C15
			binary.LittleEndian.PutUint64(made[i][8*word:], x^x>>29)
		}
	}
	return made
}

func raw(nodes []kvshard.Node) string {
	var b strings.Builder
	for _, n := range nodes {
		b.Write(n[:])
	}
	return b.String()
}

// rootOf is the root that the library has for these leaves.
func rootOf(t *testing.T, nodes []kvshard.Node) string {
	t.Helper()
	tree, err := kvshard.Open(kvtest.NewMemStore())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.AppendBatch(nodes); err != nil {
		t.Fatal(err)
	}
	root, err := tree.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root.String()
}

var dataElement = regexp.MustCompile(`(?s)(<script id="data" type="application/json">)(.*?)(</script>)`)

// dataOf is what a page was given.
func dataOf(t *testing.T, text string) (d data) {
	t.Helper()
	found := dataElement.FindStringSubmatch(text)
	if found == nil {
		t.Fatal("the page has no data")
	}
	if err := json.Unmarshal([]byte(found[2]), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// writePage writes a page of other data, and returns its address.
func writePage(t *testing.T, dir, name string, d data) string {
	t.Helper()
	text, err := assemble(d)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// enlarged is what the store of fifty million leaves would say of itself.
func enlarged(d data) data {
	d.Store.Size = 50_000_000
	d.Store.ShardRuns = [][3]uint64{{0, 3_124_999, 575}}
	d.Store.Checkpoints = []checkpoint{{ID: 7, Size: 49_999_990}, {ID: 8, Size: 50_000_000}}
	return d
}
