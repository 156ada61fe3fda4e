package keeper

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
)

type msgServer struct{ Keeper }

// NewMsgServer returns the server of the transactions' messages.
func NewMsgServer(k Keeper) types.MsgServer { return msgServer{k} }

func (s msgServer) Bundle(ctx context.Context, msg *types.MsgBundle) (*types.MsgBundleResponse, error) {
	first, queued, err := s.Accept(ctx, msg)
	if err != nil {
		return nil, err
	}
	return &types.MsgBundleResponse{First: first, Queued: queued}, nil
}

func (s msgServer) UpdateParams(ctx context.Context, msg *types.MsgUpdateParams) (*types.MsgUpdateParamsResponse, error) {
	if err := sdk.ValidateAuthority(sdk.UnwrapSDKContext(ctx), s.authority, msg.Authority); err != nil {
		return nil, err
	}
	if err := msg.Params.Validate(); err != nil {
		return nil, err
	}
	params, err := s.params.Get(ctx)
	if err != nil {
		return nil, err
	}
	if msg.Params.Denom != params.Denom {
		return nil, types.ErrInvalidParams.Wrapf("denom %s: the pool holds %s, for good", msg.Params.Denom, params.Denom)
	}
	return &types.MsgUpdateParamsResponse{}, s.params.Set(ctx, msg.Params)
}

type queryServer struct{ Keeper }

// NewQueryServer returns the server of the queries.
func NewQueryServer(k Keeper) types.QueryServer { return queryServer{k} }

func (s queryServer) Params(ctx context.Context, _ *types.QueryParamsRequest) (*types.QueryParamsResponse, error) {
	params, err := s.params.Get(ctx)
	return &types.QueryParamsResponse{Params: params}, internal(err)
}

func (s queryServer) Nullifier(ctx context.Context, req *types.QueryNullifierRequest) (*types.QueryNullifierResponse, error) {
	if _, err := kvshard.NodeFromBytes(req.Nullifier); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	height, spent, err := s.Spent(ctx, req.Nullifier)
	return &types.QueryNullifierResponse{Spent: spent, Height: height}, internal(err)
}

func (s queryServer) Pool(ctx context.Context, _ *types.QueryPoolRequest) (*types.QueryPoolResponse, error) {
	params, err := s.params.Get(ctx)
	if err != nil {
		return nil, internal(err)
	}
	value, err := s.Keeper.Pool(ctx)
	address := s.accounts.GetModuleAddress(types.ModuleName)
	text, textErr := s.addressCodec.BytesToString(address)
	if textErr != nil {
		return nil, internal(textErr)
	}
	return &types.QueryPoolResponse{
		Value:   value,
		Escrow:  s.bank.GetBalance(ctx, address, params.Denom).Amount.String(),
		Denom:   params.Denom,
		Address: text,
	}, internal(err)
}

// internal marks an error as the node's, not the client's.
func internal(err error) error {
	if err == nil {
		return nil
	}
	return status.Error(codes.Internal, err.Error())
}
