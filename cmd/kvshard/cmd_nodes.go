package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// A nodesView is a range of nodes as the command has it in JSON.
type nodesView struct {
	Level uint8          `json:"level"`
	First uint64         `json:"first"`
	Size  uint64         `json:"size"` // of the tree that they were read from
	Nodes []kvshard.Node `json:"nodes"`
}

func newNodesCommand(e *env) *cobra.Command {
	var file string
	var raw bool
	c := &cobra.Command{
		Use:   "nodes LEVEL FIRST COUNT",
		Short: "Print nodes of a level: leaves, or the roots of complete subtrees",
		Long: fmt.Sprintf(`Print COUNT nodes of a level from index FIRST on, a line each: what a wallet makes
its own tree from. Level 0 has the leaves, level 16 the roots of subtrees of 65,536
leaves that Zcash's wallets start from. Node I of level L covers the leaves I*2^L to
(I+1)*2^L-1. Only complete nodes are printed: a range that goes on behind them is
refused (code 4), and so is more than %d nodes.

With --binary, 32 bytes a node. The JSON form has level, first, size and nodes.`, kvshard.MaxNodes),
		Example: `  $ kvshard nodes 16 0 3
  2c8e...
  77f0...
  a41b...

  $ kvshard nodes 0 131072 65536 --binary --file leaves.bin
  $ kvshard nodes 8 0 781 --output json`,
		Args: cobra.ExactArgs(3),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"0\tleaves", "8\tsubtrees of 256 leaves", "16\tsubtrees of 65,536 leaves"}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		},
	}
	c.Flags().BoolVar(&raw, "binary", false, "write 32 bytes a node")
	c.Flags().StringVar(&file, "file", "", "write to this `file`")
	c.RunE = func(c *cobra.Command, args []string) error {
		var numbers [3]uint64
		for i, most := range [3]uint64{kvshard.Depth, capacity - 1, kvshard.MaxNodes} {
			var err error
			if numbers[i], err = parseNumber([]string{"LEVEL", "FIRST", "COUNT"}[i], args[i], most); err != nil {
				return err
			}
		}
		return withTree(c.Context(), e.place, func(s *source.Source, tree *kvshard.Tree) error {
			if numbers[0] > uint64(s.Scheme.Depth) {
				return exit.Usagef("LEVEL is a number from 0 to %d in a tree of %s, not %d", s.Scheme.Depth, s.Scheme.Label(), numbers[0])
			}
			view, err := readNodes(tree, int(numbers[0]), numbers[1], numbers[2])
			if err != nil {
				return err
			}
			emit := func(w io.Writer) error { return emitNodes(e, w, view, raw) }
			if file == "" {
				return emit(e.out)
			}
			return disk.ReplaceFile(file, emit)
		})
	}
	return c
}

// keptLevel is the level from which on every tree keeps its nodes, except those before the
// frontier that it started from.
const keptLevel = 4

func readNodes(tree *kvshard.Tree, level int, first, count uint64) (*nodesView, error) {
	size, err := tree.Size()
	if err != nil {
		return nil, err
	}
	nodes, err := tree.Nodes(level, first, count)
	switch {
	case errors.Is(err, kvshard.ErrPositionNotFound):
		return nil, exit.Errorf(exit.NotFound, fmt.Sprintf("give FIRST and COUNT within the %d complete nodes of level %d", size>>level, level), "%w", err)
	case errors.Is(err, kvshard.ErrPruned) && level < keptLevel:
		return nil, exit.Errorf(exit.NotFound, fmt.Sprintf("give a level of %d or more, or ask a tree that was made with --retention marked and has all leaves from the first", keptLevel), "%w", err)
	}
	return &nodesView{uint8(level), first, size, append([]kvshard.Node{}, nodes...)}, err
}

func emitNodes(e *env, w io.Writer, view *nodesView, raw bool) error {
	if !raw {
		return e.emitTo(w, view, func(w io.Writer) {
			for _, node := range view.Nodes {
				fmt.Fprintln(w, node)
			}
		})
	}
	if err := notForTerminal(w); err != nil {
		return err
	}
	all := make([]byte, 0, len(view.Nodes)*len(kvshard.Node{}))
	for _, node := range view.Nodes {
		all = append(all, node[:]...)
	}
	_, err := w.Write(all)
	return err
}
