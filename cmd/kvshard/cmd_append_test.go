package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/internal/realdata"
)

func TestRealBlocks(t *testing.T) {
	t.Parallel()
	chain, err := realdata.Testnet()
	if err != nil {
		t.Fatal(err)
	}
	for _, backend := range []string{"goleveldb", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			dir := t.TempDir()
			ok(t, dir, "", "init", "--backend", backend)
			ok(t, dir, "", "append", testdata(t, "roots/testnet.json"))
			for _, b := range chain.Blocks {
				got := okJSON[source.State](t, dir, "", "root", "--at", fmt.Sprint(b.Height))
				if got.Root != b.RootAfter || got.Size != b.SizeAfter {
					t.Errorf("block %d: %+v", b.Height, got)
				}
			}
			again := ok(t, dir, "", "append", "--start", "0", testdata(t, "roots/testnet.json"))
			if !strings.Contains(again, "appended 0 leaves from position 8") {
				t.Error(again)
			}
			if out := ok(t, dir, "", "check"); !strings.Contains(out, "sound: 8 leaves") {
				t.Error(out)
			}
			if out := ok(t, dir, "", "dump"); !strings.Contains(out, "checkpoint 1842468 at size 8") {
				t.Error(out)
			}
			if out := ok(t, dir, "", "checkpoint"); strings.Count(out, "\n") != len(chain.Blocks) {
				t.Error(out)
			}
			if out := ok(t, dir, "", "stat"); !strings.Contains(out, "1842468        2   26252") {
				t.Error(out)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	nodes := clitest.Leaves(40)
	var hex, array, stream strings.Builder
	array.WriteString("[ ")
	hex.WriteString("# commitments\r\n\n")
	for i, n := range nodes {
		fmt.Fprintf(&hex, "%s\n", n)
		if i > 0 {
			array.WriteString(",\n")
		}
		fmt.Fprintf(&array, "%q", n)
		fmt.Fprintf(&stream, "{\"commitments\": [%q]}\n", n)
	}
	array.WriteString("]")
	root := clitest.Root(t, nodes)
	for name, text := range map[string]string{
		"hex": hex.String(), "array": array.String(), "stream": stream.String(), "raw": clitest.Raw(nodes),
		"blocks.json": fmt.Sprintf(`{"blocks":[{"height":3,"commitments":%s,"root_after":%q}]}`, array.String(), root),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ok(t, dir, "", "init")
			write(t, dir, name, text)
			got := okJSON[source.State](t, dir, "", "append", name)
			if got.Root.String() != root || got.Size != 40 {
				t.Errorf("from a file: %+v", got)
			}
			ok(t, dir, "", "init", "--dir", "other")
			if got := okJSON[source.State](t, dir, text, "append", "--dir", "other"); got.Root.String() != root {
				t.Errorf("from standard input: %+v", got)
			}
		})
	}
}

// An append that is interrupted, or killed, is continued with nothing lost
// and nothing twice.
func TestAppendInterrupted(t *testing.T) {
	t.Parallel()
	nodes := clitest.Leaves(3*source.BatchLeaves/2 + 7)
	text := clitest.Raw(nodes)
	root := clitest.Root(t, nodes)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, os.Kill} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			ok(t, dir, "", "init")
			c := exec.Command(clitest.Built, "append", "--checkpoint", "5")
			c.Dir = dir
			stdin, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var errs bytes.Buffer
			c.Stderr = &errs
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			// One whole batch, and a part of the next, which stays in memory.
			if _, err := io.WriteString(stdin, text[:32*(source.BatchLeaves+1000)]); err != nil {
				t.Fatal(err)
			}
			// All of it: on a busy machine a journal grows for a while.
			grown := int64(0)
			waitFor(t, "the first batch on disk", func() bool {
				before := grown
				grown = bytesIn(t, filepath.Join(dir, "tree/tree.db"))
				time.Sleep(200 * time.Millisecond)
				return grown > 2<<20 && grown == before
			})
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			err = c.Wait()
			if signal != os.Kill {
				if code := c.ProcessState.ExitCode(); code != exit.Interrupted || !strings.Contains(errs.String(), "--start 0 - --checkpoint 5") {
					t.Errorf("%v, code %d: %s", err, code, errs.String())
				}
			}
			if got := okJSON[source.State](t, dir, "", "root"); got.Size != source.BatchLeaves {
				t.Errorf("size %d on disk, want %d", got.Size, source.BatchLeaves)
			}
			// The same command would append the first batch again.
			if r := cli(t, dir, text, "append", "--checkpoint", "5"); r.code != exit.State || !strings.Contains(r.err, "go on with kvshard append --dir tree --start 0 -, or give --start 65536 for another input") {
				t.Errorf("%+v", r)
			}
			for range 2 { // the second time there is nothing left to do
				got := okJSON[source.State](t, dir, text, "append", "--start", "0", "--checkpoint", "5")
				if got.Size != uint64(len(nodes)) || got.Root.String() != root {
					t.Errorf("continued: %+v, want root %s", got, root)
				}
			}
			if list := okJSON[[]source.Checkpoint](t, dir, "", "checkpoint"); len(list) != 1 {
				t.Error(list)
			}
			ok(t, dir, clitest.Raw(nodes[:1]), "append")
		})
	}
}

// What is left of an append can also be left as it is.
func TestAppendNotFinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(30)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes[:5]), "append", "--checkpoint", "1")
	block := func(height, from, to int, root kvshard.Node) string {
		list, err := json.Marshal(nodes[from:to])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"height":%d,"commitments":%s,"root_after":%q}`, height, list, root)
	}
	var right kvshard.Node
	if err := right.UnmarshalText([]byte(clitest.Root(t, nodes[:10]))); err != nil {
		t.Fatal(err)
	}
	blocks := write(t, dir, "blocks.json", block(2, 5, 10, right)+block(3, 10, 15, nodes[0]))
	if r := cli(t, dir, "", "append", "blocks.json"); r.code != exit.Input || !strings.Contains(r.err, "5 leaves before it are on disk") || !strings.Contains(r.err, "--start 5 blocks.json") {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, clitest.Raw(nodes[:1]), "append"); r.code != exit.State || !strings.Contains(r.err, "--start 5 blocks.json, or give --start 10 for another input") {
		t.Errorf("%+v", r)
	}
	ok(t, dir, clitest.Raw(nodes[10:12]), "append", "--start", "10")
	ok(t, dir, clitest.Raw(nodes[12:13]), "append")
	ok(t, dir, "", "rewind", "2")
	if r := cli(t, dir, "", "append", "--start", "5", blocks); r.code != exit.Input {
		t.Errorf("%+v", r)
	}
	ok(t, dir, "", "rewind", "1") // before it began
	ok(t, dir, clitest.Raw(nodes[5:8]), "append")
	if got := okJSON[source.State](t, dir, "", "root"); got.Root.String() != clitest.Root(t, nodes[:8]) {
		t.Errorf("%+v", got)
	}
}
