package lightd

import (
	"context"
	"fmt"
	"math"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	cmttypes "github.com/cometbft/cometbft/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kvshard/kvshard/x/commitment/client/light"
)

// A Node answers for one chain.
type Node interface {
	// Heights returns the first height whose block is there, and the last one
	// whose state is there.
	Heights(ctx context.Context) (first, last uint64, err error)
	Header(ctx context.Context, height uint64) (Header, error)
	Block(ctx context.Context, height uint64) (Block, error)
	// Query calls a query of x/commitment on the newest state.
	Query(ctx context.Context, method string, request, response light.Message) error
}

// A Header is what wallets get of a block's header.
type Header struct {
	Height         uint64
	Hash, PrevHash []byte
	Time           uint32 // Unix, in seconds
}

// A Block is a block and what it did.
type Block struct {
	Header
	Txs     [][]byte
	Results []*abci.ExecTxResult
	Events  []abci.Event // of the block itself
}

// RPC is a Node that is reached by its RPC.
type RPC struct{ client *rpchttp.HTTP }

var _ Node = RPC{}

// NewRPC returns the node at an address, as "tcp://127.0.0.1:26657".
func NewRPC(address string) (RPC, error) {
	client, err := rpchttp.New(address, "/websocket")
	return RPC{client}, err
}

// ChainID asks the node for its chain.
func (r RPC) ChainID(ctx context.Context) (string, error) {
	s, err := r.client.Status(ctx)
	if err != nil {
		return "", err
	}
	return s.NodeInfo.Network, nil
}

// Heights asks the block store for its first height, and the application for
// its last: a block is stored before it is executed.
func (r RPC) Heights(ctx context.Context) (first, last uint64, err error) {
	s, err := r.client.Status(ctx)
	if err != nil {
		return 0, 0, err
	}
	info, err := r.client.ABCIInfo(ctx)
	if err != nil {
		return 0, 0, err
	}
	last = uint64(info.Response.LastBlockHeight)
	if last == 0 {
		return 0, 0, status.Error(codes.Unavailable, "the chain has no block yet")
	}
	return uint64(s.SyncInfo.EarliestBlockHeight), last, nil
}

// Header asks for a header.
func (r RPC) Header(ctx context.Context, height uint64) (Header, error) {
	h := int64(height)
	got, err := r.client.Header(ctx, &h)
	if err != nil {
		return Header{}, err
	}
	if got.Header == nil || got.Header.Height != h {
		return Header{}, fmt.Errorf("no header of height %d", height)
	}
	return header(got.Header)
}

func header(h *cmttypes.Header) (Header, error) {
	seconds := h.Time.Unix()
	if seconds < 0 || seconds > math.MaxUint32 {
		return Header{}, fmt.Errorf("the time of height %d, %s, is no 32-bit Unix time", h.Height, h.Time.Format(time.RFC3339))
	}
	out := Header{Height: uint64(h.Height), Hash: h.Hash(), PrevHash: h.LastBlockID.Hash, Time: uint32(seconds)}
	if len(out.PrevHash) == 0 { // the first block
		out.PrevHash = make([]byte, len(out.Hash))
	}
	return out, nil
}

// Block asks for a block and its results.
func (r RPC) Block(ctx context.Context, height uint64) (Block, error) {
	h := int64(height)
	got, err := r.client.Block(ctx, &h)
	if err != nil {
		return Block{}, err
	}
	if got.Block == nil || got.Block.Height != h {
		return Block{}, fmt.Errorf("no block of height %d", height)
	}
	results, err := r.client.BlockResults(ctx, &h)
	if err != nil {
		return Block{}, err
	}
	block := Block{Results: results.TxsResults, Events: results.FinalizeBlockEvents}
	if block.Header, err = header(&got.Block.Header); err != nil {
		return block, err
	}
	for _, tx := range got.Block.Txs {
		block.Txs = append(block.Txs, tx)
	}
	if len(block.Txs) != len(block.Results) {
		return block, diverged("block %d has %d transactions and %d results", height, len(block.Txs), len(block.Results))
	}
	return block, nil
}

// Query sends a query.
func (r RPC) Query(ctx context.Context, method string, request, response light.Message) error {
	return light.Query(ctx, r.client, 0, method, request, response)
}
