package keeper

import (
	"github.com/cosmos/cosmos-sdk/telemetry"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard/x/commitment/types"
)

// What a node reports to its operator, if telemetry is on in app.toml. Of hashes and
// leaves only those of blocks count: a node decides itself how much it simulates and
// answers.

func reportHashes(ctx sdk.Context, hashes uint64) {
	if ctx.ExecMode() == sdk.ExecModeFinalize {
		telemetry.IncrCounter(float32(hashes), types.ModuleName, "hashes")
	}
}

// reportTree reports a height that appended.
func reportTree(before, size uint64) {
	telemetry.IncrCounter(float32(size-before), types.ModuleName, "appended")
	telemetry.SetGauge(float32(size), types.ModuleName, "size")
}
