package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/bench"
)

func newBenchCommand(e *env) *cobra.Command {
	var b bench.Bench
	var write string
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure calls at several sizes and on several stores, beside other trees",
		Long: `Measure a block (10 leaves appended, a checkpoint, the root), the root, a witness, a
single append, a cold open and a bulk build. Each is measured at each size and on each
store: in memory (memdb), on goleveldb and pebble, and in IAVL on goleveldb (iavl), as a
node has it. On disk each block is one synced batch; in IAVL it is a version.

With --peers, the program in tools/peers, three other trees take the same leaves in the
same run: the in-memory Frontier of incrementalmerkletree, which can prove nothing, the
in-memory ShardTree of shardtree, both with the crate orchard's hash, and
vote-commitment-tree's KvShardStore over a store in memory. So does kvshard's own engine
called in Rust ("in Rust"), without the way from Go and back. Times are then ratios to a
block of that Frontier, taken in turns; without --peers they are in microseconds.

Gas, KV operations, bytes and hashes are counted, so they are the same on every machine.
Gas is the SDK's default. Times are medians; ratios are to the block that came next.
The trees are Orchard's.

--write writes tables and plots into a directory.`,
		Example: `  $ kvshard bench --sizes 1000,10000
  $ make benchmarks      # all sizes, with the other trees, written to docs/BENCHMARKS.md`,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	flags.UintSliceVar(&b.Sizes, "sizes", []uint{1000, 10_000, 100_000, 1_000_000}, "leaves")
	flags.StringSliceVar(&b.Stores, "stores", bench.Stores, "memdb, goleveldb, pebble, iavl")
	flags.StringVar(&b.Peers, "peers", "", "the other trees' `program`, tools/peers/target/release/peers")
	flags.IntVar(&b.Rounds, "rounds", 21, "rounds of each call, or as many as take a tenth of --limit")
	flags.DurationVar(&b.Limit, "limit", 2*time.Minute, "no step of another tree may take longer; it is not asked again at that size")
	flags.StringVar(&write, "write", "", "write BENCHMARKS.md and bench-*.svg into this `directory`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		b.Log = e.err
		if e.showing == "off" {
			b.Log = io.Discard
		}
		if err := b.Check(); err != nil {
			return err
		}
		r, err := b.Run(c.Context())
		if err != nil {
			return err
		}
		if write != "" {
			if err := r.Write(write); err != nil {
				return err
			}
		}
		return e.emit(r, func(w io.Writer) { r.Text(w) })
	}
	return c
}
