package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/store/v2/rootmulti"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/client/cli"
	"github.com/kvshard/kvshard/x/commitment/client/light"
)

// verifyCmd verifies as a client that has only a node's RPC.
func verifyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [position] [commitment]",
		Short: "Prove through the RPC alone what a node says of the tree",
		Long: `Proves that a commitment is at a position of the chain's tree, with nothing but
a node's RPC: the anchor is proven against the application hash of a header, the
leaf against the anchor by its witness. The header itself a light client would
verify by the validators' signatures.

The question tells the node which commitment it is about. A wallet asks for a tree
state and subtree roots instead, which the commands below prove in the same way.`,
		Example: "  shieldd verify 17 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n  shieldd verify tree-state\n  shieldd verify subtree-roots --height 1000",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			position, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return err
			}
			bytes, err := cli.ParseBytes(args[1])
			if err != nil {
				return err
			}
			leaf, err := kvshard.NodeFromBytes(bytes)
			if err != nil {
				return err
			}
			return proven(cmd, func(ctx context.Context, client *light.Client) (string, error) {
				anchor, err := client.Leaf(ctx, position, leaf)
				return fmt.Sprintf("position %d is proven: anchor %x of height %d, %d leaves", position, anchor.Root, anchor.Height, anchor.Size_), err
			})
		},
	}
	cmd.AddCommand(verifyTreeStateCmd(), verifySubtreeRootsCmd())
	cmd.PersistentFlags().String(flags.FlagNode, "tcp://localhost:26657", "<host>:<port> of the node's RPC")
	cmd.PersistentFlags().Int64(flags.FlagHeight, 0, "the height after which to ask, which the node must still have; the newest that is proven if 0")
	return cmd
}

func verifyTreeStateCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "tree-state",
		Short: "Prove the tree state after a height",
		Long: `Asks for the tree after a height, as a wallet does that starts there, and proves it:
its root is that of the anchor, whose record is in the state with the header's
application hash.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return proven(cmd, func(ctx context.Context, client *light.Client) (string, error) {
				frontier, anchor, err := client.TreeState(ctx)
				if err != nil {
					return "", err
				}
				state, err := frontier.MarshalTreestate()
				return fmt.Sprintf("%x\nthe tree state is proven: anchor %x of height %d, %d leaves", state, anchor.Root, anchor.Height, anchor.Size_), err
			})
		},
	}
}

func verifySubtreeRootsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "subtree-roots",
		Short: "Prove the roots of all complete subtrees of 65,536 leaves",
		Long: `Asks for the roots of all complete subtrees after a height and the heights that
completed them. The roots are held against the tree state, which is proven as
"tree-state" does it; the heights are proven by their records.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return proven(cmd, func(ctx context.Context, client *light.Client) (text string, err error) {
				roots, err := client.SubtreeRoots(ctx)
				for i, root := range roots {
					text += fmt.Sprintf("%d %x %d\n", i, root.Root, root.CompletingHeight)
				}
				return text + fmt.Sprintf("%d subtree roots are proven", len(roots)), err
			})
		},
	}
}

// proven asks the node that the flags name, and prints what it could prove.
func proven(cmd *cobra.Command, ask func(context.Context, *light.Client) (string, error)) error {
	address, err := cmd.Flags().GetString(flags.FlagNode)
	if err != nil {
		return err
	}
	height, err := cmd.Flags().GetInt64(flags.FlagHeight)
	if err != nil {
		return err
	}
	rpc, err := rpchttp.New(address, "/websocket")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
	defer cancel()
	height, appHash, err := appHashAfter(ctx, rpc, height)
	if err != nil {
		return err
	}
	text, err := ask(ctx, light.At(rpc, height, appHash, rootmulti.DefaultProofRuntime()))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s, in the state of height %d with hash %x\n", text, height, appHash)
	return err
}

// appHashAfter returns the application hash after a height, or after the newest height
// that has one: the hash of the state after a height is in the next header.
func appHashAfter(ctx context.Context, rpc *rpchttp.HTTP, height int64) (int64, []byte, error) {
	status, err := rpc.Status(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("status: %w", err)
	}
	newest := status.SyncInfo.LatestBlockHeight - 1
	if height == 0 {
		height = newest
	}
	if height > newest || height < 2 {
		return 0, nil, fmt.Errorf("height %d cannot be proven: the node has headers for the states of 2 to %d", height, newest)
	}
	next := height + 1
	header, err := rpc.Header(ctx, &next)
	if err != nil {
		return 0, nil, fmt.Errorf("header: %w", err)
	}
	return height, header.Header.AppHash, nil
}
