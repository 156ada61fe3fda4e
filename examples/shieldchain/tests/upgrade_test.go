package tests

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/cosmos/cosmos-sdk/client/flags"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	"github.com/cosmos/cosmos-sdk/types/module"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"

	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// plan has the authority, the first account, schedule an upgrade some blocks after the
// one that the transaction is in.
func plan(c *chaintest.Chain, name string, blocks int64) {
	c.T.Helper()
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, plenty, &upgradetypes.MsgSoftwareUpgrade{
		Authority: a.Address().String(),
		Plan:      upgradetypes.Plan{Name: name, Height: c.Height() + 1 + blocks},
	}))
}

// withVersion makes a chain whose state says that x/commitment has a version.
func withVersion(t *testing.T, version uint64) *chaintest.Chain {
	c := chaintest.New(t, chaintest.Config{})
	c.MustBlock(c.Tx(c.Accounts[0], plenty, chaintest.Append(c.Accounts[0], chaintest.Leaves(0, 40)...)))
	plan(c, "another", 1)
	c.App.Upgrade.SetUpgradeHandler("another", func(_ context.Context, _ upgradetypes.Plan, versions module.VersionMap) (module.VersionMap, error) {
		versions[types.ModuleName] = version
		return versions, nil
	})
	c.MustBlock()
	if got := chaintest.Must(c.App.Upgrade.GetModuleVersionMap(c.Context()))(t)[types.ModuleName]; got != version {
		t.Fatalf("the state has version %d, not %d", got, version)
	}
	return c
}

// next executes the next block, and returns its error.
func next(c *chaintest.Chain) error {
	_, err := c.App.FinalizeBlock(&abci.RequestFinalizeBlock{Height: c.Height() + 1, Time: time.Unix(2_000_000_000, 0)})
	return err
}

// TestUpgrade: genesis stores the modules' versions; a state of the version before is
// refused until the plan is due, is migrated then, and is this program's after it.
func TestUpgrade(t *testing.T) {
	for name, c := range map[string]struct {
		version uint64
		blocks  int64 // from the plan to its height, 0: no plan
		refusal string
	}{
		"of genesis":          {version: commitment.ConsensusVersion},
		"before, and no plan": {version: commitment.ConsensusVersion - 1, refusal: "until the authority's upgrade \"commitment-4\" stops it"},
		"before, too early":   {version: commitment.ConsensusVersion - 1, blocks: 3, refusal: "which stops for the upgrade \"commitment-4\" at height 7"},
		"before, and due":     {version: commitment.ConsensusVersion - 1, blocks: 1},
		"of a newer program":  {version: commitment.ConsensusVersion + 1, refusal: "run a newer one"},
	} {
		t.Run(name, func(t *testing.T) {
			chain := withVersion(t, c.version)
			if c.blocks > 0 {
				plan(chain, app.UpgradeName, c.blocks)
			}
			// As a program that is started over this state.
			chain.Reopen()
			err := chain.App.CheckVersions()
			if c.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), c.refusal) {
					t.Fatalf("%v, not %q", err, c.refusal)
				}
				return
			}
			chaintest.Must0(t, err)
			if c.blocks == 0 {
				return
			}
			root, size := chain.Root()
			chain.MustBlock()
			if got := chaintest.Must(chain.App.Upgrade.GetModuleVersionMap(chain.Context()))(t)[types.ModuleName]; got != commitment.ConsensusVersion {
				t.Errorf("the upgrade left version %d", got)
			}
			if after, n := chain.Root(); after != root || n != size {
				t.Errorf("%d leaves with root %v before, %d with %v after", size, root, n, after)
			}
			chain.Reopen()
			chaintest.Must0(t, chain.App.CheckVersions())
			chain.Check()
		})
	}
}

// TestUpgradeOfAnother: only the authority schedules a plan, and a program without its
// handler stops at its height, says so and leaves the plan in its home.
func TestUpgradeOfAnother(t *testing.T) {
	home := t.TempDir()
	c := chaintest.New(t, chaintest.Config{Accounts: 2, Options: simtestutil.AppOptionsMap{flags.FlagHome: home}})
	other := c.Accounts[1]
	result := c.Block(c.Tx(other, plenty, &upgradetypes.MsgSoftwareUpgrade{
		Authority: other.Address().String(), Plan: upgradetypes.Plan{Name: "to come", Height: 9},
	})).TxResults[0]
	if result.Code == 0 || !strings.Contains(result.Log, "invalid authority") {
		t.Errorf("another account's plan: code %d: %s", result.Code, result.Log)
	}
	plan(c, "to come", 1)
	err := next(c)
	if err == nil || !strings.Contains(err.Error(), `UPGRADE "to come" NEEDED at height: 3`) {
		t.Errorf("at the plan's height: %v", err)
	}
	info := chaintest.Must(os.ReadFile(filepath.Join(home, "data", upgradetypes.UpgradeInfoFilename)))(t)
	if !strings.Contains(string(info), `"name":"to come"`) || !strings.Contains(string(info), `"height":3`) {
		t.Errorf("the plan in the home: %s", info)
	}
}

// TestUpgradeTooEarly: a program that has the handler of a plan to come executes no block.
func TestUpgradeTooEarly(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	plan(c, app.UpgradeName, 3)
	if err := next(c); err == nil || !strings.Contains(err.Error(), "BINARY UPDATED BEFORE TRIGGER") {
		t.Errorf("before the plan's height: %v", err)
	}
}
