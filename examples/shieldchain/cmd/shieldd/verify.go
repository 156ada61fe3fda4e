package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/cometbft/cometbft/crypto/merkle"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/store/v2/rootmulti"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/x/commitment/types"
)

// verifyCmd verifies as a client that has only a node's RPC.
func verifyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [position] [commitment]",
		Short: "Prove through the RPC alone that a commitment is at a position",
		Long: `Proves that a commitment is at a position of the chain's tree, with nothing but
a node's RPC: the anchor is proven against the application hash of a header,
the leaf against the anchor by its witness. The header itself a light client
would verify by the validators' signatures.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			position, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return err
			}
			leaf, err := kvshard.ParseNode(args[1])
			if err != nil {
				return err
			}
			address, err := cmd.Flags().GetString(flags.FlagNode)
			if err != nil {
				return err
			}
			rpc, err := rpchttp.New(address, "/websocket")
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			anchor, appHash, err := verify(ctx, rpc, position, leaf)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "position %d is proven: anchor %x of height %d, %d leaves, in the state with hash %x\n",
				position, anchor.Root, anchor.Height, anchor.Size_, appHash)
			return err
		},
	}
	cmd.Flags().String(flags.FlagNode, "tcp://localhost:26657", "<host>:<port> of the node's RPC")
	return cmd
}

func verify(ctx context.Context, rpc *rpchttp.HTTP, position uint64, leaf kvshard.Node) (types.Anchor, []byte, error) {
	fail := func(format string, args ...any) (types.Anchor, []byte, error) {
		return types.Anchor{}, nil, fmt.Errorf(format, args...)
	}
	status, err := rpc.Status(ctx)
	if err != nil {
		return fail("status: %w", err)
	}
	// The hash of the state after a height is in the next header.
	height := status.SyncInfo.LatestBlockHeight - 1

	var at types.QueryRootAtResponse
	if err := query(ctx, rpc, height, "RootAt", &types.QueryRootAtRequest{Height: uint32(height)}, &at); err != nil {
		return fail("anchor: %w", err)
	}
	var witness types.QueryWitnessResponse
	if err := query(ctx, rpc, height, "Witness", &types.QueryWitnessRequest{Position: position, Height: at.Anchor.Height}, &witness); err != nil {
		return fail("witness: %w", err)
	}

	// 1. The anchor's record is in the state that the header commits to.
	key := binary.BigEndian.AppendUint64([]byte{2}, uint64(at.Anchor.Height))
	raw, err := rpc.ABCIQueryWithOptions(ctx, "/store/"+types.StoreKey+"/key", key, rpcclient.ABCIQueryOptions{Height: height, Prove: true})
	if err != nil {
		return fail("record: %w", err)
	}
	next := height + 1
	header, err := rpc.Header(ctx, &next)
	if err != nil {
		return fail("header: %w", err)
	}
	path := merkle.KeyPath{}.AppendKey([]byte(types.StoreKey), merkle.KeyEncodingURL).AppendKey(key, merkle.KeyEncodingURL)
	proof := rootmulti.DefaultProofRuntime()
	if err := proof.VerifyValue(raw.Response.ProofOps, header.Header.AppHash, path.String(), raw.Response.Value); err != nil {
		return fail("the anchor's record is not in the state: %w", err)
	}
	var anchor types.Anchor
	if err := anchor.Unmarshal(raw.Response.Value); err != nil {
		return fail("record: %w", err)
	}
	if anchor.Height != at.Anchor.Height || !bytes.Equal(anchor.Root, at.Anchor.Root) || len(anchor.Root) != len(kvshard.Node{}) {
		return fail("the record %s is not the anchor %s", hex.EncodeToString(raw.Response.Value), at.Anchor.String())
	}

	// 2. The leaf is under the anchor.
	w := kvshard.Witness{Position: position}
	if len(witness.Path) != len(w.Path) {
		return fail("a path of %d nodes", len(witness.Path))
	}
	for i, node := range witness.Path {
		if w.Path[i], err = kvshard.NodeFromBytes(node); err != nil {
			return fail("sibling at level %d: %w", i, err)
		}
	}
	if err := w.Verify(kvshard.Node(anchor.Root), leaf); err != nil {
		return fail("%w", err)
	}
	return anchor, header.Header.AppHash, nil
}

type message interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

func query(ctx context.Context, rpc *rpchttp.HTTP, height int64, method string, request, response message) error {
	data, err := request.Marshal()
	if err != nil {
		return err
	}
	answer, err := rpc.ABCIQueryWithOptions(ctx, "/kvshard.commitment.v1.Query/"+method, data, rpcclient.ABCIQueryOptions{Height: height})
	if err != nil {
		return err
	}
	if answer.Response.Code != 0 {
		return fmt.Errorf("code %d: %s", answer.Response.Code, answer.Response.Log)
	}
	return response.Unmarshal(answer.Response.Value)
}
