package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/internal/dbstore"
	"github.com/kvshard/kvshard/kvtest"
)

func (a *app) benchCommand() *cobra.Command {
	var b bench
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure calls at several sizes, on memdb, goleveldb and pebble, beside other trees",
		Long: `Measure a block (10 leaves appended, a checkpoint, the root), a single append, a
witness, a root, a cold open and the bulk build, at each size and on each store.
Gas, KV operations, bytes and hashes are counted, and the same on every machine;
gas is the SDK's default. Times are medians, as a ratio to one block of an
in-memory Frontier with the crate orchard's hash, which can prove nothing, taken
in turns in the same run. On disk each block is synced.

The other trees are a program that "make benchmarks" builds (--peer); without it
times are in microseconds. --write writes BENCHMARKS.md and plots into a
directory.`,
		Example: `  $ kvshard bench --sizes 1000,10000
  $ make benchmarks      # all sizes, with the other trees, written to BENCHMARKS.md`,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	flags.UintSliceVar(&b.sizes, "sizes", []uint{1000, 10_000, 100_000, 1_000_000}, "leaves")
	flags.StringSliceVar(&b.stores, "stores", []string{"memdb", "goleveldb", "pebble"}, "memdb, goleveldb, pebble")
	flags.StringVar(&b.peer, "peer", "", "the other trees' `program`, rust/target/release/examples/yardstick")
	flags.UintVar(&b.shardTree, "shardtree", 100_000, "most leaves of the in-memory ShardTree, whose root takes 0.1 ms a leaf")
	flags.IntVar(&b.rounds, "rounds", 21, "rounds of each call")
	flags.StringVar(&b.write, "write", "", "write BENCHMARKS.md and docs/bench-*.svg into this `directory`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		b.ctx, b.log = c.Context(), a.err
		if a.progress == "off" {
			b.log = io.Discard
		}
		if b.rounds < 1 || len(b.sizes) == 0 || len(b.stores) == 0 {
			return usage("--rounds, --sizes and --stores must not be empty")
		}
		for _, name := range b.stores {
			if name != "memdb" && disk.CheckBackend(name) != nil {
				return usage("--stores %s: memdb, goleveldb or pebble", name)
			}
		}
		for _, size := range b.sizes {
			if size < 1 || size > 1<<31 {
				return usage("--sizes %d", size)
			}
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
		return a.emit(r, func(w io.Writer) { r.table(w) })
	}
	return c
}

type bench struct {
	ctx           context.Context
	log           io.Writer
	sizes         []uint
	stores        []string
	peer, write   string
	shardTree     uint
	rounds        int
	frontierTimes []time.Duration
}

// A cost is the mean over many calls, counted.
type cost struct {
	Gas    float64 `json:"gas"`
	Ops    float64 `json:"kv_operations"`
	Reads  float64 `json:"bytes_read"`
	Writes float64 `json:"bytes_written"`
	Hashes float64 `json:"hashes"`
}

type benchRow struct {
	Size  uint            `json:"size"`
	Costs map[string]cost `json:"costs"` // by call
	// By store, then by call; ShardTree has block and build alone.
	Times map[string]map[string]float64 `json:"times"`
}

type benchResult struct {
	Unit     string     `json:"unit"` // of times, but for build: microseconds, or blocks of a Frontier
	Rounds   int        `json:"rounds"`
	Stores   []string   `json:"stores"`
	Rows     []benchRow `json:"rows"`
	Frontier float64    `json:"frontier_microseconds,omitempty"`
	peer     bool
}

var benchCalls = []string{"block", "append", "witness", "root"}

func (b *bench) run() (*benchResult, error) {
	r := &benchResult{Unit: "microseconds", Rounds: b.rounds, Stores: b.stores}
	var others *peer
	if b.peer != "" {
		var err error
		if others, err = startPeer(b.peer); err != nil {
			return nil, coded(codeOther, "\"make benchmarks\", which builds it", "--peer: %w", err)
		}
		defer others.stop()
		r.peer = true
		r.Stores = append(slices.Clone(b.stores), "ShardTree")
	}
	for _, size := range b.sizes {
		row := benchRow{Size: size, Costs: map[string]cost{}, Times: map[string]map[string]float64{}}
		for _, name := range b.stores {
			if err := b.ctx.Err(); err != nil {
				return nil, err
			}
			fmt.Fprintf(b.log, "bench: %d leaves on %s\n", size, name)
			if err := b.measure(name, size, others, &row); err != nil {
				return nil, fmt.Errorf("%s, %d leaves: %w", name, size, err)
			}
		}
		if others != nil && size <= b.shardTree {
			fmt.Fprintf(b.log, "bench: %d leaves in ShardTree\n", size)
			build, err := others.ask(fmt.Sprintf("build %d", size))
			if err != nil {
				return nil, err
			}
			var blocks []time.Duration
			for range 3 {
				if err := timed(&blocks, func() (time.Duration, error) { return others.ask("block") }); err != nil {
					return nil, err
				}
			}
			row.Times["ShardTree"] = map[string]float64{"block": microseconds(median(blocks)), "build": microseconds(build) / float64(size)}
		}
		r.Rows = append(r.Rows, row)
	}
	if others != nil {
		r.Unit = "blocks of an in-memory Frontier"
		r.Frontier = microseconds(median(b.frontierTimes))
		for _, row := range r.Rows {
			for _, times := range row.Times {
				for call := range times {
					if call != "build" {
						times[call] /= r.Frontier
					}
				}
			}
		}
	}
	return r, nil
}

// A subject is a tree in one store.
type subject struct {
	name string
	db   dbm.DB
	path string
	next uint64
	at   uint32
}

func (s *subject) open() (err error) {
	if s.name == "memdb" {
		if s.db == nil {
			s.db = dbm.NewMemDB()
		}
		return nil
	}
	s.db, err = disk.Open(s.path, s.name)
	return err
}

// update runs f as a block does: on disk, all of it in one synced batch.
func (s *subject) update(f func(store.KVStore) error) error {
	if s.name == "memdb" {
		return f(s.db)
	}
	return dbstore.New(s.db).Do(f)
}

// leaves makes the next ones: pseudorandom, and canonical since their last
// byte is 0.
func (s *subject) leaves(n int) []kvshard.Node {
	batch := make([]kvshard.Node, n)
	for i := range batch {
		s.next++
		for word := range uint64(4) {
			mixed := (s.next + word<<32) * 0x9E3779B97F4A7C15
			binary.LittleEndian.PutUint64(batch[i][8*word:], mixed^mixed>>29)
		}
		batch[i][31] = 0
	}
	return batch
}

// call does one of benchCalls on a store.
func (s *subject) call(name string, kv store.KVStore, options ...kvshard.Option) error {
	tree, err := kvshard.Open(kv, options...)
	if err != nil {
		return err
	}
	switch name {
	case "block":
		if _, err := tree.AppendBatch(s.leaves(10)); err != nil {
			return err
		}
		s.at++
		if err := tree.Checkpoint(s.at); err != nil {
			return err
		}
		_, err = tree.Root()
	case "append":
		_, err = tree.Append(s.leaves(1)[0])
	case "witness":
		_, err = tree.Witness(s.next * 7919 / 10007 % s.next)
	case "root":
		_, err = tree.Root()
	}
	return err
}

func (s *subject) run(name string, options ...kvshard.Option) error {
	if name == "block" || name == "append" {
		return s.update(func(kv store.KVStore) error { return s.call(name, kv, options...) })
	}
	return s.call(name, s.db, options...)
}

// count does it on a store that charges and counts.
func (s *subject) count(name string, rounds int) (c cost, err error) {
	observe := kvshard.WithObserver(func(stats kvshard.Stats) { c.Hashes += float64(stats.Hashes) })
	for range rounds {
		err := s.update(func(kv store.KVStore) error {
			trace := kvtest.NewTraceStore(kv)
			trace.Record(false)
			gas := kvtest.NewGasStore(trace, 0)
			err := s.call(name, gas, observe)
			counts := trace.Counts()
			c.Gas += float64(gas.GasConsumed())
			c.Ops += float64(counts.Ops())
			c.Reads += float64(counts.BytesRead)
			c.Writes += float64(counts.BytesWritten)
			return err
		})
		if err != nil {
			return c, err
		}
	}
	for _, v := range []*float64{&c.Gas, &c.Ops, &c.Reads, &c.Writes, &c.Hashes} {
		*v /= float64(rounds)
	}
	return c, nil
}

func (b *bench) measure(name string, size uint, others *peer, row *benchRow) (err error) {
	s := &subject{name: name}
	if name != "memdb" {
		dir, err := os.MkdirTemp("", "kvshard-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		s.path = filepath.Join(dir, databaseName)
	}
	if err := s.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.db.Close()) }()
	times := map[string]float64{}
	row.Times[name] = times

	// The bulk build: batches, then the root.
	leaves := s.leaves(int(size))
	started := time.Now()
	for len(leaves) > 0 {
		batch := leaves[:min(len(leaves), appendBatch)]
		leaves = leaves[len(batch):]
		err := s.update(func(kv store.KVStore) error {
			tree, err := kvshard.Open(kv)
			if err == nil {
				_, err = tree.AppendBatch(batch)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := s.run("root"); err != nil {
		return err
	}
	times["build"] = microseconds(time.Since(started)) / float64(size)

	// As many checkpoints as are kept, so that each further one prunes one.
	for range kvshard.DefaultMaxCheckpoints {
		s.at++
		err := s.update(func(kv store.KVStore) error {
			tree, err := kvshard.Open(kv)
			if err != nil {
				return err
			}
			return tree.Checkpoint(s.at)
		})
		if err != nil {
			return err
		}
	}
	for _, call := range benchCalls {
		if name == b.stores[0] { // on the others it is the same
			if row.Costs[call], err = s.count(call, 64); err != nil {
				return err
			}
		}
		var taken []time.Duration
		for range b.rounds {
			err := timed(&taken, func() (time.Duration, error) {
				started := time.Now()
				err := s.run(call)
				return time.Since(started), err
			})
			if err != nil {
				return err
			}
			if others != nil && call == "block" {
				if err := timed(&b.frontierTimes, func() (time.Duration, error) { return others.ask("frontier") }); err != nil {
					return err
				}
			}
		}
		times[call] = microseconds(median(taken))
	}
	var cold []time.Duration
	for range min(b.rounds, 7) {
		if name != "memdb" {
			if err := s.db.Close(); err != nil {
				return err
			}
		}
		err := timed(&cold, func() (time.Duration, error) {
			started := time.Now()
			if err := s.open(); err != nil {
				return 0, err
			}
			err := s.run("root")
			return time.Since(started), err
		})
		if err != nil {
			return err
		}
	}
	times["cold open"] = microseconds(median(cold))
	return nil
}

func timed(times *[]time.Duration, f func() (time.Duration, error)) error {
	taken, err := f()
	*times = append(*times, taken)
	return err
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// A peer is the other trees' program: a command a line, answered with
// nanoseconds.
type peer struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func startPeer(path string) (*peer, error) {
	command := exec.Command(path)
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &peer{command, in, bufio.NewReader(out)}, nil
}

func (p *peer) ask(command string) (time.Duration, error) {
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("the other trees' program, %s: %w", command, err)
	}
	nanoseconds, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(nanoseconds), err
}

func (p *peer) stop() {
	_ = p.in.Close()
	_ = p.command.Wait()
}

// table prints the result as text.
func (r *benchResult) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "leaves\tcall\tgas\tkv operations\tbytes read\tbytes written\thashes\t")
	for _, row := range r.Rows {
		for _, call := range benchCalls {
			c := row.Costs[call]
			fmt.Fprintf(t, "%d\t%s\t%.0f\t%.1f\t%.0f\t%.0f\t%.1f\t\n", row.Size, call, c.Gas, c.Ops, c.Reads, c.Writes, c.Hashes)
		}
	}
	_ = t.Flush()
	fmt.Fprintf(w, "\ntimes in %s; build in microseconds a leaf\n", r.Unit)
	fmt.Fprintln(t, "leaves\tstore\t"+strings.Join(timeColumns, "\t")+"\t")
	for _, row := range r.Rows {
		for _, name := range r.Stores {
			if times, measured := row.Times[name]; measured {
				fmt.Fprintf(t, "%d\t%s\t%s\t\n", row.Size, name, strings.Join(timeCells(times), "\t"))
			}
		}
	}
	_ = t.Flush()
}

var timeColumns = []string{"block", "append", "witness", "root", "cold open", "build"}

func timeCells(times map[string]float64) (cells []string) {
	for _, call := range timeColumns {
		value, measured := times[call]
		switch {
		case !measured:
			cells = append(cells, "")
		case value >= 100:
			cells = append(cells, fmt.Sprintf("%.0f", value))
		default:
			cells = append(cells, strconv.FormatFloat(value, 'g', 3, 64))
		}
	}
	return cells
}
