package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

type msgServer struct{ Keeper }

// NewMsgServer returns the server of the transactions' messages.
func NewMsgServer(k Keeper) types.MsgServer { return msgServer{k} }

func (s msgServer) Append(ctx context.Context, msg *types.MsgAppend) (*types.MsgAppendResponse, error) {
	if _, err := s.addressCodec.StringToBytes(msg.Sender); err != nil {
		return nil, err
	}
	first, queued, err := s.Keeper.Append(ctx, msg.Sender, msg.Commitments)
	if err != nil {
		return nil, err
	}
	return &types.MsgAppendResponse{First: first, Queued: queued}, nil
}

func (s msgServer) UpdateParams(ctx context.Context, msg *types.MsgUpdateParams) (*types.MsgUpdateParamsResponse, error) {
	if err := s.checkAuthority(ctx, msg.Authority); err != nil {
		return nil, err
	}
	if err := msg.Params.Validate(); err != nil {
		return nil, err
	}
	return &types.MsgUpdateParamsResponse{}, s.setParams(ctx, msg.Params)
}

// setParams sets the parameters. What is queued comes before what is appended directly,
// so the mode Direct begins when the queue is empty.
func (k Keeper) setParams(ctx context.Context, params types.Params) error {
	if params.AppendMode == types.Direct {
		now, err := k.params.Get(ctx)
		if err != nil {
			return err
		}
		if now.AppendMode != types.Direct {
			params.AppendMode = types.Drain
		}
	}
	return k.params.Set(ctx, params)
}

type queryServer struct{ Keeper }

// NewQueryServer returns the server of the queries. Each query opens a Tree
// over the store of its own context, so queries run in parallel with a block
// and each other.
func NewQueryServer(k Keeper) types.QueryServer { return queryServer{k} }

func (s queryServer) Params(ctx context.Context, _ *types.QueryParamsRequest) (*types.QueryParamsResponse, error) {
	params, err := s.params.Get(ctx)
	return &types.QueryParamsResponse{Params: params}, grpcError(err)
}

func (s queryServer) Root(ctx context.Context, _ *types.QueryRootRequest) (*types.QueryRootResponse, error) {
	tree, err := s.openTree(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	root, err := tree.Root()
	if err != nil {
		return nil, grpcError(err)
	}
	size, err := tree.Size()
	return &types.QueryRootResponse{Root: root[:], Size_: size}, grpcError(err)
}

func (s queryServer) RootAt(ctx context.Context, req *types.QueryRootAtRequest) (*types.QueryRootAtResponse, error) {
	anchor, err := s.anchorAt(ctx, req.Height)
	return &types.QueryRootAtResponse{Anchor: anchor}, err
}

// anchorAt returns the anchor that held after a height, or the newest for 0.
func (s queryServer) anchorAt(ctx context.Context, height uint32) (types.Anchor, error) {
	past, err := pastHeight(ctx, uint64(height))
	if err != nil {
		return types.Anchor{}, err
	}
	anchor, err := s.AnchorAt(ctx, past)
	return anchor, grpcError(err)
}

func (s queryServer) Anchor(ctx context.Context, req *types.QueryAnchorRequest) (*types.QueryAnchorResponse, error) {
	root, err := kvshard.NodeFromBytes(req.Root)
	if err != nil {
		return nil, grpcError(err)
	}
	anchor, err := s.FindAnchor(ctx, root)
	if errors.Is(err, collections.ErrNotFound) {
		return &types.QueryAnchorResponse{}, nil
	}
	return &types.QueryAnchorResponse{Found: err == nil, Height: anchor.Height, Size_: anchor.Size_}, grpcError(err)
}

func (s queryServer) Witness(ctx context.Context, req *types.QueryWitnessRequest) (*types.QueryWitnessResponse, error) {
	tree, err := s.openTree(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	var root, leaf kvshard.Node
	var witness kvshard.Witness
	if req.Height == 0 {
		if root, err = tree.Root(); err != nil {
			return nil, grpcError(err)
		}
		witness, err = tree.Witness(req.Position)
	} else {
		anchor, err := s.anchorAt(ctx, req.Height)
		if err != nil {
			return nil, err
		}
		root = kvshard.Node(anchor.Root)
		if witness, err = tree.WitnessAt(req.Position, anchor.Height); err != nil {
			return nil, grpcError(err)
		}
	}
	if err != nil {
		return nil, grpcError(err)
	}
	if leaf, err = tree.Leaf(req.Position); err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryWitnessResponse{Position: req.Position, Leaf: leaf[:], Path: nodes(witness.Path[:]), Root: root[:]}, nil
}

func (s queryServer) Leaf(ctx context.Context, req *types.QueryLeafRequest) (*types.QueryLeafResponse, error) {
	tree, err := s.openTree(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	leaf, err := tree.Leaf(req.Position)
	return &types.QueryLeafResponse{Leaf: leaf[:]}, grpcError(err)
}

func (s queryServer) Size(ctx context.Context, _ *types.QuerySizeRequest) (*types.QuerySizeResponse, error) {
	tree, err := s.openTree(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	size, err := tree.Size()
	return &types.QuerySizeResponse{Size_: size}, grpcError(err)
}

func (s queryServer) Frontier(ctx context.Context, _ *types.QueryFrontierRequest) (*types.QueryFrontierResponse, error) {
	tree, err := s.openTree(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	f, err := tree.Frontier()
	return &types.QueryFrontierResponse{Size_: f.Size, Leaf: f.Leaf[:], Ommers: nodes(f.Ommers)}, grpcError(err)
}

func (s queryServer) Queue(ctx context.Context, _ *types.QueryQueueRequest) (*types.QueryQueueResponse, error) {
	params, err := s.params.Get(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	waiting, err := s.Waiting(ctx)
	return &types.QueryQueueResponse{
		Waiting: waiting,
		Next:    min(waiting, uint64(params.MaxQueuedPerBlock)),
		Full:    waiting >= uint64(params.MaxWaiting),
	}, grpcError(err)
}

func nodes(in []kvshard.Node) [][]byte {
	out := make([][]byte, len(in))
	for i := range in {
		out[i] = in[i][:]
	}
	return out
}

// grpcError tells a client what is at fault: its request, the tree's history,
// or the node.
func grpcError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, collections.ErrNotFound),
		errors.Is(err, ErrHeightUnknown),
		errors.Is(err, kvshard.ErrPositionNotFound),
		errors.Is(err, kvshard.ErrCheckpointNotFound),
		errors.Is(err, kvshard.ErrPruned):
		return status.Error(codes.NotFound, err.Error())
	case errors.Is(err, kvshard.ErrInvalidNode), errors.Is(err, kvshard.ErrInvalidArgument):
		return status.Error(codes.InvalidArgument, err.Error())
	default:
		return status.Error(codes.Internal, err.Error())
	}
}
