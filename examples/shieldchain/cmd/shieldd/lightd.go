package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard/examples/shieldchain/lightd"
	"github.com/kvshard/kvshard/examples/shieldchain/lightd/walletrpc"
)

const (
	flagListen    = "listen"
	flagMaxBlocks = "max-blocks"
	// mostCalls bounds the calls of one connection that run at a time.
	mostCalls = 16
)

// lightdCmd serves light wallets. baseapp serves gRPC too, but supplies the state
// of a query to unary calls only, and its port has no streams.
func lightdCmd(decode sdk.TxDecoder) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lightd",
		Short: "Serve Zcash's light wallets from a node (an example, not audited)",
		Long: `Serves the calls of CompactTxStreamer (ZIP 307) with which Zcash's light wallets
synchronize: GetLatestBlock, GetTreeState, GetSubtreeRoots and GetBlockRange.
Any other call is UNIMPLEMENTED.

It needs nothing but a node's RPC. Before it sends a block it compares the
block's transactions with the leaves of the node's tree. It ends on SIGINT or
SIGTERM, and prints what it sent.

The connection is not encrypted. It listens on loopback unless --listen says
otherwise; put a proxy with TLS before it to serve others.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := cmd.Flags().GetString(flags.FlagNode)
			if err != nil {
				return err
			}
			listen, err := cmd.Flags().GetString(flagListen)
			if err != nil {
				return err
			}
			maxBlocks, err := cmd.Flags().GetUint64(flagMaxBlocks)
			if err != nil {
				return err
			}
			if maxBlocks == 0 {
				return fmt.Errorf("--%s must be at least 1", flagMaxBlocks)
			}
			return serveWallets(cmd, decode, address, listen, maxBlocks)
		},
	}
	cmd.Flags().String(flags.FlagNode, "tcp://localhost:26657", "<host>:<port> of the node's RPC")
	cmd.Flags().String(flagListen, "127.0.0.1:9067", "<host>:<port> to listen on; port 0 takes a free one")
	cmd.Flags().Uint64(flagMaxBlocks, lightd.DefaultMaxBlocks, "How many blocks a wallet may ask for at a time")
	return cmd
}

func serveWallets(cmd *cobra.Command, decode sdk.TxDecoder, address, listen string, maxBlocks uint64) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	node, err := lightd.NewRPC(address)
	if err != nil {
		return fmt.Errorf("--%s %s: %w", flags.FlagNode, address, err)
	}
	chainID, last, err := reach(ctx, node)
	if err != nil {
		return fmt.Errorf("no node at --%s %s: %w", flags.FlagNode, address, err)
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("--%s: %w", flagListen, err)
	}
	traffic := &lightd.Traffic{}
	server := grpc.NewServer(
		grpc.ForceServerCodec(codec.NewProtoCodec(codectypes.NewInterfaceRegistry()).GRPCCodec()),
		grpc.MaxConcurrentStreams(mostCalls),
		grpc.MaxRecvMsgSize(4096), // requests are small
		grpc.StatsHandler(traffic),
	)
	walletrpc.RegisterCompactTxStreamerServer(server, lightd.New(node, decode, chainID, maxBlocks))
	go func() {
		<-ctx.Done()
		server.Stop()
	}()
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "lightd: serves %s, at height %d, on %s\n", chainID, last, listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := server.Serve(listener); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), traffic)
	return err
}

// reach asks the node for its chain and its newest height.
func reach(ctx context.Context, node lightd.RPC) (chainID string, last uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if chainID, err = node.ChainID(ctx); err != nil {
		return "", 0, err
	}
	_, last, err = node.Heights(ctx)
	return chainID, last, err
}
