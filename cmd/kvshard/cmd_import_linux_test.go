package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/stream"
)

// peakMemory follows a process to its end, and returns how many MiB it had at
// most. Its rusage has the peak of the test that started it, too.
func peakMemory(pid int) (peak int) {
	for ; ; time.Sleep(20 * time.Millisecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
		if err != nil || found == nil {
			return peak
		}
		if kib, err := strconv.Atoi(string(found[1])); err == nil {
			peak = kib >> 10
		}
	}
}

// The memory that an import takes does not grow with its records: those of
// shards are as long as they may be, and those of checkpoints.
func TestImportMemory(t *testing.T) {
	ofRecords := func(kind kvshard.RecordKind, count, bytesEach int) []byte {
		var b bytes.Buffer
		h := stream.Header{Form: stream.FormRecords, Size: 1, Records: uint64(count), MaxCheckpoints: 100, Retention: "marked"}
		w, err := stream.NewWriter(&b, h)
		if err != nil {
			t.Fatal(err)
		}
		value := make([]byte, bytesEach)
		for i := range value {
			value[i] = byte(i * i >> 7)
		}
		for i := range count {
			name := kvshard.RecordName{Kind: kind}
			if kind == kvshard.KindShard {
				name.Index = uint64(i)
			} else {
				name.Checkpoint = uint32(i)
			}
			if err := w.Record(kvshard.Record{Key: name.Key(), Value: value}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	shards, checkpoints := ofRecords(kvshard.KindShard, 3000, 64<<10), ofRecords(kvshard.KindCheckpoint, 16, 4<<20)
	for name, text := range map[string][]byte{"shards": shards, "checkpoints": checkpoints} {
		for _, backend := range []string{"goleveldb", "pebble"} {
			dir := t.TempDir()
			c := exec.Command(clitest.Built, "import", "--dir", "copy", "--backend", backend)
			c.Dir, c.Stdin = dir, bytes.NewReader(text)
			var errs bytes.Buffer
			c.Stderr = &errs
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			peak := make(chan int)
			go func() { peak <- peakMemory(c.Process.Pid) }()
			_ = c.Wait()
			used := <-peak
			if code := c.ProcessState.ExitCode(); code != exit.Input && code != exit.Store {
				t.Errorf("%s: code %d: %s", backend, code, errs.String())
			}
			t.Logf("%s, %s: %d MiB for a stream of %d MiB: %s", backend, name, used, len(text)>>20, errs.String())
			if most := map[string]int{"shards": 150, "checkpoints": 350}[name]; used > most {
				t.Errorf("%s, %s: %d MiB for a stream of %d MiB", backend, name, used, len(text)>>20)
			}
		}
	}
	// A longer record is refused before it is read, and so are more checkpoints.
	piece := func(name kvshard.RecordName, bytesOfValue uint32) string {
		key := name.Key()
		head := append(binary.LittleEndian.AppendUint32([]byte{1}, uint32(len(key))), key...)
		return string(binary.LittleEndian.AppendUint32(head, bytesOfValue))
	}
	const end = 33
	long := string(ofRecords(kvshard.KindTip, 0, 0))
	long = long[:len(long)-end] + piece(kvshard.RecordName{Kind: kvshard.KindTip}, 64<<20)
	more := string(checkpoints[:len(checkpoints)-end]) + piece(kvshard.RecordName{Kind: kvshard.KindCheckpoint, Checkpoint: 16}, 1)
	for name, text := range map[string]string{"a long record": long, "17 checkpoints": more} {
		if r := cli(t, t.TempDir(), text, "import"); r.code != exit.Input || !strings.Contains(r.err, "at most") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
