package preload

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/server"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"github.com/kvshard/kvshard/x/commitment/types"
)

// Cmd is "preload-tree FILE" of a node's program. store is the name of the module's store.
func Cmd(store string) *cobra.Command {
	return &cobra.Command{
		Use:   "preload-tree [file]",
		Short: "Put the tree of genesis into a new node's database, before the node runs",
		Long: `Put the tree that genesis.json names into the database of this home, from a stream that
the export of a chain or "kvshard export" wrote. Every node of the new chain must do so,
before its first start, and the tree in genesis.json has neither "file" nor "data": so
genesis says it. The initial height is 2 or more.

Memory does not grow with the tree. After an interruption give the same command again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			node := server.GetServerContextFromCmd(cmd)
			genesis, err := genutiltypes.AppGenesisFromFile(node.Config.GenesisFile())
			if err != nil {
				return err
			}
			tree, err := named(client.GetClientContextFromCmd(cmd), genesis)
			if err != nil {
				return fmt.Errorf("%s: %w", node.Config.GenesisFile(), err)
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			db, err := dbm.NewDB("application", server.GetAppDBBackend(node.Viper), filepath.Join(node.Config.RootDir, "data"))
			if err != nil {
				return err
			}
			if err := errors.Join(Tree(db, store, genesis.InitialHeight, file, tree), db.Close()); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "preloaded %s: the chain begins at height %d\n", &tree, genesis.InitialHeight)
			return err
		},
	}
}

// named is the tree that genesis names, which must be one to preload.
func named(ctx client.Context, genesis *genutiltypes.AppGenesis) (tree types.GenesisTree, err error) {
	var modules map[string]json.RawMessage
	if err := json.Unmarshal(genesis.AppState, &modules); err != nil {
		return tree, fmt.Errorf("app_state: %w", err)
	}
	var state types.GenesisState
	if err := ctx.Codec.UnmarshalJSON(modules[types.ModuleName], &state); err != nil {
		return tree, fmt.Errorf("app_state: %s: %w", types.ModuleName, err)
	}
	if state.Tree.File != "" || len(state.Tree.Data) > 0 {
		return tree, fmt.Errorf("app_state: %s: tree: it has file or data, and InitGenesis imports that: empty both to preload the tree on all nodes", types.ModuleName)
	}
	return state.Tree, nil
}
