// Package lightd serves the chain to Zcash's light wallets: the calls of
// CompactTxStreamer (ZIP 307) with which zcash_client_backend synchronizes.
//
// Each leaf of the tree is a compact action, in the tree's order, in the block that
// appended it. That may be a later block than its transaction's, if the leaf waited: a
// wallet learns of the note, and of a spend in the same action, when the leaf is in the
// tree. The leaves of bundles are real actions. A leaf that came without a bundle
// (MsgAppend) is an action that no key decrypts: see bareAction.
//
// A server says what its node says. Before it sends a block it compares the
// block's transactions with the tree's leaves; a wallet compares the roots. An
// answer tells nothing of who asks: all wallets ask for the same.
package lightd

import (
	"context"
	"encoding/hex"
	"math"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard/examples/shieldchain/lightd/walletrpc"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// DefaultMaxBlocks bounds the range of one GetBlockRange.
const DefaultMaxBlocks = 10_000

// A Server serves the chain of one node. Any number of calls may run at a time.
type Server struct {
	// All calls that are not here are UNIMPLEMENTED.
	walletrpc.UnimplementedCompactTxStreamerServer

	node      Node
	decode    sdk.TxDecoder
	chain     string
	maxBlocks uint64
}

var _ walletrpc.CompactTxStreamerServer = (*Server)(nil)

// New returns the server of a node's chain. The chain's id is the network of
// tree states. maxBlocks bounds a range of blocks.
func New(node Node, decode sdk.TxDecoder, chainID string, maxBlocks uint64) *Server {
	return &Server{node: node, decode: decode, chain: chainID, maxBlocks: maxBlocks}
}

// GetLatestBlock returns the newest block whose state is there to be queried.
func (s *Server) GetLatestBlock(ctx context.Context, _ *walletrpc.ChainSpec) (*walletrpc.BlockID, error) {
	_, last, err := s.node.Heights(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	header, err := s.node.Header(ctx, last)
	if err != nil {
		return nil, unavailable(err)
	}
	return &walletrpc.BlockID{Height: header.Height, Hash: header.Hash}, nil
}

// GetTreeState returns the tree after a block.
func (s *Server) GetTreeState(ctx context.Context, id *walletrpc.BlockID) (*walletrpc.TreeState, error) {
	if id.Height == 0 && len(id.Hash) > 0 {
		return nil, status.Error(codes.InvalidArgument, "a block is named by its height here, not by its hash")
	}
	if err := s.inChain(ctx, id.Height); err != nil {
		return nil, err
	}
	header, err := s.node.Header(ctx, id.Height)
	if err != nil {
		return nil, unavailable(err)
	}
	state, err := s.stateAt(ctx, id.Height)
	if err != nil {
		return nil, err
	}
	reversed := slices.Clone(header.Hash)
	slices.Reverse(reversed)
	return &walletrpc.TreeState{
		Network:      s.chain,
		Height:       header.Height,
		Hash:         hex.EncodeToString(reversed),
		Time:         header.Time,
		SaplingTree:  emptyTree,
		OrchardTree:  hex.EncodeToString(state.TreeState),
		IronwoodTree: emptyTree,
	}, nil
}

// emptyTree is the tree of a pool that this chain does not have.
const emptyTree = "000000"

// GetSubtreeRoots streams the roots of the complete subtrees of 65,536 leaves.
func (s *Server) GetSubtreeRoots(arg *walletrpc.GetSubtreeRootsArg, stream walletrpc.CompactTxStreamer_GetSubtreeRootsServer) error {
	switch arg.ShieldedProtocol {
	case walletrpc.ShieldedProtocol_orchard:
	case walletrpc.ShieldedProtocol_sapling, walletrpc.ShieldedProtocol_ironwood:
		return nil
	default:
		return status.Errorf(codes.InvalidArgument, "unknown protocol %d", arg.ShieldedProtocol)
	}
	ctx := stream.Context()
	first, _, err := s.node.Heights(ctx)
	if err != nil {
		return unavailable(err)
	}
	var tree types.QuerySizeResponse
	if err := s.node.Query(ctx, "Size", &types.QuerySizeRequest{}, &tree); err != nil {
		return unavailable(err)
	}
	next, end := uint64(arg.StartIndex), tree.Size_>>types.SubtreeLevel
	if most := uint64(arg.MaxEntries); most > 0 {
		end = min(end, next+most)
	}
	for next < end {
		var page types.QuerySubtreeRootsResponse
		request := &types.QuerySubtreeRootsRequest{Start: next, Max: uint32(min(end-next, types.MaxPage))}
		if err := s.node.Query(ctx, "SubtreeRoots", request, &page); err != nil {
			return unavailable(err)
		}
		if len(page.Roots) != int(request.Max) {
			return diverged("asked for the roots of %d subtrees from %d on, the node has %d", request.Max, next, len(page.Roots))
		}
		for i, root := range page.Roots {
			if root.CompletingHeight == 0 {
				return status.Errorf(codes.FailedPrecondition, "the chain does not know at which height subtree %d was completed", next+uint64(i))
			}
			entry := &walletrpc.SubtreeRoot{RootHash: root.Root, CompletingBlockHeight: root.CompletingHeight}
			// Of a block that the node does not have there is no hash.
			if root.CompletingHeight >= first {
				header, err := s.node.Header(ctx, root.CompletingHeight)
				if err != nil {
					return unavailable(err)
				}
				entry.CompletingBlockHash = header.Hash
			}
			if err := stream.Send(entry); err != nil {
				return err
			}
		}
		next += uint64(len(page.Roots))
	}
	return nil
}

// GetBlockRange streams compact blocks.
func (s *Server) GetBlockRange(r *walletrpc.BlockRange, stream walletrpc.CompactTxStreamer_GetBlockRangeServer) error {
	ctx := stream.Context()
	if r.Start == nil || r.End == nil || r.Start.Height == 0 || r.End.Height == 0 {
		return status.Error(codes.InvalidArgument, "a range needs the heights of its start and its end")
	}
	from, to := r.Start.Height, r.End.Height
	for _, height := range []uint64{from, to} {
		if err := s.inChain(ctx, height); err != nil {
			return err
		}
	}
	if blocks := max(from, to) - min(from, to) + 1; blocks > s.maxBlocks {
		return status.Errorf(codes.InvalidArgument, "%d blocks: ask for %d at a time at most", blocks, s.maxBlocks)
	}
	orchard, err := wantsOrchard(r.PoolTypes)
	if err != nil {
		return err
	}
	return s.walk(ctx, from, to, func(block *walletrpc.CompactBlock) error {
		if !orchard {
			block.Vtx = nil
		}
		return stream.Send(block)
	})
}

// wantsOrchard tells whether the pools that a wallet names include this chain's.
// None names all of them.
func wantsOrchard(pools []walletrpc.PoolType) (bool, error) {
	for _, pool := range pools {
		if walletrpc.PoolType_name[int32(pool)] == "" || pool == walletrpc.PoolType_POOL_TYPE_INVALID {
			return false, status.Errorf(codes.InvalidArgument, "unknown pool %d", pool)
		}
	}
	return len(pools) == 0 || slices.Contains(pools, walletrpc.PoolType_ORCHARD), nil
}

// walk sends the blocks of a range, in rising or falling order.
func (s *Server) walk(ctx context.Context, from, to uint64, send func(*walletrpc.CompactBlock) error) error {
	sizes, err := s.sizes(ctx, min(from, to), max(from, to))
	if err != nil {
		return err
	}
	state, err := s.stateAt(ctx, from)
	if err != nil {
		return err
	}
	w := &walker{s, map[uint64]Block{}}
	// The tree has this size where one block of the walk meets the next.
	meets := state.Size_
	var after uint64
	for height := from; ; {
		block, err := s.node.Block(ctx, height)
		if err != nil {
			return unavailable(err)
		}
		brought, err := w.actionsOf(ctx, block)
		if err != nil {
			return err
		}
		count := brought.count()
		var appended bool
		if after, appended = sizes[height]; !appended {
			after = meets
		}
		if appended != (count > 0) || count > after {
			return diverged("block %d brings %d leaves, and after it the tree has %d", height, count, after)
		}
		first := after - count // the position of the block's first leaf
		end := first
		if from > to || height == from {
			end = after
		}
		if end != meets {
			return diverged("block %d brings the tree from %d to %d leaves, its neighbour has %d", height, first, after, meets)
		}
		if err := s.compare(ctx, height, brought, first); err != nil {
			return err
		}
		if err := send(brought.compact(block, after)); err != nil {
			return err
		}
		if height == to {
			break
		}
		if meets = after; from > to {
			meets = first
			height--
		} else {
			height++
		}
	}
	if state, err = s.stateAt(ctx, to); err != nil {
		return err
	}
	if state.Size_ != after {
		return diverged("the blocks bring the tree to %d leaves at height %d, it has %d", after, to, state.Size_)
	}
	return nil
}

// sizes returns the size of the tree after each height of a range that appended.
func (s *Server) sizes(ctx context.Context, from, to uint64) (map[uint64]uint64, error) {
	sizes := map[uint64]uint64{}
	for from != 0 {
		var page types.QueryHeightsResponse
		if err := s.node.Query(ctx, "Heights", &types.QueryHeightsRequest{From: from, To: to}, &page); err != nil {
			return nil, unavailable(err)
		}
		if page.Next != 0 && page.Next <= from {
			return nil, diverged("asked for the heights from %d on, the next ones are from %d on", from, page.Next)
		}
		for _, h := range page.Heights {
			sizes[h.Height] = h.Size_
		}
		from = page.Next
	}
	return sizes, nil
}

// stateAt asks for the tree after a height.
func (s *Server) stateAt(ctx context.Context, height uint64) (types.QueryTreeStateResponse, error) {
	var state types.QueryTreeStateResponse
	if err := s.node.Query(ctx, "TreeState", &types.QueryTreeStateRequest{Height: height}, &state); err != nil {
		return state, unavailable(err)
	}
	if state.Height != height {
		return state, diverged("asked for the tree at height %d, the node answers for %d", height, state.Height)
	}
	if state.Size_ > math.MaxUint32 {
		return state, status.Errorf(codes.OutOfRange, "%d leaves: the protocol counts to %d", state.Size_, uint32(math.MaxUint32))
	}
	return state, nil
}

// inChain returns an error for a height that the node has no block of.
func (s *Server) inChain(ctx context.Context, height uint64) error {
	first, last, err := s.node.Heights(ctx)
	switch {
	case err != nil:
		return unavailable(err)
	case height < first:
		return status.Errorf(codes.OutOfRange, "height %d is before the node's first block, %d: a wallet's birthday is %d or later", height, first, first+1)
	case height > last:
		return status.Errorf(codes.OutOfRange, "height %d is in the future: the newest block is %d", height, last)
	}
	return nil
}

// unavailable is an error of the node, or of the way to it. A client may try
// again.
func unavailable(err error) error {
	if _, isStatus := status.FromError(err); isStatus {
		return err
	}
	return status.Errorf(codes.Unavailable, "node: %v", err)
}

// diverged is for a node that contradicts itself. Nothing is sent that a wallet
// could take for the chain.
func diverged(format string, args ...any) error {
	return status.Errorf(codes.DataLoss, "the node contradicts itself: "+format, args...)
}
