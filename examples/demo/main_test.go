package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var out, errs bytes.Buffer
	if status := run([]string{"-dir", dir}, &out, &errs); status != 0 {
		t.Fatalf("status %d\n%s%s", status, &out, &errs)
	}
	text := out.String()
	t.Logf("\n%s", text)
	if strings.Contains(text, "DIFFERS") || strings.Contains(text, "BROKEN") {
		t.Errorf("something differs:\n%s", text)
	}
	for what, want := range map[string]int{"equal": 5 + 3 + 1, "verified": 1, "same root": 3, "same root and witness": 1, "sound": 3, "49518611": 3} {
		if got := strings.Count(text, what); got != want {
			t.Errorf("%q stands there %d times, want %d", what, got, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
		t.Errorf("the directory that was given holds %v, %v", entries, err)
	}

	errs.Reset()
	if status := run([]string{"-dir", dir}, &out, &errs); status != 1 || !strings.Contains(errs.String(), "not empty") {
		t.Errorf("a directory that is not empty: status %d, %s", status, &errs)
	}
}

func TestTemporaryDirectoryIsRemoved(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var out, errs bytes.Buffer
	if status := run(nil, &out, &errs); status != 0 {
		t.Fatalf("status %d\n%s%s", status, &out, &errs)
	}
	if entries, err := os.ReadDir(temp); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestUsage(t *testing.T) {
	var out, errs bytes.Buffer
	if status := run([]string{"-h"}, &out, &errs); status != 0 || !strings.Contains(errs.String(), "-dir") {
		t.Errorf("-h: status %d, %s", status, &errs)
	}
	for _, args := range [][]string{{"-unknown"}, {"file"}} {
		if status := run(args, &out, &errs); status != 2 {
			t.Errorf("%v: status %d, want 2", args, status)
		}
	}
}

// TestDifferencesAreFound: what does not agree with the data ends in an error.
func TestDifferencesAreFound(t *testing.T) {
	for name, spoil := range map[string]func(*input){
		"consensus root": func(in *input) { in.chains[0].Blocks[2].RootAfter[0] ^= 1 },
		"commitment":     func(in *input) { in.chains[1].Blocks[1].Commitments[0][0] ^= 1 },
		"frontier":       func(in *input) { in.frontier.Ommers[3][0] ^= 1 },
		"no node":        func(in *input) { in.frontier.Leaf[31] = 0xFF },
	} {
		t.Run(name, func(t *testing.T) {
			in, err := load()
			if err != nil {
				t.Fatal(err)
			}
			spoil(&in)
			var out bytes.Buffer
			if err := demo(&out, t.TempDir(), in); err == nil {
				t.Errorf("no error:\n%s", &out)
			}
		})
	}
}
