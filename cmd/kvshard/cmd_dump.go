package main

import (
	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func (a *app) dumpCommand() *cobra.Command {
	var values bool
	c := &cobra.Command{
		Use:   "dump",
		Short: "Print a picture of the tree in text, or its records in JSON",
		Long: `Print the tree as text: root, checkpoints, cap, quads, tip and shards, with the
bytes that each takes. With --output json, print the records instead, a line
each: key, name and length, and with --values the value.`,
		Example: `  $ kvshard dump
  tree of depth 32: 8 leaves, root 6fbd...
  ...

  $ kvshard dump --output json --values
  {"key":"0f0000000000000000","record":"shard(0)","bytes":307,"value":"0102..."}`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&values, "values", false, "print values, too, in JSON")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		s, err := a.toRead(c.Context())
		if err != nil {
			return err
		}
		defer s.close(&err)
		if values && a.output != "json" {
			return exit.Usagef("--values goes with --output json")
		}
		if a.output == "json" {
			return a.dumpRecords(s, values)
		}
		tree, err := s.tree()
		if err != nil {
			return err
		}
		return tree.Dump(a.out)
	}
	return c
}

func (a *app) dumpRecords(s *source, values bool) error {
	lines := newLines(a.out)
	err := records(s.kv, s.prefix, func(r record) error {
		line := struct {
			Key    string  `json:"key"`
			Record string  `json:"record,omitempty"`
			Bytes  int     `json:"bytes"`
			Value  *string `json:"value,omitempty"`
		}{Key: hexText(append(append([]byte{}, s.prefix...), r.key...)), Record: recordName(r.key), Bytes: len(r.value)}
		if values {
			text := hexText(r.value)
			line.Value = &text
		}
		return lines.encode(line)
	})
	if err != nil {
		return err
	}
	return lines.flush()
}
