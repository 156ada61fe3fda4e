package bench

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/internal/dbstore"
)

// commandStores are those that "kvshard init" makes a tree on.
var commandStores = map[string]struct{}{disk.GoLevelDB: {}, disk.Pebble: {}}

const (
	treeName   = "tree"
	copyName   = "copy"
	leavesName = "leaves.raw"
	streamName = "tree.kvx"
	pageName   = "tree.html"
)

// The commands that are timed, as tables name them.
var commandNames = []string{"append", "check", "export", "import", "root", "witness", "view"}

// A commandRun is one command, in a process of its own.
type commandRun struct {
	Command string  `json:"command"`
	Seconds float64 `json:"seconds"`
	Memory  int64   `json:"peak_memory,omitempty"` // bytes that were resident, where /proc tells
	Written int64   `json:"bytes_written,omitempty"`
}

// A builder builds a tree by the commands of this program, as a user does, and runs
// the other commands on it.
type builder struct {
	*Bench
	backend, dir string
	runs         []commandRun
}

// build returns what append took.
func (b *builder) build(n uint64) (time.Duration, error) {
	if err := b.writeLeaves(n); err != nil {
		return 0, err
	}
	if err := b.command("", "init", "--dir", treeName, "--backend", b.backend); err != nil {
		return 0, err
	}
	for _, c := range []struct {
		written string // what has the bytes that it wrote
		over    string // what is no longer needed then
		args    []string
	}{
		{treeName, leavesName, []string{"append", "--dir", treeName, "--format", "raw", leavesName}},
		{"", "", []string{"check", "--dir", treeName}},
		{streamName, "", []string{"export", "--dir", treeName, streamName}},
		{copyName, streamName, []string{"import", "--dir", copyName, "--backend", b.backend, streamName}},
		{"", copyName, []string{"root", "--dir", copyName}},
		{"", "", []string{"witness", "--dir", treeName, strconv.FormatUint(n/3, 10)}},
		{pageName, pageName, []string{"view", "--dir", treeName, pageName}},
	} {
		if err := b.command(c.written, c.args...); err != nil {
			return 0, err
		}
		if c.over != "" {
			if err := os.RemoveAll(filepath.Join(b.dir, c.over)); err != nil {
				return 0, err
			}
		}
	}
	return time.Duration(b.runs[0].Seconds * float64(time.Second)), nil
}

func (b *builder) writeLeaves(n uint64) error {
	return disk.ReplaceFile(filepath.Join(b.dir, leavesName), func(w io.Writer) error {
		for leaves := range inParts(n) {
			for i := range leaves {
				if _, err := w.Write(leaves[i][:]); err != nil {
					return err
				}
			}
		}
		return b.ctx.Err()
	})
}

// command runs a command in the directory, and notes what it took and the bytes of
// what it wrote.
func (b *builder) command(written string, args ...string) error {
	c := exec.CommandContext(b.ctx, b.Commands, append(args, "--progress", "plain")...)
	c.Dir, c.Stderr = b.dir, b.Log
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	started := time.Now()
	if err := c.Start(); err != nil {
		return err
	}
	memory := watchMemory(c.Process.Pid)
	err := c.Wait()
	run := commandRun{Command: args[0], Seconds: time.Since(started).Seconds(), Memory: memory()}
	if b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("kvshard %s: %w", strings.Join(args, " "), err)
	}
	if written != "" {
		if run.Written, err = dbstore.BytesIn(filepath.Join(b.dir, written)); err != nil {
			return err
		}
	}
	if args[0] == "init" {
		return nil
	}
	fmt.Fprintf(b.Log, "bench: kvshard %s: %.2f s, %d MiB, wrote %d bytes\n", strings.Join(args, " "), run.Seconds, run.Memory>>20, run.Written)
	b.runs = append(b.runs, run)
	return nil
}
