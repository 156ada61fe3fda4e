// Package bench measures the tree's calls at several sizes and on several stores,
// beside other trees.
package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// maxSize is well below the 2^24 leaves that vote-commitment-tree holds.
const maxSize = 10_000_000

// A Bench is what to measure.
type Bench struct {
	Log    io.Writer // what it is at
	Sizes  []uint    // leaves
	Stores []string  // some of [Stores]
	Peers  string    // the program of tools/peers, "" to measure no other tree
	Rounds int
	Limit  time.Duration // of a step of another tree

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
	for _, name := range b.Stores {
		if !slices.Contains(Stores, name) {
			return exit.Usagef("--stores %s: it is one of %v", name, Stores)
		}
	}
	for _, size := range b.Sizes {
		if size < 1 || size > maxSize {
			return exit.Usagef("--sizes are from 1 to %d, not %d", maxSize, size)
		}
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
	r := &Result{Unit: UnitMicroseconds, Command: b.command(), Rounds: b.Rounds, Limit: b.limitText()}
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
		joined(b.Sizes), joined(b.Stores), b.Rounds, b.limitText())
	if b.Peers != "" {
		text = "make benchmarks   # " + text + " --peers tools/peers/target/release/peers"
	}
	return text
}

// limitText is 2m, and not 2m0s.
func (b *Bench) limitText() string {
	text := b.Limit.String()
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
