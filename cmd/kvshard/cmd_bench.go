package main

import (
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/bench"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

func newBenchCommand(e *env) *cobra.Command {
	var b bench.Bench
	var write string
	var commands bool
	var growth map[string]string
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

With --commands, trees on goleveldb and pebble are built by this program's own commands,
each in a process of its own: append, then check, export, import, root, witness and view
on it. Their seconds, peak memory and bytes are figures too. So trees of any size that
the disk has room for can be measured; leaves are made as they are needed, the same in
each run. Of a tree in IAVL, --build-limit ends the build after that time, and its row
has the size that it came to.

--growth block=1.05 fails (code 5) if a block costs more than 1.05 times as much gas in
the largest tree as in the smallest, on any of the stores.

--write writes tables and plots into a directory. Its page has several parts, each
measured by itself; --part is the one that this run measures, and takes the place of.`,
		Example: `  $ kvshard bench --sizes 1000,10000
  $ kvshard bench --commands --stores pebble --sizes 1000000,20000000 --growth witness=1.3
  $ make benchmarks      # all sizes, with the other trees, written to docs/BENCHMARKS.md
  $ make mainnet-size    # trees of 50,000,000 leaves on disk, written there too (hours)`,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	flags.UintSliceVar(&b.Sizes, "sizes", []uint{1000, 10_000, 100_000, 1_000_000}, "leaves")
	flags.StringSliceVar(&b.Stores, "stores", bench.Stores, "memdb, goleveldb, pebble, iavl")
	flags.StringVar(&b.Peers, "peers", "", "the other trees' `program`, tools/peers/target/release/peers")
	flags.IntVar(&b.Rounds, "rounds", 21, "rounds of each call, or as many as take a tenth of --limit")
	flags.DurationVar(&b.Limit, "limit", 2*time.Minute, "no step of another tree may take longer; it is not asked again at that size")
	flags.StringSliceVar(&b.Beside, "beside", bench.Beside, "which other trees: rust (our own engine), frontier, shardtree, vote")
	flags.BoolVar(&commands, "commands", false, "build trees on goleveldb and pebble by the commands, and measure these")
	flags.DurationVar(&b.BuildLimit, "build-limit", 0, "end other builds of our tree after this time, and measure what is there; the default is no end")
	flags.StringVar(&b.Work, "work", "", "`directory` for trees on disk while they are measured; the default is the system's for such files")
	flags.StringToStringVar(&growth, "growth", nil, "fail if a call costs more than so many times the gas in the largest tree, `call=times`")
	flags.StringVar(&b.Part, "part", "benchmarks", "the part of the page that this is: the make target")
	flags.StringVar(&b.Note, "note", "", "a sentence about the run, for the page")
	flags.StringVar(&write, "write", "", "write BENCHMARKS.md, bench-*.svg and benchmarks.json into this `directory`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		b.Log = e.err
		if e.showing == "off" {
			b.Log = io.Discard
		}
		if c.Flags().Changed("build-limit") && b.BuildLimit <= 0 {
			return exit.Usagef("--build-limit is more than 0, not %v: leave it out for no limit", b.BuildLimit)
		}
		if commands {
			var err error
			if b.Commands, err = os.Executable(); err != nil {
				return err
			}
		}
		b.Growth = map[string]float64{}
		for call, text := range growth {
			times, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return exit.Usagef("--growth %s=%s: %q is no number", call, text, text)
			}
			b.Growth[call] = times
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
		if err := e.emit(r, func(w io.Writer) { r.Text(w) }); err != nil {
			return err
		}
		return b.Grown(r)
	}
	return c
}
