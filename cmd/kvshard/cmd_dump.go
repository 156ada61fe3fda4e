package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func newDumpCommand(e *env) *cobra.Command {
	var values bool
	c := &cobra.Command{
		Use:   "dump",
		Short: "Print a picture of the tree in text, or its records in JSON",
		Long: `Print the tree as text: root, checkpoints, cap, quads, tip and shards, with the
bytes that each takes. With --output json, print the records instead, one line
each: key, name and length, and with --values also the value.

Of a tree whose scheme this command does not know, the picture is the list of its
records: what is above them takes the hash.`,
		Example: `  $ kvshard dump
  tree of depth 32: 8 leaves, root 6fbd...
  ...

  $ kvshard dump --output json --values
  {"key":"0f0000000000000000","record":"shard(0)","bytes":307,"value":"0102..."}`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&values, "values", false, "print the values too, with --output json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return withTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
			if values && e.output != "json" {
				return exit.Usagef("--values goes with --output json")
			}
			if e.output == "json" {
				return dumpRecords(e.out, s, values)
			}
			if lacking := s.Scheme.Lacking("root and no inner nodes"); lacking != "" {
				return listRecords(e.out, s, tree, lacking)
			}
			return tree.Dump(e.out)
		})
	}
	return c
}

// dumpRecords writes the records in JSON, a line each.
func dumpRecords(w io.Writer, s *source.Source, values bool) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	lines := json.NewEncoder(buffered)
	for r, err := range s.Records() {
		if err != nil {
			return err
		}
		line := struct {
			Key    string  `json:"key"`
			Record string  `json:"record,omitempty"`
			Bytes  int     `json:"bytes"`
			Value  *string `json:"value,omitempty"`
		}{Key: hex.EncodeToString(append(append([]byte{}, s.Prefix...), r.Key...)), Record: r.Name().String(), Bytes: len(r.Value)}
		if values {
			text := hex.EncodeToString(r.Value)
			line.Value = &text
		}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// listRecords writes what can be told of a tree without its hash.
func listRecords(w io.Writer, s *source.Source, tree *kvshard.Tree, lacking string) error {
	size, err := tree.Size()
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(buffered, "tree of scheme %s: %d leaves\n%s\n", s.Scheme.Label(), size, lacking)
	for r, err := range s.Records() {
		if err != nil {
			return err
		}
		name := r.Name().String()
		if name == "" {
			name = hex.EncodeToString(r.Key)
		}
		fmt.Fprintf(buffered, "%s   %d bytes\n", name, len(r.Value))
	}
	return buffered.Flush()
}
