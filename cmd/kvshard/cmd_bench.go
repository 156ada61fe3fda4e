package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func (a *app) benchCommand() *cobra.Command {
	var b bench
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure calls at several sizes and on several stores, beside other trees",
		Long: `Measure a block (10 leaves appended, a checkpoint, the root), the root, a witness, a
single append, a cold open and the bulk build, at each size and on each store: in
memory (memdb), on goleveldb and pebble, and in IAVL on goleveldb (iavl), as a node
has it. On disk each block is one synced batch, and a version in IAVL.

With --peers, the program in tools/peers, three other trees take the same leaves in the
same run: the in-memory Frontier of incrementalmerkletree, which can prove nothing, the
in-memory ShardTree of shardtree, both with the crate orchard's hash, and
vote-commitment-tree's KvShardStore over a store in memory. Times are then ratios to a
block of that Frontier, taken in turns; without --peers they are in microseconds.

Gas, KV operations, bytes and hashes are counted, and the same on every machine; gas is
the SDK's default. Times are medians; ratios are to the block that came next.

--write writes tables and plots into a directory.`,
		Example: `  $ kvshard bench --sizes 1000,10000
  $ make benchmarks      # all sizes, with the other trees, written to BENCHMARKS.md`,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	flags.UintSliceVar(&b.sizes, "sizes", []uint{1000, 10_000, 100_000, 1_000_000}, "leaves")
	flags.StringSliceVar(&b.stores, "stores", benchStores, "memdb, goleveldb, pebble, iavl")
	flags.StringVar(&b.peers, "peers", "", "the other trees' `program`, tools/peers/target/release/peers")
	flags.IntVar(&b.rounds, "rounds", 21, "rounds of each call, or as many as take a tenth of --limit")
	flags.DurationVar(&b.limit, "limit", 2*time.Minute, "no step of another tree may take longer; it is not asked again at that size")
	flags.StringVar(&b.write, "write", "", "write BENCHMARKS.md and docs/bench-*.svg into this `directory`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		b.ctx, b.log = c.Context(), a.err
		if a.progress == "off" {
			b.log = io.Discard
		}
		if err := b.check(); err != nil {
			return err
		}
		r, err := b.run()
		if err != nil {
			return err
		}
		if b.write != "" {
			if err := r.write(b.write); err != nil {
				return err
			}
		}
		return a.emit(r, func(w io.Writer) { r.text(w) })
	}
	return c
}

// maxBenchSize is well below the 2^24 leaves that vote-commitment-tree holds.
const maxBenchSize = 10_000_000

type bench struct {
	ctx          context.Context
	log          io.Writer
	sizes        []uint
	stores       []string
	peers, write string
	rounds       int
	limit        time.Duration
}

func (b *bench) check() error {
	if b.rounds < 1 {
		return exit.Usagef("--rounds %d: at least 1", b.rounds)
	}
	if b.limit <= 0 {
		return exit.Usagef("--limit %v: more than 0", b.limit)
	}
	for _, name := range b.stores {
		if !slices.Contains(benchStores, name) {
			return exit.Usagef("--stores %s: it is one of %v", name, benchStores)
		}
	}
	for _, size := range b.sizes {
		if size < 1 || size > maxBenchSize {
			return exit.Usagef("--sizes %d: from 1 to %d", size, maxBenchSize)
		}
	}
	if b.peers != "" {
		if _, err := os.Stat(b.peers); err != nil {
			return exit.Errorf(exit.Other, "\"make benchmarks\", which builds it", "--peers: %w", err)
		}
	}
	return nil
}

// The calls that are measured, in this order.
const (
	callBuild   = "build"
	callBlock   = "block"
	callRoot    = "root"
	callWitness = "witness"
	callAppend  = "append"
	callOpen    = "cold open"
)

var (
	benchCalls  = []string{callBlock, callRoot, callWitness, callAppend, callOpen}
	timeColumns = append(slices.Clone(benchCalls), callBuild)
)

// A cost is what was counted in a call; a table has the mean over many.
type cost struct {
	Gas     float64 `json:"gas"`
	Ops     float64 `json:"kv_operations"`
	Read    float64 `json:"bytes_read"`
	Written float64 `json:"bytes_written"`
	Hashes  float64 `json:"hashes"`
}

