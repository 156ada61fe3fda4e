// Package cli has the commands that AutoCLI cannot make of the module's services.
package cli

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

	"github.com/kvshard/kvshard/x/commitment/types"
)

// TxCmd returns the commands that send messages.
func TxCmd() *cobra.Command {
	cmd := &cobra.Command{Use: types.ModuleName, Short: "Append to the note commitment tree", RunE: client.ValidateCmd}
	cmd.AddCommand(appendFileCmd())
	return cmd
}

func appendFileCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "append-file [file]",
		Short: "Append the commitments in a file: 32 bytes each in base64 or hex, with white space between them",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			commitments, err := readCommitments(args[0])
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

func readCommitments(name string) (commitments [][]byte, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for i, word := range strings.Fields(string(text)) {
		commitment, err := ParseBytes(word)
		if err != nil {
			return nil, fmt.Errorf("%s: number %d: %w", name, i, err)
		}
		commitments = append(commitments, commitment)
	}
	return commitments, nil
}

// ParseBytes reads a root or a commitment of 32 bytes in either form: base64, which the
// module's answers have, or hex.
func ParseBytes(text string) ([]byte, error) {
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString} {
		if bytes, err := decode(text); err == nil && len(bytes) == 32 {
			return bytes, nil
		}
	}
	return nil, fmt.Errorf("%q is not 32 bytes in base64 or hex", text)
}
