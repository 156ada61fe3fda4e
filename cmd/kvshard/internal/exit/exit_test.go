package exit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func TestReport(t *testing.T) {
	wrapped := func(err error) error { return exit.Ran(fmt.Errorf("outer: %w", err)) }
	for _, c := range []struct {
		name          string
		err           error
		code          int
		message, hint string
	}{
		{"cobra's own", errors.New("unknown flag"), exit.Usage, "unknown flag", `run "kvshard root --help"`},
		{"a command's, unknown", exit.Ran(errors.New("oops")), exit.Other, "oops", ""},
		{"usage", exit.Ran(exit.Usagef("--at %d", 7)), exit.Usage, "--at 7", `run "kvshard root --help"`},
		{"with a hint", wrapped(exit.Errorf(exit.Input, "read", "line %d", 3)), exit.Input, "outer: line 3", "read"},
		{"its own code counts", wrapped(exit.Errorf(exit.State, "", "%w", disk.ErrFull)), exit.State, "outer: the disk is full", ""},
		{"a database's", wrapped(disk.ErrNoStore), exit.Store, "outer: no such store", "give another --store or --height"},
		{"the tree's", wrapped(kvshard.ErrInvalidArgument), exit.Input, "outer: " + kvshard.ErrInvalidArgument.Error(), ""},
		{"interrupted", wrapped(context.Canceled), exit.Interrupted, "interrupted", "give the same command again"},
		{"interrupted, with a message", wrapped(exit.Errorf(exit.Interrupted, "go on", "interrupted at 7")), exit.Interrupted, "outer: interrupted at 7", "go on"},
	} {
		text := c.name + ": kvshard root: " + c.message + "\n"
		if c.hint != "" {
			text += "  hint: " + c.hint + "\n"
		}
		var out strings.Builder
		if code := exit.Report(&out, "kvshard root", false, c.err); code != c.code || c.name+": "+out.String() != text {
			t.Errorf("code %d, want %d; %q, want %q", code, c.code, out.String(), text)
		}
		out.Reset()
		var got struct {
			Error, Hint string
			Code        int
		}
		code := exit.Report(&out, "kvshard root", true, c.err)
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil || code != c.code || got.Code != c.code || got.Error != c.message || got.Hint != c.hint {
			t.Errorf("%s, in JSON: code %d, %v: %s", c.name, code, err, out.String())
		}
	}
}

func TestSilent(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		var out strings.Builder
		if code := exit.Report(&out, "kvshard check", asJSON, exit.Ran(exit.Silent(exit.No))); code != exit.No || out.String() != "" {
			t.Errorf("code %d, %q", code, out.String())
		}
	}
}