func (c *cost) add(other cost) {
	c.Gas += other.Gas
	c.Ops += other.Ops
	c.Read += other.Read
	c.Written += other.Written
	c.Hashes += other.Hashes
}

func (c *cost) divide(by float64) {
	for _, v := range []*float64{&c.Gas, &c.Ops, &c.Read, &c.Written, &c.Hashes} {
		*v /= by
	}
}

// A sample is one call.
type sample struct {
	taken time.Duration
	root  kvshard.Node // of a call that takes one
	cost  cost
}

// A competitor is a tree in some store.
type competitor interface {
	// build makes the tree of the first leaves, and takes its root.
	build(leaves []kvshard.Node) (sample, error)
	// checkpoints makes so many, so that each further one prunes one.
	checkpoints(n int) error
	// call does one of benchCalls with what it needs.
	call(name string, leaves []kvshard.Node, position uint64) (sample, error)
	can(name string) bool
	close() error
}

// A benchRow is a tree in a store at a size.
type benchRow struct {
	Leaves uint               `json:"leaves"`
	Tree   string             `json:"tree"`
	Store  string             `json:"store"`
	Times  map[string]float64 `json:"times"`
	Costs  map[string]cost    `json:"costs"`
	Over   string             `json:"over_the_limit,omitempty"` // the step that took too long
}

type benchResult struct {
	Unit     string     `json:"unit"` // of times, but for build, which is for each leaf
	Command  string     `json:"command"`
	Rounds   int        `json:"rounds"`
	Limit    string     `json:"limit"`
	Frontier []float64  `json:"frontier_microseconds,omitempty"` // the unit, at each size
	Rows     []benchRow `json:"rows"`
}

const (
	unitMicroseconds = "microseconds"
	unitFrontier     = "blocks of an in-memory Frontier"
)

func (b *bench) run() (*benchResult, error) {
	r := &benchResult{Unit: unitMicroseconds, Command: b.command(), Rounds: b.rounds, Limit: b.limitText()}
	for _, size := range b.sizes {
		rows, unit, err := b.atSize(size)
		if err != nil {
			return nil, fmt.Errorf("%d leaves: %w", size, err)
		}
		if b.peers != "" {
			r.Unit = unitFrontier
			r.Frontier = append(r.Frontier, unit)
		}
		r.Rows = append(r.Rows, rows...)
	}
	return r, nil
}

// command is what a reader gives to have the same.
func (b *bench) command() string {
	text := fmt.Sprintf("kvshard bench --sizes %s --stores %s --rounds %d --limit %s",
		joined(b.sizes), joined(b.stores), b.rounds, b.limitText())
	if b.peers != "" {
		text = "make benchmarks   # " + text + " --peers tools/peers/target/release/peers"
	}
	return text
}

// limitText is 2m, and not 2m0s.
func (b *bench) limitText() string {
	text := b.limit.String()
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

// text prints the result.
func (r *benchResult) text(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "call\tleaves\ttree\t%s\t\n", strings.Join(costColumns, "\t"))
	for _, call := range benchCalls {
		for _, row := range r.counted(call) {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t\n", call, row.Leaves, row.Tree, strings.Join(costCells(row, call), "\t"))
		}
	}
	_ = t.Flush()
	fmt.Fprintf(w, "\ntimes in %s; %s in microseconds a leaf\n", r.Unit, callBuild)
	fmt.Fprintf(t, "leaves\ttree\tstore\t%s\t\n", strings.Join(timeColumns, "\t"))
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t\n", row.Leaves, row.Tree, row.Store, strings.Join(r.timeCells(row), "\t"))
	}
	_ = t.Flush()
}

// counted returns the rows with figures of a call: of ours one store's, since
// they are the same on each.
func (r *benchResult) counted(call string) (rows []benchRow) {
	for _, row := range r.Rows {
		_, there := row.Costs[call]
		first := slices.IndexFunc(rows, func(other benchRow) bool { return other.Leaves == row.Leaves && other.Tree == row.Tree }) < 0
		if there && first {
			rows = append(rows, row)
		}
	}
	return rows
}
