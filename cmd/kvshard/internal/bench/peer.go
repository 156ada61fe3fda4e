package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os/exec"
	"slices"
	"time"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/internal/strict"
)

// errLimit: a step of another tree took too long.
var errLimit = errors.New("over the limit")

// A peer is another tree, or our engine without Go, in a process of its own
// (tools/peers).
type peer struct {
	tree  string
	start kvshard.Frontier // of TreeFrontier
	limit time.Duration

	ctx     context.Context
	command *exec.Cmd
	kill    context.CancelFunc
	in      io.WriteCloser
	out     *bufio.Reader
}

var _ competitor = (*peer)(nil)

func (m *round) startPeer(tree string) (*peer, error) {
	ctx, kill := context.WithCancel(m.ctx)
	name := map[string]string{TreeOurs: "kvshard", TreeFrontier: "frontier", TreeShardTree: "shardtree", TreeVote: "vote"}[tree]
	p := &peer{tree: tree, start: m.start, limit: m.Limit, ctx: m.ctx, command: exec.CommandContext(ctx, m.Peers, name), kill: kill}
	p.command.Stderr = m.Log
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		kill()
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		kill()
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		kill()
		return nil, exit.Errorf(exit.Other, "run \"make benchmarks\", which builds it", "--peers: %w", err)
	}
	return p, nil
}

// close ends the process. It is no error that the process was killed.
func (p *peer) close() error {
	_ = p.in.Close()
	p.kill()
	_ = p.command.Wait()
	return nil
}

// An answer is what tools/peers says to a command.
type answer struct {
	Nanoseconds int64        `json:"nanoseconds"`
	Root        kvshard.Node `json:"root"`
	cost
}

// ask sends a command, with nodes behind it, and waits for the answer.
func (p *peer) ask(command string, nodes ...kvshard.Node) (sample, error) {
	return p.askInParts(command, slices.Values([][]kvshard.Node{nodes}))
}

func (p *peer) askInParts(command string, parts iter.Seq[[]kvshard.Node]) (sample, error) {
	type result struct {
		answer
		err error
	}
	answered := make(chan result, 1)
	go func() {
		var r result
		defer func() { answered <- r }()
		in := bufio.NewWriterSize(p.in, 1<<16)
		fmt.Fprintln(in, command)
		for nodes := range parts {
			for i := range nodes {
				_, _ = in.Write(nodes[i][:])
			}
		}
		if r.err = in.Flush(); r.err != nil {
			return
		}
		line, err := p.out.ReadBytes('\n')
		if r.err = err; err == nil {
			r.err = strict.Decode(line, &r.answer)
		}
	}()
	timer := time.NewTimer(p.limit)
	defer timer.Stop()
	select {
	case r := <-answered:
		if err := p.ctx.Err(); err != nil {
			return sample{}, err
		}
		if r.err != nil {
			return sample{}, fmt.Errorf("%s, %q: %w", p.tree, command, r.err)
		}
		return sample{time.Duration(r.Nanoseconds), r.Root, r.cost}, nil
	case <-timer.C:
		p.kill()
		<-answered
		return sample{}, errLimit
	}
}

func (p *peer) build(n uint64) (done sample, size uint64, err error) {
	if p.tree != TreeFrontier {
		done, err = p.askInParts(fmt.Sprintf("build %d", n), inParts(n))
		return done, n, err
	}
	nodes := append([]kvshard.Node{p.start.Leaf}, p.start.Ommers...)
	if _, err := p.ask(fmt.Sprintf("start %d %d", p.start.Size, len(nodes)), nodes...); err != nil {
		return sample{}, 0, err
	}
	done, err = p.ask("root")
	return done, p.start.Size, err
}

func (p *peer) checkpoints(n int) error {
	_, err := p.ask(fmt.Sprintf("checkpoints %d", n))
	return err
}

func (p *peer) can(name string) bool {
	switch p.tree {
	case TreeFrontier:
		return name != CallWitness && name != CallOpen
	case TreeShardTree:
		return name != CallOpen
	}
	return true
}

func (p *peer) call(name string, leaves []kvshard.Node, position uint64) (sample, error) {
	switch name {
	case CallBlock, CallAppend:
		return p.ask(fmt.Sprintf("%s %d", name, len(leaves)), leaves...)
	case CallWitness:
		return p.ask(fmt.Sprintf("witness %d", position))
	case CallOpen:
		return p.ask("open")
	}
	return p.ask(name)
}
