package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"

	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// An upgrade takes the network from the program before to this one, at one height.
type upgrade struct {
	*network
	first     int64   // height of the chain
	running   []*node // validators
	careless  *node   // follows, and its operator does all too early or too late
	flags     map[*node][]string
	authority *account
	accounts  []*account

	height        int64 // of the upgrade
	initial, size int64 // leaves in genesis, and before the upgrade
	sent          int64 // commitments before the upgrade
}

// run goes through the upgrade under load.
func (u *upgrade) run(ctx context.Context) error {
	one := u.running[1]
	var genesis types.QueryRootResponse
	if err := one.ask(ctx, u.first, "/kvshard.commitment.v1.Query/Root", &types.QueryRootRequest{}, &genesis); err != nil {
		return err
	}
	u.initial = int64(genesis.Size_)
	load, err := u.load(ctx, one, u.accounts)
	if err != nil {
		return err
	}
	defer load.stop()
	if _, err := one.waitFor(ctx, least{height: u.first + 8, within: 90 * time.Second}); err != nil {
		return err
	}
	if err := u.schedule(ctx, one); err != nil {
		return err
	}
	if err := u.tooEarly(ctx); err != nil {
		return err
	}
	for _, v := range append(u.running, u.careless) {
		if err := u.halts(ctx, v); err != nil {
			return err
		}
	}
	u.sent = load.stop()
	if err := load.err(); err != nil {
		return err
	}
	if u.size, err = u.compare(ctx, u.running, u.first, u.height-1); err != nil {
		return err
	}
	if u.size < 1000 || u.size > u.initial+u.sent+8 {
		return fmt.Errorf("%d leaves before the upgrade, of which genesis has %d; %d commitments were sent", u.size, u.initial, u.sent)
	}
	if err := u.restart(ctx); err != nil {
		return err
	}
	if err := u.tooLate(ctx, one); err != nil {
		return err
	}
	return u.again(ctx, one)
}

// schedule has the authority sign the plan, and sets the height.
func (u *upgrade) schedule(ctx context.Context, to *node) error {
	status, err := to.client.Status(ctx)
	if err != nil {
		return err
	}
	u.height = status.SyncInfo.LatestBlockHeight + 15
	lender, err := newLender()
	if err != nil {
		return err
	}
	if err := u.authority.learn(ctx, to); err != nil {
		return err
	}
	data, err := u.authority.sign(lender, 200_000, &upgradetypes.MsgSoftwareUpgrade{
		Authority: u.authority.address().String(),
		Plan:      upgradetypes.Plan{Name: app.UpgradeName, Height: u.height, Info: fmt.Sprintf("x/commitment %d", commitment.ConsensusVersion)},
	})
	if err != nil {
		return err
	}
	r, err := to.client.BroadcastTxSync(ctx, data)
	if err != nil {
		return err
	}
	if r.Code != 0 {
		return fmt.Errorf("the plan: code %d: %s", r.Code, r.Log)
	}
	for range 100 {
		var plan upgradetypes.QueryCurrentPlanResponse
		if err := to.ask(ctx, 0, "/cosmos.upgrade.v1beta1.Query/CurrentPlan", &upgradetypes.QueryCurrentPlanRequest{}, &plan); err != nil {
			return err
		}
		if plan.Plan != nil {
			u.say("the authority has signed the plan %q for height %d", plan.Plan.Name, plan.Plan.Height)
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("the plan did not get into a block")
}

// tooEarly starts the careless node with this program before the height: it refuses, and
// goes on with the program before.
func (u *upgrade) tooEarly(ctx context.Context) error {
	v := u.careless
	if err := v.stop(syscall.SIGTERM); err != nil {
		return err
	}
	v.bin = u.bin
	if err := v.start(ctx); err != nil {
		return err
	}
	if err := v.ends(); err != nil {
		return err
	}
	if want := "run the program before it"; !v.logged(want) {
		return fmt.Errorf("%s ended and did not say %q\n%s", v.name, want, v.tail())
	}
	v.bin = u.before
	u.say("a node that starts this program too early refuses: it says which version the state has, and to run the program before")
	return v.start(ctx)
}

// halts waits until the program before has stopped at the upgrade: it has the block
// before, said why, and left the plan on disk.
func (u *upgrade) halts(ctx context.Context, v *node) error {
	want := fmt.Sprintf("UPGRADE %q NEEDED at height: %d", app.UpgradeName, u.height)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(v.home, "data", upgradetypes.UpgradeInfoFilename)); err == nil && v.logged(want) {
			return nil
		}
	}
	return fmt.Errorf("%s did not stop for the upgrade at %d\n%s", v.name, u.height, v.tail())
}

// restart starts the validators with this program; the first was killed with SIGKILL.
func (u *upgrade) restart(ctx context.Context) error {
	for i, v := range u.running {
		signal := syscall.SIGTERM
		if i == 0 {
			signal = syscall.SIGKILL
		}
		if err := v.stop(signal); err != nil {
			return err
		}
		v.bin = u.bin
		if err := v.start(ctx, u.flags[v]...); err != nil {
			return err
		}
	}
	for _, v := range u.running {
		if _, err := v.waitFor(ctx, least{height: u.height + 2, within: 90 * time.Second}); err != nil {
			return err
		}
		if want := fmt.Sprintf("applying upgrade %q", app.UpgradeName); !v.logged(want) {
			return fmt.Errorf("%s is above the upgrade's height %d, and did not log %q", v.name, u.height, want)
		}
	}
	u.say("all stopped for the upgrade at height %d, and go on with this program", u.height)
	return nil
}

