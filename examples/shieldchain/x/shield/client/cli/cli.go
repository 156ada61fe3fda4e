// Package cli has the module's commands.
package cli

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"

	gogoproto "github.com/cosmos/gogoproto/proto"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
)

// flagRecipient names the account that gets the value that leaves the pool.
const flagRecipient = "recipient"

// TxCmd returns the commands that send messages.
func TxCmd() *cobra.Command {
	cmd := &cobra.Command{Use: types.ModuleName, Short: "Shield, pay and unshield (an example, not audited)", RunE: client.ValidateCmd}
	cmd.AddCommand(bundleCmd())
	return cmd
}

func bundleCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle [file]",
		Short: "Send a bundle, as shieldwallet writes it",
		Long: `Sends a bundle, as shieldwallet writes it. The account of --from must be the
sender that the bundle was made for: it pays the fee, and the value that enters
the pool. If value leaves the pool, --recipient is the account that the bundle
was made for.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			recipient, err := cmd.Flags().GetString(flagRecipient)
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			if _, err := bundle.Parse(raw); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			msg := &types.MsgBundle{Sender: clientCtx.GetFromAddress().String(), Recipient: recipient, Bundle: raw}
			return tx.GenerateOrBroadcastTxCLI(clientCtx, cmd.Flags(), msg)
		},
	}
	cmd.Flags().String(flagRecipient, "", "The account that gets the value that leaves the pool")
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}

// QueryCmd returns the commands that query.
func QueryCmd() *cobra.Command {
	cmd := &cobra.Command{Use: types.ModuleName, Short: "Query the pool of shielded value", RunE: client.ValidateCmd}
	cmd.AddCommand(
		query("params", "The parameters", 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Params(ctx, &types.QueryParamsRequest{})
		}),
		query("nullifier [nullifier]", "Whether the note with a nullifier (hex) is spent", 1, func(ctx context.Context, c types.QueryClient, args []string) (gogoproto.Message, error) {
			nullifier, err := hex.DecodeString(args[0])
			if err != nil {
				return nil, err
			}
			return c.Nullifier(ctx, &types.QueryNullifierRequest{Nullifier: nullifier})
		}),
		query("pool", "The value of all unspent notes, and the coins that cover it", 0, func(ctx context.Context, c types.QueryClient, _ []string) (gogoproto.Message, error) {
			return c.Pool(ctx, &types.QueryPoolRequest{})
		}),
	)
	return cmd
}

func query(use, short string, args int, run func(context.Context, types.QueryClient, []string) (gogoproto.Message, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(args),
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
