package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func parseID(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, exit.Usagef("a checkpoint id is a number from 0 to 4294967295, not %q", text)
	}
	return uint32(id), nil
}

// capacity is how many leaves a tree holds.
const capacity = uint64(1) << kvshard.Depth

// parsePosition reads the position of a leaf.
func parsePosition(text string) (uint64, error) {
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil || position >= capacity {
		return 0, exit.Usagef("a position is a number from 0 to %d, not %q", capacity-1, text)
	}
	return position, nil
}

// parseNumber reads an argument that is a number up to most.
func parseNumber(name, text string, most uint64) (uint64, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number > most {
		return 0, exit.Usagef("%s is a number from 0 to %d, not %q", name, most, text)
	}
	return number, nil
}

// parseNode reads the node that a flag has.
func parseNode(flag, text string) (kvshard.Node, error) {
	node, err := kvshard.ParseNode(text)
	if err != nil {
		return node, fmt.Errorf("%s: %w", flag, err)
	}
	return node, nil
}

// An idFlag is a checkpoint's id, or nil if the flag is not given.
type idFlag struct{ id *uint32 }

func (f *idFlag) Type() string { return "id" }

func (f *idFlag) String() string {
	if f.id == nil {
		return ""
	}
	return fmt.Sprint(*f.id)
}

func (f *idFlag) Set(text string) error {
	id, err := parseID(text)
	f.id = &id
	return err
}

// A positionFlag is a position in a tree, or nil if the flag is not given.
type positionFlag struct{ position *uint64 }

func (f *positionFlag) Type() string { return "position" }

func (f *positionFlag) String() string {
	if f.position == nil {
		return ""
	}
	return fmt.Sprint(*f.position)
}

func (f *positionFlag) Set(text string) error {
	position, err := parsePosition(text)
	f.position = &position
	return err
}

// A sizeFlag is a number of leaves, or nil if the flag is not given.
type sizeFlag struct{ size *uint64 }

func (f *sizeFlag) Type() string { return "size" }

func (f *sizeFlag) String() string {
	if f.size == nil {
		return ""
	}
	return fmt.Sprint(*f.size)
}

func (f *sizeFlag) Set(text string) error {
	size, err := parseNumber("a size", text, capacity)
	f.size = &size
	return err
}

// notEmpty refuses flags and arguments that are given but empty: an unset variable
// of the shell must not count as a flag that was not given.
func notEmpty(c *cobra.Command, args []string) (err error) {
	if strings.HasPrefix(c.Name(), cobra.ShellCompRequestCmd) {
		return nil // the shell asks for what may follow
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && emptyValue(f.Value) {
			err = exit.Usagef("--%s is empty: give it a value, or leave it out", f.Name)
		}
	})
	for i, arg := range args {
		if err == nil && strings.TrimSpace(arg) == "" {
			err = exit.Usagef("argument %d is empty", i+1)
		}
	}
	return err
}

func emptyValue(value pflag.Value) bool {
	list, ok := value.(pflag.SliceValue)
	if !ok {
		return strings.TrimSpace(value.String()) == ""
	}
	for _, one := range list.GetSlice() {
		if strings.TrimSpace(one) == "" {
			return true
		}
	}
	return len(list.GetSlice()) == 0
}

// checkFlags checks the flags that all commands have.
func checkFlags(e *env) error {
	if e.output != "text" && e.output != "json" {
		return exit.Usagef("--output %q: it is text or json", e.output)
	}
	switch e.showing {
	case "auto", "bar", "plain", "off":
	default:
		return exit.Usagef("--progress %q: it is auto, bar, plain or off", e.showing)
	}
	if err := disk.CheckBackend(e.backend); err != nil {
		return exit.Usagef("--backend: %w", err)
	}
	if _, err := hex.DecodeString(e.place.Prefix); err != nil {
		return exit.Usagef("--prefix %q: %w", e.place.Prefix, err)
	}
	if e.place.Height < 0 {
		return exit.Usagef("--height %d: it is a number from 0", e.place.Height)
	}
	return nil
}

// outputOf returns the --output among the arguments, wherever it stands. An error can
// have stopped cobra before it read that far.
func outputOf(c *cobra.Command, args []string) string {
	output := &anyText{}
	lenient := pflag.NewFlagSet("", pflag.ContinueOnError)
	lenient.ParseErrorsAllowlist.UnknownFlags = true
	lenient.SetOutput(io.Discard)
	add := func(f *pflag.Flag) {
		if lenient.Lookup(f.Name) != nil {
			return
		}
		as := *f
		as.Value = &anyText{}
		if f.Name == "output" {
			as.Value = output
		}
		lenient.AddFlag(&as)
	}
	c.LocalFlags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	for lenient.Parse(args) != nil && len(args) > 0 {
		args = args[1:] // what is no flag at all ended it
	}
	return output.text
}

// anyText takes any value.
type anyText struct{ text string }

func (a *anyText) Type() string          { return "string" }
func (a *anyText) String() string        { return a.text }
func (a *anyText) Set(text string) error { a.text = text; return nil }
