// Package simulation makes random states and messages of x/commitment, and reads its
// records, for the SDK's simulations of a whole application.
package simulation

import (
	"bytes"
	"fmt"
	"math/rand"

	"github.com/cosmos/cosmos-sdk/types/module"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// Bounds of what is random. They are small, so that a few blocks drop anchors, refuse
// messages and retain checkpoints.
const (
	maxAnchors     = 12
	maxCommitments = 64
	maxGasPerHash  = 100
	maxGasQueued   = 8000
	maxRetainEvery = 6
	maxQueuedAbove = 64 // above max_commitments
	maxWaiting     = 200
	maxCallsWait   = 4
	maxAppended    = 24
	maxPastHeights = 60
)

// RandomizedGenState sets the module's genesis to that of a chain that begins at height
// 1, as those of the SDK's simulations do.
func RandomizedGenState(state *module.SimulationState) {
	genesis, err := RandomGenesis(state.Rand, 1)
	if err != nil {
		panic(fmt.Sprintf("x/%s: random genesis: %v", types.ModuleName, err))
	}
	state.GenState[types.ModuleName] = state.Cdc.MustMarshalJSON(genesis)
}

// RandomParams returns random parameters, under which the messages of this package do
// what they are made for. Fields that it does not name have their default.
func RandomParams(r *rand.Rand) types.Params {
	params := types.DefaultParams()
	params.MaxAnchors = uint32(1 + r.Intn(maxAnchors))
	params.MaxCommitments = uint32(1 + r.Intn(maxCommitments))
	params.GasPerHash = uint64(r.Intn(maxGasPerHash))
	params.GasPerQueued = uint64(r.Intn(maxGasQueued))
	params.AppendMode = []types.AppendMode{types.Direct, types.Queue, types.Queue, types.Drain}[r.Intn(4)]
	params.MaxQueuedPerBlock = params.MaxCommitments + uint32(r.Intn(maxQueuedAbove))
	params.MaxWaiting = uint32(1 + r.Intn(maxWaiting))
	if r.Intn(2) == 0 {
		params.RetainEvery = uint32(1 + r.Intn(maxRetainEvery))
	}
	return params
}

// RandomGenesis returns the genesis of a chain whose first height is this one, at least 1: of a new
// chain, or with a tree that some of the heights before, at most 60, appended to. Their
// checkpoints are pruned and retained as max_anchors says. There may be leaves behind the
// newest one, commitments may wait, and the history may be missing, as in a tree from
// elsewhere. One tree of ten is about to complete its first subtree of 65,536 leaves.
func RandomGenesis(r *rand.Rand, first uint32) (*types.GenesisState, error) {
	state := types.DefaultGenesisState()
	state.Params = RandomParams(r)
	if r.Intn(4) == 0 {
		return state, nil
	}
	kv := kvtest.NewMemStore()
	tree, err := kvshard.Open(kv, kvshard.WithMaxCheckpoints(state.Params.MaxAnchors))
	if err != nil {
		return nil, err
	}
	sizes, err := randomHistory(r, tree, state.Params, first)
	if err != nil {
		return nil, err
	}
	if r.Intn(3) == 0 {
		if _, err := tree.AppendBatch(randomLeaves(r, 1+r.Intn(maxAppended))); err != nil {
			return nil, err
		}
	}
	var data bytes.Buffer
	if state.Tree, err = keeper.WriteTree(tree, kv, state.Params.MaxAnchors, &data); err != nil {
		return nil, err
	}
	state.Tree.Data = data.Bytes()
	state.History = types.NewGenesisHistory(0, sizes)
	if r.Intn(3) == 0 {
		state.History = nil
	}
	if state.Params.AppendMode != types.Direct {
		state.Waiting = randomWaiting(r, first)
	}
	return state, nil
}

// randomWaiting returns calls that the last height queued, and that wait.
func randomWaiting(r *rand.Rand, first uint32) []types.QueuedCall {
	calls := make([]types.QueuedCall, r.Intn(maxCallsWait))
	for i := range calls {
		calls[i] = types.QueuedCall{Height: uint64(first) - 1, TxIndex: uint32(i), Origin: "genesis"}
		for _, leaf := range randomLeaves(r, 1+r.Intn(maxAppended)) {
			calls[i].Commitments = append(calls[i].Commitments, leaf[:]...)
		}
	}
	return calls
}

// randomHistory grows a tree at some of the heights before the first one, and returns the
// sizes after them.
func randomHistory(r *rand.Rand, tree *kvshard.Tree, params types.Params, first uint32) (sizes []types.HeightSize, err error) {
	var size uint64
	if r.Intn(10) == 0 {
		size = 1<<types.SubtreeLevel - uint64(1+r.Intn(maxAppended))
		if _, err := tree.AppendBatch(randomLeaves(r, int(size))); err != nil {
			return nil, err
		}
	}
	for height := first - min(first, maxPastHeights); height < first; height++ {
		if r.Intn(2) == 0 {
			continue
		}
		count := 1 + r.Intn(maxAppended)
		if _, err := tree.AppendBatch(randomLeaves(r, count)); err != nil {
			return nil, err
		}
		if err := tree.Checkpoint(height); err != nil {
			return nil, err
		}
		size += uint64(count)
		sizes = append(sizes, types.HeightSize{Height: uint64(height), Size_: size})
		if params.RetainEvery > 0 && len(sizes)%int(params.RetainEvery) == 0 {
			if err := tree.RetainCheckpoint(height); err != nil {
				return nil, err
			}
		}
	}
	return sizes, nil
}

func randomLeaves(r *rand.Rand, n int) []kvshard.Node {
	leaves := make([]kvshard.Node, n)
	for i := range leaves {
		r.Read(leaves[i][:])
		leaves[i][31] &= 0x3F // below 2^254, and so below the modulus: canonical
	}
	return leaves
}
