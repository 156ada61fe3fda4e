package app

import (
	"context"

	abci "github.com/cometbft/cometbft/abci/types"

	errorsmod "cosmossdk.io/errors"

	"github.com/cosmos/cosmos-sdk/baseapp"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
)

// Query answers the RPC's abci_query, and so all queries. It refuses to list a store:
// /store/<name>/subspace reads without a bound, and the newest state whatever height was
// asked for. Every node that serves its RPC would answer it.
func (a *App) Query(ctx context.Context, request *abci.RequestQuery) (*abci.ResponseQuery, error) {
	path := baseapp.SplitABCIQueryPath(request.Path)
	if last := len(path) - 1; last > 0 && path[0] == "store" && path[last] == "subspace" {
		err := errorsmod.Wrapf(sdkerrors.ErrUnknownRequest, "%s lists a store without a bound, and is switched off: use the queries of the module", request.Path)
		return sdkerrors.QueryResult(err, false), nil
	}
	return a.BaseApp.Query(ctx, request)
}