// tooLate lets the careless node run the program before while the chain goes on, and starts
// it once more: it stays at the height before the upgrade, and ends. Then it follows.
func (u *upgrade) tooLate(ctx context.Context, other *node) error {
	ahead, err := other.waitFor(ctx, least{height: u.height + 5, within: 90 * time.Second})
	if err != nil {
		return err
	}
	v := u.careless
	if err := v.stop(syscall.SIGKILL); err != nil {
		return err
	}
	// Started again, it has the next blocks of its peers, or the one of the upgrade.
	if err := v.start(ctx); err != nil {
		return err
	}
	if err := v.ends(); err != nil {
		return err
	}
	at, err := v.check(ctx)
	if err != nil {
		return err
	}
	if at != u.height-1 {
		return fmt.Errorf("%s runs the program before and its state is of %d, above the upgrade at %d", v.name, at, u.height)
	}
	v.bin = u.bin
	if err := v.start(ctx); err != nil {
		return err
	}
	height, err := v.waitFor(ctx, least{height: ahead, within: 90 * time.Second, synced: true})
	if err != nil {
		return err
	}
	u.say("a node that ran the program before for too long stayed at %d while the others came to %d; with this program it is at %d", at, ahead, height)
	return nil
}

// again takes the careless node back to the height before the upgrade. It executes the
// upgrade a second time.
func (u *upgrade) again(ctx context.Context, other *node) error {
	v := u.careless
	if err := v.stop(syscall.SIGTERM); err != nil {
		return err
	}
	from, err := v.check(ctx)
	if err != nil {
		return err
	}
	// The first rollback may meet a block that was stored and not executed.
	for at := from; at >= u.height; {
		for range at - (u.height - 1) {
			if _, err := v.run(ctx, "rollback", "--hard"); err != nil {
				return err
			}
		}
		if at, err = v.check(ctx); err != nil {
			return err
		}
	}
	if err := v.start(ctx); err != nil {
		return err
	}
	height, err := v.waitFor(ctx, least{height: from + 1, within: 90 * time.Second, synced: true})
	if err != nil {
		return err
	}
	u.say("it was rolled back from %d to before the upgrade, and has executed it again: it is at %d", from, height)
	return nil
}

// versions asks each node which version the module had before the upgrade and has since,
// and for a parameter that the migration sets.
func (u *upgrade) versions(ctx context.Context, nodes []*node) error {
	for _, v := range nodes {
		status, err := v.client.Status(ctx)
		if err != nil {
			return err
		}
		heights := map[int64]uint64{0: commitment.ConsensusVersion} // 0 is the newest
		if status.SyncInfo.EarliestBlockHeight <= u.first {
			heights[u.height-1], heights[u.height] = commitment.ConsensusVersion-1, commitment.ConsensusVersion
		}
		for height, want := range heights {
			if err := v.hasVersion(ctx, height, want); err != nil {
				return err
			}
		}
		var applied upgradetypes.QueryAppliedPlanResponse
		if err := v.ask(ctx, 0, "/cosmos.upgrade.v1beta1.Query/AppliedPlan", &upgradetypes.QueryAppliedPlanRequest{Name: app.UpgradeName}, &applied); err != nil {
			return err
		}
		if applied.Height != u.height {
			return fmt.Errorf("%s: the upgrade was at %d, not at %d", v.name, applied.Height, u.height)
		}
	}
	u.say("on all nodes x/commitment has version %d at height %d, and version %d with its parameters from %d on",
		commitment.ConsensusVersion-1, u.height-1, commitment.ConsensusVersion, u.height)
	return nil
}

func (n *node) hasVersion(ctx context.Context, height int64, want uint64) error {
	var versions upgradetypes.QueryModuleVersionsResponse
	request := &upgradetypes.QueryModuleVersionsRequest{ModuleName: types.ModuleName}
	if err := n.ask(ctx, height, "/cosmos.upgrade.v1beta1.Query/ModuleVersions", request, &versions); err != nil {
		return err
	}
	if len(versions.ModuleVersions) != 1 || versions.ModuleVersions[0].Version != want {
		return fmt.Errorf("%s: version at %d: %v, not %d", n.name, height, versions.ModuleVersions, want)
	}
	var params types.QueryParamsResponse
	if err := n.ask(ctx, height, "/kvshard.commitment.v1.Query/Params", &types.QueryParamsRequest{}, &params); err != nil {
		return err
	}
	if got, migrated := params.Params.MaxWaiting, want == commitment.ConsensusVersion; (got == types.DefaultParams().MaxWaiting) != migrated {
		return fmt.Errorf("%s: max_waiting at %d is %d, and the version %d", n.name, height, got, want)
	}
	return nil
}

// ends waits until the node has ended by itself, with an error.
func (n *node) ends() error {
	select {
	case err := <-n.done:
		n.process = nil
		if err == nil {
			return fmt.Errorf("%s ended without an error", n.name)
		}
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("%s does not end by itself\n%s", n.name, n.tail())
	}
}

// logged tells whether the node's log has a text.
func (n *node) logged(text string) bool {
	log, _ := os.ReadFile(filepath.Join(n.home, "log"))
	return bytes.Contains(log, []byte(text))
}
