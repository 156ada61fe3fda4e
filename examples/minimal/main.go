// Command minid is a chain made from nothing: the modules that every chain has, put
// together by depinject, and x/commitment by one import and one line of configuration in
// app.go.
package main

import (
	"os"
	"path/filepath"

	"cosmossdk.io/client/v2/autocli"
	"cosmossdk.io/depinject"
	"cosmossdk.io/log/v2"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	clientconfig "github.com/cosmos/cosmos-sdk/client/config"
	"github.com/cosmos/cosmos-sdk/client/keys"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/server"
	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	"github.com/cosmos/cosmos-sdk/types/module"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"

	cmtcfg "github.com/cometbft/cometbft/config"
)

var home = filepath.Join(os.Getenv("HOME"), ".minid")

func main() {
	root, err := rootCommand()
	if err != nil {
		panic(err)
	}
	if err := svrcmd.Execute(root, "", home); err != nil {
		os.Exit(1)
	}
}

func rootCommand() (*cobra.Command, error) {
	var (
		commands autocli.AppOptions
		basics   module.BasicManager
		ctx      client.Context
	)
	if err := depinject.Inject(depinject.Configs(appConfig(), depinject.Supply(log.NewNopLogger()), depinject.Provide(ClientContext)), &commands, &basics, &ctx); err != nil {
		return nil, err
	}
	root := &cobra.Command{
		Use:          "minid",
		Short:        "A chain with a note commitment tree",
		SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			ctx, err := client.ReadPersistentCommandFlags(ctx.WithCmdContext(cmd.Context()), cmd.Flags())
			if err != nil {
				return err
			}
			if ctx, err = clientconfig.ReadFromClientConfig(ctx); err != nil {
				return err
			}
			if err := client.SetCmdClientContextHandler(ctx, cmd); err != nil {
				return err
			}
			app := serverconfig.DefaultConfig()
			app.MinGasPrices = "0stake"
			return server.InterceptConfigsPreRunHandler(cmd, serverconfig.DefaultConfigTemplate, app, cmtcfg.DefaultConfig())
		},
	}
	root.AddCommand(genutilcli.InitCmd(basics, home), genutilcli.Commands(ctx.TxConfig, basics, home), keys.Commands(), server.StatusCommand())
	server.AddCommands(root, home, newApp, nil, func(*cobra.Command) {})
	return root, commands.EnhanceRootCommand(root)
}

// ClientContext is what the commands know of the chain.
func ClientContext(cdc codec.Codec, registry codectypes.InterfaceRegistry, tx client.TxConfig, amino *codec.LegacyAmino) client.Context {
	return client.Context{}.WithCodec(cdc).WithInterfaceRegistry(registry).WithTxConfig(tx).WithLegacyAmino(amino).
		WithInput(os.Stdin).WithAccountRetriever(authtypes.AccountRetriever{}).WithHomeDir(home).WithViper("")
}
