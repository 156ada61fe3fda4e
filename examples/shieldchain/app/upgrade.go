package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cast"

	"github.com/cosmos/cosmos-sdk/server"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"
)

// UpgradeName is the name of the plan that this program executes: at its height, the
// state of the program before becomes the state of this one.
const UpgradeName = "commitment-4"

// addedStores are what the upgrade adds, renames and deletes of the stores: nothing, it
// changes records inside of x/commitment's store.
var addedStores storetypes.StoreUpgrades

// setUpgradeHandler runs the modules' migrations at the plan's height, before the
// block's transactions, each from the version that the state has.
func (a *App) setUpgradeHandler() {
	a.Upgrade.SetUpgradeHandler(UpgradeName, func(ctx context.Context, _ upgradetypes.Plan, from module.VersionMap) (module.VersionMap, error) {
		return a.Modules.RunMigrations(ctx, a.configurator, from)
	})
}

// setStoreLoader makes the stores that the upgrade adds, if the program before has
// stopped for it. An application without a home, as in tests, has no such note of it.
func (a *App) setStoreLoader(home string) error {
	if home == "" {
		return nil
	}
	plan, err := a.Upgrade.ReadUpgradeInfoFromDisk()
	if err == nil && plan.Name == UpgradeName && !a.Upgrade.IsSkipHeight(plan.Height) {
		a.SetStoreLoader(upgradetypes.UpgradeStoreLoader(plan.Height, &addedStores))
	}
	return err
}

// skippedHeights are those of --unsafe-skip-upgrades.
func skippedHeights(opts servertypes.AppOptions) map[int64]bool {
	skipped := map[int64]bool{}
	for _, height := range cast.ToIntSlice(opts.Get(server.FlagUnsafeSkipUpgrades)) {
		skipped[int64(height)] = true
	}
	return skipped
}

// CheckVersions tells why this program must not execute the next block of the loaded
// state: a module's records are of another version, and no upgrade is due that changes
// them. x/upgrade itself notices only what a plan names.
func (a *App) CheckVersions() error {
	last := a.LastBlockHeight()
	if last == 0 {
		return nil
	}
	ctx := a.NewContext(true).WithBlockHeight(last)
	stored, err := a.Upgrade.GetModuleVersionMap(ctx)
	if err != nil {
		return err
	}
	plan, err := a.Upgrade.GetUpgradePlan(ctx)
	if err != nil && !errors.Is(err, upgradetypes.ErrNoUpgradePlanFound) {
		return err
	}
	if plan.Name == UpgradeName && plan.Height == last+1 {
		return nil
	}
	own := a.Modules.GetVersionMap()
	for _, name := range slices.Sorted(maps.Keys(own)) {
		switch version := stored[name]; {
		case version < own[name] && plan.Name == UpgradeName:
			return fmt.Errorf("x/%s has version %d in the state at height %d, and %d in this program: run the program before it, which stops for the upgrade %q at height %d",
				name, version, last, own[name], plan.Name, plan.Height)
		case version < own[name]:
			return fmt.Errorf("x/%s has version %d in the state at height %d, and %d in this program: run the program before it, until the authority's upgrade %q stops it",
				name, version, last, own[name], UpgradeName)
		case version > own[name]:
			return fmt.Errorf("x/%s has version %d in the state at height %d, and %d in this program: run a newer one",
				name, version, last, own[name])
		}
	}
	return nil
}
