package keeper

import (
	"context"

	"cosmossdk.io/collections"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// The queries that wallets make their own trees from. What they answer does not depend
// on what a wallet owns.

// pageSize returns how many items a query asks for.
func pageSize(max uint32) (uint64, error) {
	switch {
	case max == 0:
		return types.MaxPage, nil
	case max > types.MaxPage:
		return 0, status.Errorf(codes.InvalidArgument, "max is %d: a page has at most %d items, ask for the rest in further pages", max, types.MaxPage)
	}
	return uint64(max), nil
}

// pastHeight returns the height that a query asks for, or the newest for 0.
func pastHeight(ctx context.Context, height uint64) (uint64, error) {
	newest := uint64(sdk.UnwrapSDKContext(ctx).BlockHeight())
	switch {
	case height > newest:
		return 0, status.Errorf(codes.InvalidArgument, "height %d is in the future: the newest block of this state is %d", height, newest)
	case height == 0:
		return newest, nil
	}
	return height, nil
}

func (s queryServer) SubtreeRoots(ctx context.Context, req *types.QuerySubtreeRootsRequest) (*types.QuerySubtreeRootsResponse, error) {
	roots, size, err := s.completeNodes(ctx, types.SubtreeLevel, req.Start, req.Max)
	if err != nil {
		return nil, err
	}
	answer := &types.QuerySubtreeRootsResponse{Size_: size}
	for i := range roots {
		height, err := orZero(s.subtrees.Get(ctx, req.Start+uint64(i)))
		if err != nil {
			return nil, grpcError(err)
		}
		answer.Roots = append(answer.Roots, types.SubtreeRoot{Root: roots[i][:], CompletingHeight: height})
	}
	return answer, nil
}

func (s queryServer) Nodes(ctx context.Context, req *types.QueryNodesRequest) (*types.QueryNodesResponse, error) {
	if req.Level > kvshard.Depth {
		return nil, status.Errorf(codes.InvalidArgument, "level %d, want 0 to %d", req.Level, kvshard.Depth)
	}
	found, size, err := s.completeNodes(ctx, int(req.Level), req.First, req.Max)
	if err != nil {
		return nil, err
	}
	return &types.QueryNodesResponse{Nodes: nodes(found), Size_: size}, nil
}

// completeNodes returns the complete nodes of a level from one on, at most a page, and
// the size of the tree that has them.
func (s queryServer) completeNodes(ctx context.Context, level int, first uint64, max uint32) ([]kvshard.Node, uint64, error) {
	count, err := pageSize(max)
	if err != nil {
		return nil, 0, err
	}
	tree, err := s.openTree(ctx)
	if err != nil {
		return nil, 0, grpcError(err)
	}
	size, err := tree.Size()
	if err != nil {
		return nil, 0, grpcError(err)
	}
	// A first beyond the last complete node is the tree's to refuse.
	if complete := size >> level; first <= complete {
		count = min(count, complete-first)
	}
	found, err := tree.Nodes(level, first, count)
	return found, size, grpcError(err)
}

func (s queryServer) TreeState(ctx context.Context, req *types.QueryTreeStateRequest) (*types.QueryTreeStateResponse, error) {
	height, err := pastHeight(ctx, req.Height)
	if err != nil {
		return nil, err
	}
	size, appended, err := s.SizeAt(ctx, height)
	if err != nil {
		return nil, grpcError(err)
	}
	tree, err := s.openTree(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	frontier, err := tree.FrontierAtSize(size)
	if err != nil {
		return nil, grpcError(err)
	}
	root, err := frontier.Root()
	if err != nil {
		return nil, grpcError(err)
	}
	state, err := frontier.MarshalTreestate()
	return &types.QueryTreeStateResponse{
		Height:       height,
		Size_:        size,
		Root:         root[:],
		Frontier:     types.Frontier{Size_: size, Leaf: frontier.Leaf[:], Ommers: nodes(frontier.Ommers)},
		TreeState:    state,
		AnchorHeight: appended,
	}, grpcError(err)
}

func (s queryServer) Anchors(ctx context.Context, req *types.QueryAnchorsRequest) (*types.QueryAnchorsResponse, error) {
	count, to, err := heightRange(ctx, req.From, req.To, req.Max)
	if err != nil {
		return nil, err
	}
	// The page is among the first of each kind.
	kept, err := valuesOf(ctx, s.anchors, req.From, to, count+1)
	if err != nil {
		return nil, grpcError(err)
	}
	forEver, err := valuesOf(ctx, s.retained, req.From, to, count+1)
	if err != nil {
		return nil, grpcError(err)
	}
	answer := &types.QueryAnchorsResponse{}
	for len(kept)+len(forEver) > 0 {
		from := &kept
		if len(kept) == 0 || len(forEver) > 0 && forEver[0].Key < kept[0].Key {
			from = &forEver
		}
		if uint64(len(answer.Anchors)) == count {
			answer.Next = (*from)[0].Key
			break
		}
		answer.Anchors = append(answer.Anchors, (*from)[0].Value)
		*from = (*from)[1:]
	}
	return answer, nil
}

func (s queryServer) Heights(ctx context.Context, req *types.QueryHeightsRequest) (*types.QueryHeightsResponse, error) {
	count, to, err := heightRange(ctx, req.From, req.To, req.Max)
	if err != nil {
		return nil, err
	}
	from, err := s.KnownFrom(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	sizes, err := valuesOf(ctx, s.sizes, req.From, to, count+1)
	if err != nil {
		return nil, grpcError(err)
	}
	answer := &types.QueryHeightsResponse{KnownFrom: from}
	for i, size := range sizes {
		if uint64(i) == count {
			answer.Next = size.Key
			break
		}
		answer.Heights = append(answer.Heights, types.HeightSize{Height: size.Key, Size_: size.Value})
	}
	return answer, nil
}

// heightRange returns how many items a query of a range of heights asks for, and up to
// which height.
func heightRange(ctx context.Context, from, to uint64, max uint32) (count, last uint64, err error) {
	if count, err = pageSize(max); err != nil {
		return 0, 0, err
	}
	if last, err = pastHeight(ctx, to); err != nil {
		return 0, 0, err
	}
	if from > last {
		err = status.Errorf(codes.InvalidArgument, "the heights from %d to %d: from is above to; the newest is %d", from, last, sdk.UnwrapSDKContext(ctx).BlockHeight())
	}
	return count, last, err
}

// valuesOf returns the first entries of a range of heights, at most count.
func valuesOf[V any](ctx context.Context, m collections.Map[uint64, V], from, to, count uint64) ([]collections.KeyValue[uint64, V], error) {
	it, err := m.Iterate(ctx, new(collections.Range[uint64]).StartInclusive(from).EndInclusive(to))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var entries []collections.KeyValue[uint64, V]
	for ; it.Valid() && uint64(len(entries)) < count; it.Next() {
		entry, err := it.KeyValue()
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}
