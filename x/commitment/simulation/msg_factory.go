package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand"

	"github.com/cosmos/cosmos-sdk/testutil/simsx"

	"github.com/kvshard/kvshard/x/commitment/types"
)

// MsgAppendFactory makes messages that append 1 to max_commitments commitments, at most
// 24. They must succeed, unless the queue is full.
func MsgAppendFactory(chain types.QueryServer) *simsx.ResultHandlingSimMsgFactory[*types.MsgAppend] {
	return simsx.NewSimMsgFactoryWithDeliveryResultHandler(func(ctx context.Context, data *simsx.ChainDataSource, reporter simsx.SimulationReporter) ([]simsx.SimAccount, *types.MsgAppend, simsx.SimDeliveryResultHandler) {
		params, ok := paramsOf(ctx, chain, reporter)
		if !ok {
			return nil, nil, nil
		}
		most := int(min(params.MaxCommitments, maxAppended))
		from, r := data.AnyAccount(reporter), data.Rand()
		msg := &types.MsgAppend{Sender: from.AddressBech32, Commitments: randomCommitments(r.Rand, 1+r.Intn(most))}
		return []simsx.SimAccount{from}, msg, func(err error) error {
			if params.AppendMode != types.Direct && errors.Is(err, types.ErrQueueFull) {
				return nil
			}
			return err
		}
	})
}

// MsgAppendRefusedFactory makes messages that must be refused, and checks the error: with
// a commitment that is not canonical or has no 32 bytes, with none, with one too many.
func MsgAppendRefusedFactory(chain types.QueryServer) *simsx.ResultHandlingSimMsgFactory[*types.MsgAppend] {
	return simsx.NewSimMsgFactoryWithDeliveryResultHandler(func(ctx context.Context, data *simsx.ChainDataSource, reporter simsx.SimulationReporter) ([]simsx.SimAccount, *types.MsgAppend, simsx.SimDeliveryResultHandler) {
		params, ok := paramsOf(ctx, chain, reporter)
		if !ok {
			return nil, nil, nil
		}
		from, r := data.AnyAccount(reporter), data.Rand()
		most := int(min(params.MaxCommitments, maxAppended))
		commitments, want := refused(r.Rand, params, 1+r.Intn(most))
		return []simsx.SimAccount{from}, &types.MsgAppend{Sender: from.AddressBech32, Commitments: commitments}, mustFailWith(want)
	})
}

// MsgUpdateParamsFactory makes proposals to change all parameters.
func MsgUpdateParamsFactory() simsx.SimMsgFactoryFn[*types.MsgUpdateParams] {
	return func(_ context.Context, data *simsx.ChainDataSource, reporter simsx.SimulationReporter) ([]simsx.SimAccount, *types.MsgUpdateParams) {
		return nil, &types.MsgUpdateParams{Authority: data.ModuleAccountAddress(reporter, "gov"), Params: RandomParams(data.Rand().Rand)}
	}
}

func paramsOf(ctx context.Context, chain types.QueryServer, reporter simsx.SimulationReporter) (types.Params, bool) {
	response, err := chain.Params(ctx, &types.QueryParamsRequest{})
	if err != nil {
		reporter.Fail(err, "parameters of x/"+types.ModuleName)
		return types.Params{}, false
	}
	return response.Params, true
}

func randomCommitments(r *rand.Rand, n int) [][]byte {
	commitments := make([][]byte, n)
	for i, leaf := range randomLeaves(r, n) {
		commitments[i] = leaf[:]
	}
	return commitments
}

// refused returns commitments that are refused in one of four ways, and the error.
func refused(r *rand.Rand, params types.Params, count int) ([][]byte, error) {
	commitments := randomCommitments(r, count)
	switch at := r.Intn(count); r.Intn(4) {
	case 0:
		commitments[at][31] = 0xFF
	case 1:
		commitments[at] = commitments[at][:r.Intn(32)]
	case 2:
		return nil, types.ErrTooMany
	default:
		return randomCommitments(r, int(params.MaxCommitments)+1), types.ErrTooMany
	}
	return commitments, types.ErrInvalidCommitment
}

func mustFailWith(want error) simsx.SimDeliveryResultHandler {
	return func(err error) error {
		if errors.Is(err, want) {
			return nil
		}
		return fmt.Errorf("the result is %v, and not %w", err, want)
	}
}
