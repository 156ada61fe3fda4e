package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	cmtcfg "github.com/cometbft/cometbft/config"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/cast"
	"github.com/spf13/cobra"
	"github.com/spf13/viper"
	"golang.org/x/sync/errgroup"

	"cosmossdk.io/client/v2/autocli"
	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/client"
	clientconfig "github.com/cosmos/cosmos-sdk/client/config"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/keys"
	"github.com/cosmos/cosmos-sdk/client/pruning"
	"github.com/cosmos/cosmos-sdk/client/snapshot"
	"github.com/cosmos/cosmos-sdk/codec/address"
	"github.com/cosmos/cosmos-sdk/server"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authcmd "github.com/cosmos/cosmos-sdk/x/auth/client/cli"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"

	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
	"github.com/kvshard/kvshard/x/commitment/preload"
	"github.com/kvshard/kvshard/x/commitment/types"
)

func rootCmd() *cobra.Command {
	// This application is never started; it only lends its codecs and commands.
	lender, err := app.New(log.NewNopLogger(), dbm.NewMemDB(), false, viper.New())
	if err != nil {
		panic(err)
	}
	basics := lender.Basics()
	clientCtx := client.Context{}.
		WithCodec(lender.Codec()).
		WithInterfaceRegistry(lender.InterfaceRegistry()).
		WithTxConfig(lender.TxConfig()).
		WithLegacyAmino(lender.LegacyAmino()).
		WithInput(os.Stdin).
		WithAccountRetriever(authtypes.AccountRetriever{}).
		WithHomeDir(app.DefaultNodeHome).
		WithViper("")

	root := &cobra.Command{
		Use:           "shieldd",
		Short:         "A chain with a note commitment tree",
		SilenceUsage:  true,
		SilenceErrors: false,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(cmd.OutOrStdout())
			cmd.SetErr(cmd.ErrOrStderr())
			ctx, err := client.ReadPersistentCommandFlags(clientCtx.WithCmdContext(cmd.Context()), cmd.Flags())
			if err != nil {
				return err
			}
			if ctx, err = clientconfig.ReadFromClientConfig(ctx); err != nil {
				return err
			}
			if err := client.SetCmdClientContextHandler(ctx, cmd); err != nil {
				return err
			}
			return server.InterceptConfigsPreRunHandler(cmd, serverconfig.DefaultConfigTemplate, defaultAppConfig(), defaultCometConfig())
		},
	}
	root.SetOut(os.Stdout)
	root.AddCommand(
		genutilcli.InitCmd(basics, app.DefaultNodeHome),
		genutilcli.Commands(lender.TxConfig(), basics, app.DefaultNodeHome),
		keys.Commands(),
		server.StatusCommand(),
		queryCmd(lender),
		txCmd(lender),
		verifyCmd(),
		lightdCmd(lender.TxConfig().TxDecoder()),
		checkCmd(),
		measureCmd(),
		preload.Cmd(types.StoreKey),
		pruning.Cmd(newApp, app.DefaultNodeHome),
		snapshot.Cmd(newApp),
	)
	// AutoCLI makes the commands that the modules describe.
	commands := autocli.AppOptions{
		Modules:               lender.AppModules(),
		AddressCodec:          clientCtx.InterfaceRegistry.SigningContext().AddressCodec(),
		ValidatorAddressCodec: clientCtx.InterfaceRegistry.SigningContext().ValidatorAddressCodec(),
		ConsensusAddressCodec: address.NewBech32Codec(sdk.GetConfig().GetBech32ConsensusAddrPrefix()),
		ClientCtx:             clientCtx,
	}
	if err := commands.EnhanceRootCommand(root); err != nil {
		panic(err)
	}
	server.AddCommandsWithStartCmdOptions(root, app.DefaultNodeHome, newNode, export, server.StartCmdOptions{
		AddFlags: func(start *cobra.Command) {
			start.Flags().Bool(app.FlagOptimisticExecution, false, "Execute a proposed block while it is voted on")
			start.Flags().StringSlice(app.FlagDisabledQueries, nil, "Queries of x/commitment that this node does not answer, say Witness,Nodes")
			start.Flags().Int(app.FlagOptimisticAborts, 0, "For tests: abort this percentage of the optimistic executions, and do them again")
		},
		// The first bundle should not wait for the verifying key.
		PostSetup: func(_ *server.Context, _ client.Context, _ context.Context, group *errgroup.Group) error {
			group.Go(func() error {
				bundle.Warm()
				return nil
			})
			return nil
		},
	})
	return root
}

