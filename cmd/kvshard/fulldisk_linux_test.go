package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// A smallDisk is a file system in memory.
type smallDisk struct {
	t    *testing.T
	path string
}

func newSmallDisk(t *testing.T, size string) *smallDisk {
	t.Helper()
	d := &smallDisk{t, t.TempDir()}
	err := syscall.Mount("kvshard-test", d.path, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("a full disk needs a mount of its own, which is not permitted here")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.path, 0); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *smallDisk) grow(size string) {
	d.t.Helper()
	if err := syscall.Mount("kvshard-test", d.path, "tmpfs", syscall.MS_REMOUNT, "size="+size); err != nil {
		d.t.Fatal(err)
	}
}

// fill leaves no more than so many bytes, and returns what frees the rest.
func (d *smallDisk) fill(left int64) (free func()) {
	d.t.Helper()
	var now syscall.Statfs_t
	if err := syscall.Statfs(d.path, &now); err != nil {
		d.t.Fatal(err)
	}
	path := filepath.Join(d.path, "ballast")
	if n := int64(now.Bavail)*now.Bsize - left; n > 0 {
		err := os.WriteFile(path, make([]byte, n), 0o644)
		if err != nil && !(left == 0 && errors.Is(err, syscall.ENOSPC)) { // others may write, too
			d.t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			d.t.Fatal(err)
		}
	}
}

