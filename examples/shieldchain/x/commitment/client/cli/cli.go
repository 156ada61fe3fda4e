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
		query("params", "The parameters", 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Params(ctx, &types.QueryParamsRequest{})
		}),
		query("root", "The root of all leaves", 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Root(ctx, &types.QueryRootRequest{})
		}),
		query("root-at [height]", "The anchor that held at a height", 1, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			height, err := strconv.ParseUint(args[0], 10, 32)
			if err != nil {
				return nil, err
			}
			return c.RootAt(ctx, &types.QueryRootAtRequest{Height: uint32(height)})
		}),
		query("anchor [root]", "Whether a root (hex) is a kept anchor", 1, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			root, err := hex.DecodeString(args[0])
			if err != nil {
				return nil, err
			}
			return c.Anchor(ctx, &types.QueryAnchorRequest{Root: root})
		}),
		query("witness [position] [height]", "The proof of a leaf, against the root of all leaves or of a height's anchor", 2, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			position, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return nil, err
			}
			var height uint64
			if len(args) == 2 {
				if height, err = strconv.ParseUint(args[1], 10, 32); err != nil {
					return nil, err
				}
			}
			return c.Witness(ctx, &types.QueryWitnessRequest{Position: position, Height: uint32(height)})
		}),
		query("leaf [position]", "The leaf at a position", 1, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			position, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return nil, err
			}
			return c.Leaf(ctx, &types.QueryLeafRequest{Position: position})
		}),
		query("size", "The number of leaves", 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Size(ctx, &types.QuerySizeRequest{})
		}),
		query("frontier", "What another tree needs to go on from here", 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Frontier(ctx, &types.QueryFrontierRequest{})
		}),
	)
	return cmd
}

// query makes a command with at most max arguments. Those that use shows as not
// optional are required.
func query(use, short string, max int, run func(context.Context, types.QueryClient, []string) (gogoproto.Message, error)) *cobra.Command {
	min := max
	if strings.HasPrefix(use, "witness") {
		min = 1
	}
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
