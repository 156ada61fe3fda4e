// Package clitest is what the tests of the command and of its packages share: the
// command as it is built, run in a directory, and leaves to give it. Only tests import
// it.
package clitest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
)

// Built is the path of the command, while [Main] runs the tests.
var Built string

// Main builds the command, runs the tests of a package, and returns their exit code.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kvshard-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	Built = filepath.Join(dir, "kvshard")
	build := exec.Command("go", "build", "-o", Built, "github.com/kvshard/kvshard/cmd/kvshard")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// Run runs the command in a directory.
func Run(t testing.TB, dir, stdin string, args ...string) (out, errs string, code int) {
	t.Helper()
	c := exec.Command(Built, args...)
	c.Dir, c.Stdin = dir, strings.NewReader(stdin)
	var text, messages bytes.Buffer
	c.Stdout, c.Stderr = &text, &messages
	err := c.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return text.String(), messages.String(), c.ProcessState.ExitCode()
}

// OK runs the command, which must succeed, and returns its output.
func OK(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	out, errs, code := Run(t, dir, stdin, args...)
	if code != 0 {
		t.Fatalf("kvshard %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// Leaves makes some, no two alike. The files that tools/wallet and tools/interop read
// are of these.
func Leaves(n int) []kvshard.Node { return treetest.LeavesAt(0, n) }

// Raw is what the command reads as --format raw.
func Raw(nodes []kvshard.Node) string {
	var b strings.Builder
	for _, n := range nodes {
		b.Write(n[:])
	}
	return b.String()
}

// Root is the root that the library has for these leaves.
func Root(t testing.TB, nodes []kvshard.Node) string {
	t.Helper()
	tree := treetest.Open(t, dbm.NewMemDB())
	if _, err := tree.AppendBatch(nodes); err != nil {
		t.Fatal(err)
	}
	root, err := tree.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root.String()
}

// BreakRecord writes other bytes in the place of a record, as a store may that fails,
// and none to delete it: what [kvshard.WriteRecord] does not take.
func BreakRecord(t testing.TB, db dbm.DB, prefix string, name kvshard.RecordName, value []byte) {
	t.Helper()
	key := append([]byte(prefix), name.Key()...)
	err := error(nil)
	if value == nil {
		err = db.DeleteSync(key)
	} else {
		err = db.SetSync(key, value)
	}
	if err != nil {
		t.Fatal(err)
	}
}