// within is cli, which must end in time.
func within(t *testing.T, limit time.Duration, stdin string, args ...string) result {
	t.Helper()
	c := exec.Command(clitest.Built, args...)
	c.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	timer := time.AfterFunc(limit, func() { killed = c.Process.Kill() == nil })
	_ = c.Wait()
	if timer.Stop(); killed {
		t.Fatalf("kvshard %v hangs: %s%s", args, out.String(), errs.String())
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

const hangs = 90 * time.Second // a loaded machine takes some

// TestAppendOnFullDisk appends on disks that get full at different moments: in a
// batch, between two, in the background, when the database is closed. What is
// told as done is done, and the obvious retry, which is the same command, and
// the one that the message offers append nothing twice.
func TestAppendOnFullDisk(t *testing.T) {
	all := clitest.Leaves(4 * source.BatchLeaves)
	for _, backend := range []string{"goleveldb", "pebble"} {
		for _, c := range []struct {
			size    string
			batches int
		}{{"3m", 4}, {"5200k", 2}, {"5500k", 4}, {"8m", 4}, {"11m", 4}} {
			t.Run(backend+" "+c.size, func(t *testing.T) {
				nodes := all[:c.batches*source.BatchLeaves]
				input := write(t, t.TempDir(), "leaves.raw", clitest.Raw(nodes))
				d := newSmallDisk(t, c.size)
				tree := filepath.Join(d.path, "tree")
				first := within(t, hangs, "", "init", "--dir", tree, "--backend", backend)
				if first.code != 0 {
					t.Fatalf("%+v", first)
				}
				command := []string{"append", "--dir", tree, input, "--checkpoint", "5", "--progress", "off"}
				r := within(t, hangs, "", command...)
				if r.code == 0 {
					if got := okJSON[source.State](t, "", "", "root", "--dir", tree); got.Size != uint64(len(nodes)) {
						t.Fatalf("reported as done, and there are %d leaves: %+v", got.Size, r)
					}
					return
				}
				again := fmt.Sprintf("kvshard append --dir %s --start 0 %s --checkpoint 5", tree, input)
				if r.code != exit.Store || r.out != "" || !strings.Contains(r.err, tree) || !strings.Contains(r.err, "the disk is full") ||
					!strings.Contains(r.err, again) || !strings.Contains(r.err, exit.FreeSpace) {
					t.Fatalf("want the disk's name and %q: %+v", again, r)
				}
				if retry := within(t, hangs, "", command...); retry.code == 0 {
					t.Fatalf("the retry on the full disk: %+v", retry)
				}
				d.grow("100m")
				ok(t, "", "", "check", "--dir", tree)
				size := okJSON[source.State](t, "", "", "root", "--dir", tree).Size
				if size > 0 { // nothing of it is there: the same command begins it
					if retry := within(t, hangs, "", command...); retry.code != exit.State || !strings.Contains(retry.err, "was not finished") {
						t.Fatalf("the same command once more: %+v", retry)
					}
				}
				ok(t, "", "", append(command, "--start", "0")...)
				if got := okJSON[source.State](t, "", "", "root", "--dir", tree); got.Size != uint64(len(nodes)) || got.Root.String() != clitest.Root(t, nodes) {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

// An append that waits for input on a full disk ends by a signal.
func TestSignalOnFullDisk(t *testing.T) {
	for _, backend := range []string{"goleveldb", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			d := newSmallDisk(t, "16m")
			tree := filepath.Join(d.path, "tree")
			ok(t, "", "", "init", "--dir", tree, "--backend", backend)
			c := exec.Command(clitest.Built, "append", "--dir", tree)
			in, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Process.Kill() })
			if _, err := in.Write([]byte(clitest.Raw(clitest.Leaves(source.BatchLeaves)))); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the first batch", func() bool { return bytesIn(t, filepath.Join(tree, source.DatabaseName)) > 2<<20 })
			d.fill(0)
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			select {
			case <-ended:
			case <-time.After(hangs):
				_ = c.Process.Kill()
				t.Fatal("it ignores the signal")
			}
			if code := c.ProcessState.ExitCode(); code != exit.Interrupted && code != exit.Store {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// The small commands, each on a disk with no byte left.
func TestWritesOnFullDisk(t *testing.T) {
	for _, backend := range []string{"goleveldb", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			d := newSmallDisk(t, "8m")
			tree := filepath.Join(d.path, "tree")
			ok(t, "", "", "init", "--dir", tree, "--backend", backend)
			ok(t, "", clitest.Raw(clitest.Leaves(100)), "append", "--dir", tree, "--checkpoint", "1")
			ok(t, "", clitest.Raw(clitest.Leaves(100)), "append", "--dir", tree, "--checkpoint", "2")
			before := ok(t, "", "", "dump", "--dir", tree)
			free := d.fill(0)
			for _, args := range [][]string{
				{"append"}, {"checkpoint", "3"}, {"checkpoint", "--retain", "2"}, {"rewind", "1"},
			} {
				r := within(t, hangs, clitest.Raw(clitest.Leaves(3)), append(args, "--dir", tree)...)
				if r.code != exit.Store || r.out != "" || !strings.Contains(r.err, "the disk is full") || !strings.Contains(r.err, exit.FreeSpace) || !strings.Contains(r.err, tree) {
					t.Errorf("%v: %+v", args, r)
				}
			}
			// Reading needs no space.
			if now := ok(t, "", "", "dump", "--dir", tree); now != before {
				t.Errorf("refused commands changed the tree:\n%s\n%s", before, now)
			}
			free()
			ok(t, "", "", "check", "--dir", tree)
			ok(t, "", "", "rewind", "1", "--dir", tree)
			ok(t, "", clitest.Raw(clitest.Leaves(3)), "append", "--dir", tree, "--start", "100")
		})
	}
}

// What init leaves on a full disk, or when it is killed, does not stand in the
// way of the next.
func TestInitOnFullDisk(t *testing.T) {
	for _, backend := range []string{"goleveldb", "pebble"} {
		refused, mounted := 0, false
		for _, left := range []int64{0, 4 << 10, 8 << 10, 12 << 10, 16 << 10, 20 << 10, 24 << 10, 28 << 10, 64 << 10} {
			t.Run(fmt.Sprint(backend, left), func(t *testing.T) {
				d := newSmallDisk(t, "1m")
				mounted = true
				tree := filepath.Join(d.path, "tree")
				free := d.fill(left)
				r := within(t, hangs, "", "init", "--dir", tree, "--backend", backend)
				if r.code == 0 {
					ok(t, "", "", "root", "--dir", tree)
					return
				}
				refused++
				if r.code != exit.Store || r.out != "" || !strings.Contains(r.err, "the disk is full") || !strings.Contains(r.err, tree) {
					t.Errorf("%+v", r)
				}
				if _, err := os.Lstat(tree); err == nil {
					t.Errorf("it left %s", listing(t, tree))
				}
				free()
				ok(t, "", "", "init", "--dir", tree, "--backend", backend)
			})
		}
		if refused == 0 && mounted {
			t.Errorf("%s: no disk was too small", backend)
		}
	}
}

// An import on a full disk goes on when there is space.
func TestImportOnFullDisk(t *testing.T) {
	from := t.TempDir()
	nodes := clitest.Leaves(3 * source.BatchLeaves)
	ok(t, from, "", "init")
	ok(t, from, clitest.Raw(nodes), "append", "--checkpoint", "7")
	for _, form := range []string{"records", "leaves"} {
		stream := filepath.Join(from, form+".kvx")
		ok(t, from, "", "export", "--form", form, stream)
		for _, backend := range []string{"goleveldb", "pebble"} {
			for _, size := range []string{"2m", "6m"} {
				t.Run(strings.Join([]string{form, backend, size}, " "), func(t *testing.T) {
					d := newSmallDisk(t, size)
					command := []string{"import", "--dir", d.path, stream, "--backend", backend, "--progress", "off"}
					r := within(t, hangs, "", command...)
					if r.code != exit.Store || r.out != "" || !strings.Contains(r.err, "the disk is full") || !strings.Contains(r.err, d.path) || !strings.Contains(r.err, "the same command") {
						t.Fatalf("%+v", r)
					}
					if r := cli(t, "", "", "root", "--dir", d.path); r.code != exit.Store {
						t.Errorf("a half import is there: %+v", r)
					}
					d.grow("100m")
					ok(t, "", "", command...)
					if out := ok(t, "", "", "diff", filepath.Join(from, "tree"), d.path); !strings.Contains(out, "no record differs") {
						t.Error(out)
					}
				})
			}
		}
	}
}

// A result that cannot be written leaves the file that was there, and the exit
// code tells; an append whose result nobody saw is not appended twice.
func TestOutputOnFullDisk(t *testing.T) {
	d := newSmallDisk(t, "1m")
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(clitest.Leaves(40_000)), "append", "--checkpoint", "1")
	free := d.fill(8 << 10)
	for _, args := range [][]string{
		{"export", "OUT"}, {"export", "--form", "leaves", "OUT"}, {"view", "OUT"},
	} {
		out := write(t, d.path, "out", "what was there")
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "OUT", out)
		}
		r := cli(t, dir, "", args...)
		if r.code != exit.Other || r.out != "" || !strings.Contains(r.err, "no space left") {
			t.Errorf("%v: %+v", args, r)
		}
		if got := read(t, d.path, "out"); got != "what was there" {
			t.Errorf("%v left %d bytes", args, len(got))
		}
		if left, _ := filepath.Glob(out + ".*"); len(left) > 0 {
			t.Errorf("%v left %v", args, left)
		}
	}
	free()

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = full.Close() }()
	command := func() (int, string) {
		c := exec.Command(clitest.Built, "append")
		c.Dir, c.Stdin, c.Stdout = dir, strings.NewReader(clitest.Raw(clitest.Leaves(7))), full
		var errs bytes.Buffer
		c.Stderr = &errs
		_ = c.Run()
		return c.ProcessState.ExitCode(), errs.String()
	}
	code, text := command()
	if code != exit.Other || !strings.Contains(text, "7 leaves of this input are on disk") {
		t.Errorf("code %d: %s", code, text)
	}
	if code, text := command(); code != exit.State || !strings.Contains(text, "--start 40000") {
		t.Errorf("the retry: code %d: %s", code, text)
	}
	var got source.State
	if err := json.Unmarshal([]byte(ok(t, dir, "", "root", "-o", "json")), &got); err != nil || got.Size != 40_007 {
		t.Errorf("%v %+v", err, got)
	}
}

// A database on a disk that cannot be written is read all the same.
func TestReadOnlyDisk(t *testing.T) {
	for _, backend := range []string{"goleveldb", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			d := newSmallDisk(t, "8m")
			tree := filepath.Join(d.path, "tree")
			ok(t, "", "", "init", "--dir", tree, "--backend", backend)
			ok(t, "", clitest.Raw(clitest.Leaves(100)), "append", "--dir", tree)
			if err := syscall.Mount("kvshard-test", d.path, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			ok(t, "", "", "check", "--dir", tree)
			ok(t, "", "", "check", "--db", filepath.Join(tree, source.DatabaseName))
			if r := cli(t, "", clitest.Raw(clitest.Leaves(1)), "append", "--dir", tree); r.code != exit.Store {
				t.Errorf("%+v", r)
			}
		})
	}
}
