package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
)

const (
	chainID = "shieldchain-local"
	denom   = "stake"
)

// A node is one shieldd with a home of its own, listening on loopback.
type node struct {
	name           string
	bin, home      string
	rpc, p2p, grpc int // ports
	client         *rpchttp.HTTP

	process *exec.Cmd
	done    chan error
}

// newNode makes the home of a node.
func newNode(ctx context.Context, bin, dir, name string) (*node, error) {
	n := &node{name: name, bin: bin, home: filepath.Join(dir, name)}
	for _, port := range []*int{&n.rpc, &n.p2p, &n.grpc} {
		var err error
		if *port, err = freePort(); err != nil {
			return nil, err
		}
	}
	var err error
	if n.client, err = rpchttp.New(n.address(), "/websocket"); err != nil {
		return nil, err
	}
	if _, err := n.run(ctx, "init", name, "--chain-id", chainID); err != nil {
		return nil, err
	}
	return n, n.configure(map[string]string{
		`timeout_commit = .*`:             `timeout_commit = "500ms"`,
		`pprof_laddr = .*`:                `pprof_laddr = ""`,
		`allow_duplicate_ip = .*`:         `allow_duplicate_ip = true`,
		`addr_book_strict = .*`:           `addr_book_strict = false`,
		`laddr = "tcp://127.0.0.1:26656"`: fmt.Sprintf(`laddr = "tcp://127.0.0.1:%d"`, n.p2p),
		`laddr = "tcp://127.0.0.1:26657"`: fmt.Sprintf(`laddr = "tcp://127.0.0.1:%d"`, n.rpc),
	})
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (n *node) address() string { return fmt.Sprintf("tcp://127.0.0.1:%d", n.rpc) }

// configure replaces lines of config.toml; each pattern must match one.
func (n *node) configure(lines map[string]string) error {
	name := filepath.Join(n.home, "config", "config.toml")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	for pattern, line := range lines {
		re := regexp.MustCompile(`(?m)^` + pattern + `$`)
		if !re.Match(text) {
			return fmt.Errorf("%s: no line %s", name, pattern)
		}
		text = re.ReplaceAllLiteral(text, []byte(line))
	}
	return os.WriteFile(name, text, 0o644)
}

// run runs a command of shieldd in the node's home and returns its output.
func (n *node) run(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.bin, append(args, "--home", n.home)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("shieldd %s: %w\n%s%s", strings.Join(args, " "), err, out.Bytes(), errOut.Bytes())
	}
	return out.Bytes(), nil
}

// start starts the node. It runs until stop, kill or the end of the context.
func (n *node) start(ctx context.Context, args ...string) error {
	log, err := os.OpenFile(filepath.Join(n.home, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	args = append([]string{"start", "--home", n.home, "--log_no_color",
		"--grpc.address", fmt.Sprintf("127.0.0.1:%d", n.grpc)}, args...)
	n.process = exec.CommandContext(ctx, n.bin, args...)
	n.process.Stdout, n.process.Stderr = log, log
	if err := n.process.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	done := make(chan error, 1)
	n.done = done
	process := n.process
	go func() {
		done <- process.Wait()
		log.Close()
	}()
	return nil
}

// stop ends the node with a signal and waits for it.
func (n *node) stop(signal syscall.Signal) error {
	if n.process == nil {
		return nil
	}
	if err := n.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-n.done:
		n.process = nil
		if signal == syscall.SIGKILL {
			return nil
		}
		return err
	case <-time.After(20 * time.Second):
		_ = n.process.Process.Kill()
		<-n.done
		n.process = nil
		return fmt.Errorf("%s did not stop on %v", n.name, signal)
	}
}

// tail returns the end of the node's log, for an error's message.
func (n *node) tail() string {
	text, _ := os.ReadFile(filepath.Join(n.home, "log"))
	return string(text[max(0, len(text)-3000):])
}

// waitFor waits until the node reaches a height, and returns the node's height.
func (n *node) waitFor(ctx context.Context, at least) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, at.within)
	defer cancel()
	for {
		status, err := n.client.Status(ctx)
		if err == nil && status.SyncInfo.LatestBlockHeight >= at.height && (!at.synced || !status.SyncInfo.CatchingUp) {
			return status.SyncInfo.LatestBlockHeight, nil
		}
		select {
		case err := <-n.done:
			n.process = nil
			return 0, fmt.Errorf("%s ended: %v\n%s", n.name, err, n.tail())
		case <-ctx.Done():
			return 0, fmt.Errorf("%s: no height %d in %v\n%s", n.name, at.height, at.within, n.tail())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// A least is a height to reach at least, and the time to reach it in.
type least struct {
	height int64
	within time.Duration
	synced bool
}
