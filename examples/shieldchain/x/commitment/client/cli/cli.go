// Package cli has the module's commands.
package cli

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	gogoproto "github.com/cosmos/gogoproto/proto"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/kvshard/kvshard/examples/shieldchain/x/commitment/types"
)

// TxCmd returns the commands that send messages.
func TxCmd() *cobra.Command {
	cmd := &cobra.Command{Use: types.ModuleName, Short: "Append to the note commitment tree", RunE: client.ValidateCmd}
	cmd.AddCommand(appendCmd())
	return cmd
}

func appendCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "append [commitment or @file]...",
		Short: "Append commitments: 64 hex digits each, or @file with one a line",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			commitments, err := parseCommitments(args)
			if err != nil {
				return err
			}
			msg := &types.MsgAppend{Sender: clientCtx.GetFromAddress().String(), Commitments: commitments}
			return tx.GenerateOrBroadcastTxCLI(clientCtx, cmd.Flags(), msg)
		},
	}
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}

func parseCommitments(args []string) ([][]byte, error) {
	var commitments [][]byte
	for _, arg := range args {
		texts := []string{arg}
		if name, isFile := strings.CutPrefix(arg, "@"); isFile {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			texts = strings.Fields(string(text))
		}
		for _, text := range texts {
			c, err := hex.DecodeString(text)
			if err != nil || len(c) != 32 {
				return nil, fmt.Errorf("%q is not 64 hex digits", text)
			}
			commitments = append(commitments, c)
		}
	}
	return commitments, nil
}

// QueryCmd returns the commands that query.
func QueryCmd() *cobra.Command {
	cmd := &cobra.Command{Use: types.ModuleName, Short: "Query the note commitment tree", RunE: client.ValidateCmd}
	cmd.AddCommand(
		query("params", "The parameters", 0, 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Params(ctx, &types.QueryParamsRequest{})
		}),
		query("root", "The root of all leaves", 0, 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Root(ctx, &types.QueryRootRequest{})
		}),
		query("root-at [height]", "The anchor that held at a height", 1, 1, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			height, err := strconv.ParseUint(args[0], 10, 32)
			if err != nil {
				return nil, err
			}
			return c.RootAt(ctx, &types.QueryRootAtRequest{Height: uint32(height)})
		}),
		query("anchor [root]", "Whether a root (hex) is a kept anchor", 1, 1, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			root, err := hex.DecodeString(args[0])
			if err != nil {
				return nil, err
			}
			return c.Anchor(ctx, &types.QueryAnchorRequest{Root: root})
		}),
		query("witness [position] [height]", "The proof of a leaf, against the root of all leaves or of a height's anchor. The node learns which leaf", 1, 2, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			position, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return nil, err
			}
			height, err := optional(args, 1, 32)
			if err != nil {
				return nil, err
			}
			return c.Witness(ctx, &types.QueryWitnessRequest{Position: position, Height: uint32(height)})
		}),
		query("leaf [position]", "The leaf at a position", 1, 1, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			position, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return nil, err
			}
			return c.Leaf(ctx, &types.QueryLeafRequest{Position: position})
		}),
		query("size", "The number of leaves", 0, 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Size(ctx, &types.QuerySizeRequest{})
		}),
		query("frontier", "What another tree needs to go on from here", 0, 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Frontier(ctx, &types.QueryFrontierRequest{})
		}),
		query("subtree-roots [start] [max]", "The roots of the complete subtrees of 65,536 leaves, from one on", 0, 2, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			start, err := optional(args, 0, 64)
			if err != nil {
				return nil, err
			}
			max, err := optional(args, 1, 32)
			if err != nil {
				return nil, err
			}
			return c.SubtreeRoots(ctx, &types.QuerySubtreeRootsRequest{Start: start, Max: uint32(max)})
		}),
		query("tree-state [height]", "The tree after a height, or after the newest: what a wallet starts from", 0, 1, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			height, err := optional(args, 0, 64)
			if err != nil {
				return nil, err
			}
			return c.TreeState(ctx, &types.QueryTreeStateRequest{Height: height})
		}),
		query("nodes [level] [first] [max]", "The complete nodes of a level (0 has the leaves, 32 the root), from one on", 2, 3, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			level, err := optional(args, 0, 32)
			if err != nil {
				return nil, err
			}
			first, err := optional(args, 1, 64)
			if err != nil {
				return nil, err
			}
			max, err := optional(args, 2, 32)
			if err != nil {
				return nil, err
			}
			return c.Nodes(ctx, &types.QueryNodesRequest{Level: uint32(level), First: first, Max: uint32(max)})
		}),
		query("anchors [from] [to] [max]", "The kept anchors of a range of heights", 0, 3, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			from, to, max, err := heightRange(args)
			if err != nil {
				return nil, err
			}
			return c.Anchors(ctx, &types.QueryAnchorsRequest{From: from, To: to, Max: max})
		}),
		query("heights [from] [to] [max]", "The heights of a range that appended, and the number of leaves after each", 0, 3, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			from, to, max, err := heightRange(args)
			if err != nil {
				return nil, err
			}
			return c.Heights(ctx, &types.QueryHeightsRequest{From: from, To: to, Max: max})
		}),
	)
	return cmd
}

// optional reads an argument that may be missing, and then is 0.
func optional(args []string, i, bits int) (uint64, error) {
	if i >= len(args) {
		return 0, nil
	}
	return strconv.ParseUint(args[i], 10, bits)
}

func heightRange(args []string) (from, to uint64, max uint32, err error) {
	if from, err = optional(args, 0, 64); err != nil {
		return 0, 0, 0, err
	}
	if to, err = optional(args, 1, 64); err != nil {
		return 0, 0, 0, err
	}
	items, err := optional(args, 2, 32)
	return from, to, uint32(items), err
}

// query makes a command with min to max arguments.
func query(use, short string, min, max int, run func(context.Context, types.QueryClient, []string) (gogoproto.Message, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.RangeArgs(min, max),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientQueryContext(cmd)
			if err != nil {
				return err
			}
			answer, err := run(cmd.Context(), types.NewQueryClient(clientCtx), args)
			if err != nil {
				return err
			}
			return clientCtx.PrintProto(answer)
		},
	}
	flags.AddQueryFlagsToCmd(cmd)
	return cmd
}
