// Command localnet runs shieldd as an operator would, on loopback, in
// directories that it removes at the end:
//
//	localnet -bin bin/shieldd chain      one node: transactions, proofs, export, import
//	localnet -bin bin/shieldd testnet    four validators: an upgrade, crash, state-sync, block-STM, optimistic
//	localnet -bin bin/shieldd pay        one node: shield, pay, unshield, and what is refused
//	localnet -bin bin/shieldd lightwallet  one node, lightd, and a stock wallet
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	bin := flag.String("bin", "bin/shieldd", "the program")
	before := flag.String("before", "bin/shieldd-before", "testnet: the program before the upgrade")
	wallet := flag.String("wallet", "bin/shieldwallet", "pay, lightwallet: the program that makes bundles")
	stock := flag.String("lightwallet", "bin/lightwallet", "lightwallet: the stock wallet")
	bound := flag.Duration("timeout", 4*time.Minute, "give up after this time")
	queue := flag.Bool("queue", false, "testnet: append in EndBlock")
	keep := flag.Bool("keep", false, "keep the directories")
	flag.Parse()

	if err := run(programs{*bin, *before, *wallet, *stock}, flag.Arg(0), *bound, *queue, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "localnet:", err)
		os.Exit(1)
	}
}

// programs are the paths of what localnet runs.
type programs struct{ bin, before, wallet, stock string }

func run(p programs, what string, bound time.Duration, queue, keep bool) (err error) {
	for _, program := range []*string{&p.bin, &p.before, &p.wallet, &p.stock} {
		if *program, err = filepath.Abs(*program); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "shieldchain-")
	if err != nil {
		return err
	}
	if keep {
		fmt.Println("directories:", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	n := &network{programs: p, dir: dir, began: time.Now(), queue: queue}
	// No process may be left, whatever happens.
	defer func() {
		for _, node := range n.nodes {
			err = errors.Join(err, node.stop(syscall.SIGKILL))
		}
	}()
	switch what {
	case "chain":
		return n.chain(ctx)
	case "testnet":
		return n.testnet(ctx)
	case "pay":
		return n.pay(ctx)
	case "lightwallet":
		return n.lightwallet(ctx)
	default:
		return fmt.Errorf("%q is none of chain, testnet, pay, lightwallet", what)
	}
}

// A network is a network of nodes on this machine.
type network struct {
	programs
	dir   string
	began time.Time
	queue bool
	nodes []*node
}

func (n *network) say(format string, args ...any) {
	fmt.Printf("%5.1f s  %s\n", time.Since(n.began).Seconds(), fmt.Sprintf(format, args...))
}

// add makes a node that runs one of the programs.
func (n *network) add(ctx context.Context, bin, name string) (*node, error) {
	node, err := newNode(ctx, bin, n.dir, name)
	if err == nil {
		n.nodes = append(n.nodes, node)
	}
	return node, err
}
