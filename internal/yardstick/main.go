// Command yardstick times kvshard, through Go and over cosmos-db's MemDB,
// beside other trees in one run: `make bench`.
//
// The others are rust/examples/yardstick.rs, a process that takes a command a
// line and answers with nanoseconds. Rounds alternate, and only ratios of
// medians mean anything: machines differ, and are noisy.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
)

func main() {
	peer := flag.String("peer", "rust/target/release/examples/yardstick", "the other trees' program")
	leaves := flag.Uint64("leaves", 1_000_000, "leaves of kvshard's tree")
	shardTree := flag.Uint64("shardtree", 100_000, "leaves of the in-memory ShardTree, which takes 0.1 ms a leaf for each root")
	rounds := flag.Int("rounds", 21, "rounds of each block")
	flag.Parse()
	if err := run(*peer, *leaves, *shardTree, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "yardstick:", err)
		os.Exit(1)
	}
}

func run(path string, leaves, shardTree uint64, rounds int) error {
	others, err := start(path)
	if err != nil {
		return err
	}
	defer others.stop()

	ours := &subject{}
	build, err := ours.build(leaves)
	if err != nil {
		return err
	}
	theirBuild, err := others.ask(fmt.Sprintf("build %d", shardTree))
	if err != nil {
		return err
	}
	var block, frontier []time.Duration
	for range rounds {
		if err := measure(&block, ours.block); err != nil {
			return err
		}
		ask := func() (time.Duration, error) { return others.ask("frontier") }
		if err := measure(&frontier, ask); err != nil {
			return err
		}
	}
	theirBlock, err := others.ask("block")
	if err != nil {
		return err
	}

	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "what\tkvshard\tthe other\tratio\ttarget")
	fmt.Fprintf(w, "block of 10 at %d leaves, against the in-memory Frontier\t%v\t%v\t1/%.1f\t1/4\n",
		leaves, median(block), median(frontier), ratio(median(frontier), median(block)))
	fmt.Fprintf(w, "block of 10 at %d leaves, against ShardTree at %d\t%v\t%v\t1/%.0f\t1/1000\n",
		leaves, shardTree, median(block), theirBlock, ratio(theirBlock, median(block)))
	perLeaf, theirPerLeaf := build/time.Duration(leaves), theirBuild/time.Duration(shardTree)
	fmt.Fprintf(w, "building with the root, a leaf, against ShardTree at %d\t%v\t%v\t1/%.1f\t1/20\n",
		shardTree, perLeaf, theirPerLeaf, ratio(theirPerLeaf, perLeaf))
	return w.Flush()
}

// A subject is kvshard's tree.
type subject struct {
	tree   *kvshard.Tree
	next   uint64
	height uint32
}

// build makes the tree in one batch and takes its root; then it fills the
// hundred checkpoints, which is not timed.
func (s *subject) build(leaves uint64) (time.Duration, error) {
	tree, err := kvshard.Open(dbm.NewMemDB())
	if err != nil {
		return 0, err
	}
	s.tree = tree
	batch := s.leaves(leaves)
	started := time.Now()
	if _, err := tree.AppendBatch(batch); err != nil {
		return 0, err
	}
	if _, err := tree.Root(); err != nil {
		return 0, err
	}
	elapsed := time.Since(started)
	for range kvshard.DefaultMaxCheckpoints {
		s.height++
		if err := tree.Checkpoint(s.height); err != nil {
			return 0, err
		}
	}
	return elapsed, nil
}

func (s *subject) block() (time.Duration, error) {
	batch := s.leaves(10)
	s.height++
	started := time.Now()
	if _, err := s.tree.AppendBatch(batch); err != nil {
		return 0, err
	}
	if err := s.tree.Checkpoint(s.height); err != nil {
		return 0, err
	}
	_, err := s.tree.Root()
	return time.Since(started), err
}

// leaves makes the next ones: pseudorandom, and canonical since their last
// byte is 0.
func (s *subject) leaves(count uint64) []kvshard.Node {
	batch := make([]kvshard.Node, count)
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

// A peer is the other trees' process.
type peer struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func start(path string) (*peer, error) {
	command := exec.Command(path)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%w: `make bench` builds it", err)
	}
	return &peer{command: command, in: in, out: bufio.NewReader(out)}, nil
}

func (p *peer) ask(command string) (time.Duration, error) {
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("%s: %w", command, err)
	}
	nanoseconds, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(nanoseconds), err
}

func (p *peer) stop() {
	_ = p.in.Close()
	_ = p.command.Wait()
}

func measure(times *[]time.Duration, round func() (time.Duration, error)) error {
	elapsed, err := round()
	*times = append(*times, elapsed)
	return err
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
