package main

import (
	"bytes"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	c := exec.Command(clitest.Built, "append")
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
	batch := clitest.Raw(clitest.Leaves(source.BatchLeaves))
	for range 3 {
		if _, err := io.WriteString(stdin, batch); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1200 * time.Millisecond)
	}
	_ = stdin.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err, errs.String())
	}
	if !strings.Contains(errs.String(), " leaves, ") || strings.Contains(errs.String(), "\r") {
		t.Errorf("plain lines: %q", errs.String())
	}
	// A bar has what is done, the rate and the time left, and goes when it is over.
	write(t, dir, "leaves.raw", batch+batch+batch)
	r := cli(t, dir, "", "append", "leaves.raw", "--progress", "bar")
	if r.code != 0 || !regexp.MustCompile(`append +\d+% \|[^|]*\| +\([\d./]+[^)]*leaves/s\) \[\d+s:\d+s\]`).MatchString(r.err) || !strings.HasSuffix(strings.TrimRight(r.err, " "), "\r") {
		t.Errorf("a bar: %q", r.err)
	}
}
