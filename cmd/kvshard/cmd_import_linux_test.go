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

	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/stream"
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
	ofRecords := func(kind byte, keyBytes, count int) []byte {
		var b bytes.Buffer
		h := stream.Header{Form: "records", Size: 1, Records: uint64(count), Checkpoints: []stream.Checkpoint{}, MaxCheckpoints: 100, Retention: "marked"}
		w, err := stream.NewWriter(&b, h)
		if err != nil {
			t.Fatal(err)
		}
		value := make([]byte, new(stream.Limits).Next([]byte{kind}))
		for i := range value {
			value[i] = byte(i * i >> 7)
		}
		for i := range count {
			key := binary.BigEndian.AppendUint64(nil, uint64(i))
			w.Record(record.Record{Key: append([]byte{kind}, key[8-keyBytes:]...), Value: value})
		}
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, text := range map[string][]byte{"shards": ofRecords(0x0F, 8, 3000), "checkpoints": ofRecords(0x11, 4, 16)} {
		for _, backend := range []string{"goleveldb", "pebble"} {
			dir := t.TempDir()
			c := exec.Command(built, "import", "--dir", "copy", "--backend", backend)
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
	made := string(ofRecords(0x13, 0, 0))
	made = made[:len(made)-33] + "\x01" + string(binary.LittleEndian.AppendUint32(nil, 1)) + "\x13" + string(binary.LittleEndian.AppendUint32(nil, 64<<20))
	for name, text := range map[string]string{"a long record": made, "17 checkpoints": string(ofRecords(0x11, 4, 17))} {
		if r := cli(t, t.TempDir(), text, "import"); r.code != exit.Input || !strings.Contains(r.err, "at most") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
