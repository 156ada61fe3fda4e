package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// TestKilled kills the command with SIGKILL at random moments while it writes,
// KVSHARD_KILLS times (make crash: hundreds). What it left is compared, record
// by record, with two trees to which the same commands were done in peace, one
// with the last of them and one without: it is one of the two, and the first
// if the command had reported that it was done. Then it goes on.
func TestKilled(t *testing.T) {
	t.Parallel()
	kills := 6
	if text := os.Getenv("KVSHARD_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	trees := []string{"killed", "with", "without"}
	for _, tree := range trees {
		ok(t, dir, "", "init", "--dir", tree, "--max-checkpoints", "5")
	}
	nodes := clitest.Leaves(20_000)
	var size, id, killed, half int
	for step := 0; killed < kills; step++ {
		if step > 40*kills {
			t.Fatalf("%d kills in %d steps", killed, step)
		}
		// One command.
		var args []string
		var input string
		switch pick := rng.IntN(10); {
		case pick < 7 || id < 8:
			id++
			n := 1 + rng.IntN(400)
			input = clitest.Raw(nodes[size%10_000:][:n])
			args = []string{"append", "--start", strconv.Itoa(size), "--checkpoint", strconv.Itoa(id)}
			size += n
		case pick < 9:
			id++
			args = []string{"checkpoint", "--retain", strconv.Itoa(id)}
		default:
			args = []string{"rewind", strconv.Itoa(id - rng.IntN(3))}
		}
		on := func(tree string) []string { return append(args[:len(args):len(args)], "--dir", tree) }

		begun := time.Now()
		ok(t, dir, input, on("with")...)
		took := time.Since(begun)
		moment := took/2 + time.Duration(rng.Int64N(int64(took)))
		if killAfter(t, dir, input, moment, on("killed")...) {
			killed++
		} else if differ(t, dir, "killed", "with") {
			t.Fatalf("%v had ended, and is not there", args)
		}
		ok(t, dir, "", "check", "--dir", "killed")
		if differ(t, dir, "killed", "with") {
			if differ(t, dir, "killed", "without") {
				t.Fatalf("%v, killed, is there by half", args)
			}
			half++
			ok(t, dir, input, on("killed")...)
		} else if args[0] == "append" { // its mark may be left: the command says that it is done
			ok(t, dir, input, on("killed")...)
		}
		ok(t, dir, input, on("without")...)
		for _, tree := range trees[1:] {
			if differ(t, dir, "killed", tree) {
				t.Fatalf("after %v: another tree than %s", args, tree)
			}
		}
		if args[0] == "rewind" {
			now := okJSON[source.State](t, dir, "", "root", "--dir", "with")
			size = int(now.Size)
			list := okJSON[[]source.Checkpoint](t, dir, "", "checkpoint", "--dir", "with")
			id = int(list[len(list)-1].ID)
		}
	}
	t.Logf("%d kills, %d of them before the command was done", killed, half)
}

// killAfter starts the command and kills it; it tells whether it was in time.
func killAfter(t *testing.T, dir, stdin string, after time.Duration, args ...string) bool {
	t.Helper()
	c := exec.Command(clitest.Built, args...)
	c.Dir, c.Stdin = dir, strings.NewReader(stdin)
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
	err := c.Wait()
	timer.Stop()
	if err == nil {
		return false
	}
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.Exited() {
		t.Fatalf("%v: %v: %s", args, err, errs.String())
	}
	return true
}

func differ(t *testing.T, dir, a, b string) bool {
	t.Helper()
	r := cli(t, dir, "", "diff", a, b)
	if r.code != 0 && r.code != exit.No {
		t.Fatalf("diff %s %s: %+v", a, b, r)
	}
	return r.code == exit.No
}
