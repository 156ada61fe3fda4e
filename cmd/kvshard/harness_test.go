package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/internal/dbstore"
)

type result struct {
	out, err string
	code     int
}

// cli runs the command in a directory.
func cli(t *testing.T, dir, stdin string, args ...string) result {
	t.Helper()
	out, errs, code := clitest.Run(t, dir, stdin, args...)
	return result{out, errs, code}
}

// ok runs the command, which must succeed, and returns its output.
func ok(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	return clitest.OK(t, dir, stdin, args...)
}

// okJSON runs the command with --output json and decodes what it prints.
func okJSON[T any](t *testing.T, dir, stdin string, args ...string) (v T) {
	t.Helper()
	out := ok(t, dir, stdin, append(args, "--output", "json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return v
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// bytesIn is how much a directory's files hold, 0 if there is none yet.
func bytesIn(t *testing.T, dir string) int64 {
	t.Helper()
	sum, err := dbstore.BytesIn(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return sum
}

// listing has names and contents of a database's files, but for its logs.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		if e.Name() == "LOG" || e.Name() == "LOCK" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %x\n", e.Name(), sha256.Sum256(data))
	}
	return b.String()
}

// shell gives a line to the shell.
func shell(t *testing.T, dir, line string) string {
	t.Helper()
	c := exec.Command("sh", "-c", line)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every way in which a JSON object can be spoilt and still be read by a reader
// that lets things pass: cut, with text after it, with a null, without a field,
// with a field twice or one more.
func spoilt(t *testing.T, text string, unknown bool) map[string]string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	with := func(name string, value json.RawMessage) string {
		changed := map[string]json.RawMessage{}
		for n, v := range fields {
			changed[n] = v
		}
		changed[name] = value
		if value == nil {
			delete(changed, name)
		}
		out, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	text = strings.TrimSpace(text)
	made := map[string]string{
		"cut by a byte": text[:len(text)-1], "cut in the middle": text[:len(text)/2], "text after it": text + "x", "a second one": text + text, "null": "null",
	}
	for name, value := range fields {
		made[name+" null"] = with(name, json.RawMessage("null"))
		made[name+" missing"] = with(name, nil)
		made[name+" twice"] = text[:len(text)-1] + fmt.Sprintf(",%q:%s}", name, value)
		if strings.HasPrefix(string(value), "[") && string(value) != "[]" {
			made["null in "+name] = with(name, append(append(json.RawMessage{}, value[:len(value)-1]...), ",null]"...))
		}
	}
	if unknown {
		made["one more"] = with("more", json.RawMessage("1"))
	}
	return made
}
