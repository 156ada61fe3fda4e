package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// A lightd is one `shieldd lightd`.
type lightd struct {
	address string
	process *exec.Cmd
	out     *bufio.Reader
	errOut  bytes.Buffer
}

var listens = regexp.MustCompile(` on (127\.0\.0\.1:\d+)\n$`)

// lightd starts one for a node, on a free port.
func (n *node) lightd(ctx context.Context) (*lightd, error) {
	l := &lightd{process: exec.CommandContext(ctx, n.bin, "lightd", "--home", n.home, "--node", n.address(), "--listen", "127.0.0.1:0")}
	l.process.Stderr = &l.errOut
	out, err := l.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.process.Start(); err != nil {
		return nil, err
	}
	l.out = bufio.NewReader(out)
	line, err := l.out.ReadString('\n')
	match := listens.FindStringSubmatch(line)
	if err != nil || match == nil {
		return nil, errors.Join(fmt.Errorf("shieldd lightd: %q, %v", line, err), l.process.Process.Kill(), l.process.Wait(), errors.New(l.errOut.String()))
	}
	l.address = match[1]
	return l, nil
}

// stop ends it, and returns what it says it has sent.
func (l *lightd) stop() (traffic string, err error) {
	if err := l.process.Process.Signal(syscall.SIGTERM); err != nil {
		return "", err
	}
	kill := time.AfterFunc(10*time.Second, func() { _ = l.process.Process.Kill() })
	defer kill.Stop()
	var text strings.Builder
	_, err = l.out.WriteTo(&text)
	if err := errors.Join(err, l.process.Wait()); err != nil {
		return "", fmt.Errorf("shieldd lightd: %w: %s", err, l.errOut.String())
	}
	return strings.TrimSpace(text.String()), nil
}
