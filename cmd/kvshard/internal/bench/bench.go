// Package bench measures the tree's calls at several sizes and on several stores,
// beside other trees.
package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

const (
	// maxSize leaves room for the leaves that calls append.
	maxSize = 1 << 31
	// maxBeside is well below the 2^24 leaves that vote-commitment-tree holds. The
	// other trees are in memory, so that more leaves would need many gigabytes.
	maxBeside = 10_000_000
)

// A Bench is what to measure.
type Bench struct {
	Log        io.Writer // what it is at
	Sizes      []uint    // leaves
	Stores     []string  // some of [Stores]
	Peers      string    // the program of tools/peers, "" to measure no other tree
	Beside     []string  // some of [Beside]: which trees, if there are Peers
	Rounds     int
	Limit      time.Duration      // of a step of another tree
	BuildLimit time.Duration      // of a build in this process, 0 for none
	Commands   string             // this program, to build trees on disk by its commands; "" to build all here
	Work       string             // the directory for trees on disk, "" for the system's
	Growth     map[string]float64 // see checkGrowth
	Part       string             // of the page
	Note       string             // about the run

	ctx context.Context
}

// Check refuses what cannot be measured.
func (b *Bench) Check() error {
	if b.Rounds < 1 {
		return exit.Usagef("--rounds is at least 1, not %d", b.Rounds)
	}
	if b.Limit <= 0 {
		return exit.Usagef("--limit is more than 0, not %v", b.Limit)
	}
	for what, list := range map[string]int{"sizes": len(b.Sizes), "stores": len(b.Stores)} {
		if list == 0 {
			return exit.Usagef("--%s: give one at least", what)
		}
	}
	for _, name := range b.Stores {
		if !slices.Contains(Stores, name) {
			return exit.Usagef("--stores %s: it is one of %v", name, Stores)
		}
		if _, byCommand := commandStores[name]; b.Commands != "" && !byCommand && name != storeIAVL {
			return exit.Usagef("--commands: no command makes a tree on %s; --stores are then %s, %s or %s", name, disk.GoLevelDB, disk.Pebble, storeIAVL)
		}
	}
	for _, name := range b.Beside {
		if !slices.Contains(Beside, name) {
			return exit.Usagef("--beside %s: it is one of %v", name, Beside)
		}
	}
	for _, size := range b.Sizes {
		if size < 1 || size > maxSize {
			return exit.Usagef("--sizes are from 1 to %d, not %d", uint(maxSize), size)
		}
		if b.Peers != "" && size > maxBeside && !slices.Equal(b.Beside, []string{besideFrontier}) {
			return exit.Usagef("--sizes %d: give --beside %s, the other trees are in memory and take at most %d leaves", size, besideFrontier, maxBeside)
		}
	}
	if err := b.checkGrowth(); err != nil {
		return err
	}
	if b.Peers != "" {
		if _, err := os.Stat(b.Peers); err != nil {
			return exit.Errorf(exit.Other, "run \"make benchmarks\", which builds it", "--peers: %w", err)
		}
	}
	return nil
}

// Run measures. Its result is whole, or there is none.
func (b *Bench) Run(ctx context.Context) (*Result, error) {
	b.ctx = ctx
	r := &Result{Part: b.Part, Unit: UnitMicroseconds, Command: b.command(), Machine: machine(), Versions: versions(), Note: b.Note, Rounds: b.Rounds}
	for _, size := range b.Sizes {
		rows, unit, err := b.atSize(size)
		if err != nil {
			return nil, fmt.Errorf("%d leaves: %w", size, err)
		}
		if b.Peers != "" {
			r.Unit = UnitFrontier
			r.Frontier = append(r.Frontier, unit)
		}
		r.Rows = append(r.Rows, rows...)
	}
	return r, nil
}

// command is the command line that measures the same.
func (b *Bench) command() string {
	text := fmt.Sprintf("kvshard bench --sizes %s --stores %s --rounds %d --limit %s",
		joined(b.Sizes), joined(b.Stores), b.Rounds, durationText(b.Limit))
	if b.Commands != "" {
		text += " --commands"
	}
	if b.BuildLimit > 0 {
		text += " --build-limit " + durationText(b.BuildLimit)
	}
	for i, call := range slices.Sorted(maps.Keys(b.Growth)) {
		text += map[bool]string{true: " --growth ", false: ","}[i == 0] + fmt.Sprintf("%s=%v", call, b.Growth[call])
	}
	if b.Peers != "" {
		if !slices.Equal(b.Beside, Beside) {
			text += " --beside " + joined(b.Beside)
		}
		text = "make " + b.Part + "   # " + text + " --peers tools/peers/target/release/peers"
	}
	return text
}

// durationText is 2m, and not 2m0s.
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

func joined[T any](list []T) (text string) {
	for i, v := range list {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprint(v)
	}
	return text
}