func defaultAppConfig() *serverconfig.Config {
	cfg := serverconfig.DefaultConfig()
	cfg.MinGasPrices = "0stake"
	return cfg
}

// defaultCometConfig listens on loopback only. Change the file to listen
// elsewhere.
func defaultCometConfig() *cmtcfg.Config {
	cfg := cmtcfg.DefaultConfig()
	cfg.P2P.ListenAddress = "tcp://127.0.0.1:26656"
	return cfg
}

func queryCmd(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "query", Aliases: []string{"q"}, Short: "Query a node", RunE: client.ValidateCmd}
	cmd.AddCommand(server.QueryBlockCmd(), server.QueryBlocksCmd(), server.QueryBlockResultsCmd(),
		authcmd.QueryTxCmd(), authcmd.QueryTxsByEventsCmd())
	a.Basics().AddQueryCommands(cmd)
	return cmd
}

func txCmd(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "tx", Short: "Send a transaction", RunE: client.ValidateCmd}
	cmd.AddCommand(authcmd.GetSignCommand(), authcmd.GetBroadcastCommand(), authcmd.GetEncodeCommand(),
		authcmd.GetDecodeCommand(), authcmd.GetSimulateCmd())
	a.Basics().AddTxCommands(cmd)
	return cmd
}

func newApp(logger log.Logger, db dbm.DB, opts servertypes.AppOptions) servertypes.Application {
	a, err := app.New(logger, db, true, opts, server.DefaultBaseappOptions(opts)...)
	if err != nil {
		panic(err)
	}
	return a
}

// newNode is for the commands that execute blocks.
func newNode(logger log.Logger, db dbm.DB, opts servertypes.AppOptions) servertypes.Application {
	a := newApp(logger, db, opts)
	if err := a.(*app.App).CheckVersions(); err != nil {
		panic(err)
	}
	return a
}

func export(logger log.Logger, db dbm.DB, height int64, forZeroHeight bool, _ []string, opts servertypes.AppOptions, modules []string) (servertypes.ExportedApp, error) {
	a, err := load(logger, db, height, opts)
	if err != nil {
		return servertypes.ExportedApp{}, err
	}
	return a.Export(forZeroHeight, modules)
}

// load makes the application at a height, -1 for the newest.
func load(logger log.Logger, db dbm.DB, height int64, opts servertypes.AppOptions) (*app.App, error) {
	home := cast.ToString(opts.Get(flags.FlagHome))
	if err := isHome(home); err != nil {
		return nil, err
	}
	a, err := app.New(logger, db, height < 0, opts, server.DefaultBaseappOptions(opts)...)
	if err == nil && height >= 0 {
		err = a.LoadVersion(height)
	}
	if err == nil && a.LastBlockHeight() == 0 {
		err = fmt.Errorf("the node in %s has committed no block yet, so there is no state: start it first", home)
	}
	return a, err
}

// isHome tells why a folder is no node's home.
func isHome(home string) error {
	_, err := os.Stat(filepath.Join(home, "config", "genesis.json"))
	if err != nil {
		return fmt.Errorf("%s is no node's home: %w; \"shieldd init\" makes one, --home names another", home, err)
	}
	return nil
}

// checkCmd is for an operator who checks a stopped node after a bad block.
func checkCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check every record of the tree of a stopped node, and that its pool is covered",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := server.GetServerContextFromCmd(cmd)
			if err := isHome(ctx.Config.RootDir); err != nil {
				return err
			}
			db, err := dbm.NewDB("application", server.GetAppDBBackend(ctx.Viper), filepath.Join(ctx.Config.RootDir, "data"))
			if err != nil {
				return err
			}
			defer db.Close()
			height, err := cmd.Flags().GetInt64("height")
			if err != nil {
				return err
			}
			a, err := load(log.NewNopLogger(), db, height, ctx.Viper)
			if err != nil {
				return err
			}
			messages, broken := a.CheckState()
			if broken {
				return errors.New(strings.Join(messages, "\n"))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "height %d: %s\n", a.LastBlockHeight(), strings.Join(messages, ", "))
			return err
		},
	}
	cmd.Flags().String(flags.FlagHome, app.DefaultNodeHome, "The application home directory")
	cmd.Flags().Int64("height", -1, "Check the state of this height, -1 for the newest")
	return cmd
}
