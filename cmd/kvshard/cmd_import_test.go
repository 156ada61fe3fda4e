package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/stream"
)

func TestExportImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(1000)
	ok(t, dir, "", "init", "--max-checkpoints", "3")
	for i := range 5 {
		ok(t, dir, clitest.Raw(nodes[200*i:200*i+200]), "append", "--checkpoint", fmt.Sprint(i+1))
		if i == 0 {
			ok(t, dir, "", "checkpoint", "1", "--retain")
		}
	}
	before := ok(t, dir, "", "dump", "--output", "json", "--values")
	for _, form := range []string{"records", "leaves"} {
		file := form + ".kvx"
		out := ok(t, dir, "", "export", "--form", form, file)
		if !strings.Contains(out, "exported 1000 leaves") {
			t.Error(out)
		}
		ok(t, dir, "", "import", file, "--dir", form, "--backend", "pebble")
		if after := ok(t, dir, "", "dump", "--dir", form, "--output", "json", "--values"); before != after {
			t.Errorf("%s: the imported records differ", form)
		}
		if out := ok(t, dir, "", "diff", "tree", form); !strings.Contains(out, "no record differs") {
			t.Error(out)
		}
		if out := ok(t, dir, "", "export", "--form", form, "-", "--dir", form); out != read(t, dir, file) {
			t.Errorf("%s: the export of the import is another stream", form)
		}
		ok(t, dir, read(t, dir, file), "import", "--dir", form+"-under", "--prefix", "aabb")
		ok(t, dir, "", "check", "--dir", form+"-under")
		if r := cli(t, dir, "", "import", file, "--dir", form); r.code != exit.State {
			t.Errorf("into a tree: %+v", r)
		}
	}
	if entries, _ := filepath.Glob(filepath.Join(dir, "*", "*ing*")); len(entries) > 0 {
		t.Error(entries)
	}
}

// An import takes about as long as appending the leaves at once does: in one
// run, in turns, the best of each.
func TestImportSpeed(t *testing.T) {
	const count = 1 << 18
	dir := t.TempDir()
	write(t, dir, "leaves.raw", clitest.Raw(clitest.Leaves(count)))
	ok(t, dir, "", "init")
	ok(t, dir, "", "append", "leaves.raw", "--checkpoint", "1")
	best := map[string]time.Duration{}
	timed := func(name string, args ...string) {
		started := time.Now()
		ok(t, dir, "", args...)
		if taken := time.Since(started); best[name] == 0 || taken < best[name] {
			best[name] = taken
		}
	}
	ok(t, dir, "", "export", "records.kvx")
	ok(t, dir, "", "export", "--form", "leaves", "leaves.kvx")
	for i := range 3 {
		into := fmt.Sprint(i)
		ok(t, dir, "", "init", "--dir", "bulk"+into)
		timed("append", "append", "leaves.raw", "--checkpoint", "1", "--dir", "bulk"+into)
		timed("records", "import", "records.kvx", "--dir", "records"+into)
		timed("leaves", "import", "leaves.kvx", "--dir", "leaves"+into)
	}
	for _, form := range []string{"records", "leaves"} {
		ratio := float64(best[form]) / float64(best["append"])
		t.Logf("import of %d %s: %.2f times the append", count, form, ratio)
		if ratio > 2 {
			t.Errorf("the import of %s takes %v, and the append %v", form, best[form], best["append"])
		}
	}
}

// Whatever is wrong with a stream, nothing of it stays.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(100)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes), "append", "--checkpoint", "7")
	for _, form := range []string{"records", "leaves"} {
		good := ok(t, dir, "", "export", "--form", form)
		// again makes the stream with another header or other content, and a
		// right sum: what only verifying the tree can find.
		again := func(change func(*stream.Header), from, to string) string {
			r, err := stream.NewReader(strings.NewReader(good))
			if err != nil {
				t.Fatal(err)
			}
			h := r.Header
			if change != nil {
				change(&h)
			}
			text, err := json.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(good, "}")
			body = good[len(good)-len(body):]
			for !json.Valid([]byte(good[13 : len(good)-len(body)])) {
				_, rest, _ := strings.Cut(body, "}")
				body = rest
			}
			body = strings.Replace(body[:len(body)-33], from, to, 1)
			made := stream.Magic + "\x01" + string([]byte{byte(len(text)), byte(len(text) >> 8), 0, 0}) + string(text) + body
			sum := sha256.Sum256([]byte(made))
			return made + "\x00" + string(sum[:])
		}
		if again(nil, "", "") != good {
			t.Fatal("a stream made again is another one")
		}
		leaf, other := string(nodes[40][:]), string(nodes[41][:])
		bad := map[string]string{
			"nothing":         "",
			"another file":    "hello, world, this is no stream",
			"version":         strings.Replace(good, "X\x01", "X\x02", 1),
			"no end":          good[:len(good)-33],
			"half":            good[:len(good)/2],
			"a bit":           good[:len(good)-500] + string(good[len(good)-500]^1) + good[len(good)-499:],
			"more":            good + "x",
			"form":            strings.Replace(good, `"form":"`+form, `"form":"`+form[:len(form)-1]+"z", 1),
			"another leaf":    again(nil, leaf, other),
			"no node":         again(nil, leaf, strings.Repeat("\xff", 32)),
			"root":            again(func(h *stream.Header) { h.Root[0] ^= 1 }, "", ""),
			"size":            again(func(h *stream.Header) { h.Size++ }, "", ""),
			"checkpoint root": again(func(h *stream.Header) { h.Checkpoints[0].Root[0] ^= 1 }, "", ""),
			"checkpoint size": again(func(h *stream.Header) { h.Checkpoints[0].Size-- }, "", ""),
			"no checkpoint":   again(func(h *stream.Header) { h.Checkpoints = nil }, "", ""),
			"one more":        again(func(h *stream.Header) { h.Checkpoints = append(h.Checkpoints, h.Checkpoints...) }, "", ""),
		}
		for name, text := range bad {
			r := cli(t, dir, text, "import", "--dir", "refused")
			if r.code != exit.Input || r.err == "" || strings.Contains(r.err, "goroutine") {
				t.Errorf("%s, %s: %+v", form, name, r)
			}
			if name == "no end" || name == "half" { // the rest may come
				if !strings.Contains(r.err, "the same command goes on from there") {
					t.Errorf("%s, %s: %s", form, name, r.err)
				}
				if r := cli(t, dir, "", "root", "--dir", "refused"); r.code != exit.Store {
					t.Errorf("%s, %s: %+v", form, name, r)
				}
				if err := os.RemoveAll(filepath.Join(dir, "refused")); err != nil {
					t.Fatal(err)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "refused*")); len(left) > 0 {
				t.Fatalf("%s, %s left %v", form, name, left)
			}
		}
	}
	ok(t, dir, "", "init", "--dir", "ephemeral", "--retention", "ephemeral")
	ok(t, dir, clitest.Raw(nodes), "append", "--dir", "ephemeral")
	if r := cli(t, dir, "", "export", "--form", "leaves", "--dir", "ephemeral", "x.kvx"); r.code != exit.State || !strings.Contains(r.err, "--form records") {
		t.Errorf("%+v", r)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "x.kvx*")); len(left) > 0 {
		t.Error(left)
	}
	ok(t, dir, "", "export", "--dir", "ephemeral", "e.kvx")
	ok(t, dir, "", "import", "--dir", "e2", "e.kvx")
}

func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(source.BatchLeaves + 50_000)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes), "append", "--checkpoint", "7")
	for _, form := range []string{"records", "leaves"} {
		for _, signal := range []os.Signal{os.Interrupt, os.Kill} {
			t.Run(form+" "+signal.String(), func(t *testing.T) {
				stream := ok(t, dir, "", "export", "--form", form)
				into := fmt.Sprintf("%s-%v", form, signal)
				c := exec.Command(clitest.Built, "import", "--dir", into)
				c.Dir = dir
				stdin, err := c.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				var errs bytes.Buffer
				c.Stderr = &errs
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(stdin, stream[:len(stream)-100_000]); err != nil {
					t.Fatal(err)
				}
				staged := filepath.Join(dir, into, stagingPrefix+"*", source.DatabaseName)
				waitFor(t, "a part of it on disk", func() bool {
					found, _ := filepath.Glob(staged)
					return len(found) == 1 && bytesIn(t, found[0]) > 1<<20
				})
				_ = c.Process.Signal(signal)
				_ = c.Wait()
				if code := c.ProcessState.ExitCode(); signal == os.Interrupt && code != exit.Interrupted {
					t.Errorf("code %d: %s", code, errs.String())
				}
				if r := cli(t, dir, "", "root", "--dir", into); r.code != exit.Store || !strings.Contains(r.err, "there is no tree") {
					t.Errorf("a half import is there under its name: %+v", r)
				}
				if half, _ := filepath.Glob(staged); len(half) != 1 {
					t.Fatal(half)
				}
				ok(t, dir, stream, "import", "--dir", into)
				if out := ok(t, dir, "", "diff", "tree", into); !strings.Contains(out, "no record differs") {
					t.Error(out)
				}
			})
		}
	}
}

// A started command is fed through a pipe.
type started struct {
	*exec.Cmd
	in   io.WriteCloser
	out  bytes.Buffer
	errs bytes.Buffer
}

func start(t *testing.T, dir string, args ...string) *started {
	t.Helper()
	s := &started{Cmd: exec.Command(clitest.Built, args...)}
	s.Dir, s.Stdout, s.Stderr = dir, &s.out, &s.errs
	var err error
	if s.in, err = s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill() })
	return s
}

// end closes its input and waits.
func (s *started) end() result {
	_ = s.in.Close()
	_ = s.Wait()
	return result{s.out.String(), s.errs.String(), s.ProcessState.ExitCode()}
}

// streamOf makes a tree and its stream.
func streamOf(t *testing.T, dir string, nodes []kvshard.Node, form string) string {
	t.Helper()
	ok(t, dir, "", "init", "--dir", "source")
	ok(t, dir, clitest.Raw(nodes), "append", "--dir", "source", "--checkpoint", "7")
	return ok(t, dir, "", "export", "--dir", "source", "--form", form)
}

// Streams that the first version of the command wrote are imported, and exported again
// as they were.
func TestImportOfFrozenStreams(t *testing.T) {
	t.Parallel()
	for _, form := range []string{stream.FormRecords, stream.FormLeaves} {
		dir := t.TempDir()
		file := testdata(t, "streams/v1-"+form+".kvx")
		ok(t, dir, "", "import", "--dir", "copy", file)
		ok(t, dir, "", "check", "--dir", "copy")
		frozen, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if again := ok(t, dir, "", "export", "--dir", "copy", "--form", form); again != string(frozen) {
			t.Errorf("%s: another stream comes out", form)
		}
	}
}

// While one import is under way, no other command takes anything away from it.
func TestImportTwice(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"records", "leaves"} {
		dir := t.TempDir()
		stream := streamOf(t, dir, clitest.Leaves(source.BatchLeaves+5000), form)
		first := start(t, dir, "import", "--dir", "copy")
		if _, err := io.WriteString(first.in, stream[:len(stream)-1000]); err != nil {
			t.Fatal(err)
		}
		staged := filepath.Join(dir, "copy", stagingPrefix+"*", source.DatabaseName)
		waitFor(t, "a part of it on disk", func() bool {
			found, _ := filepath.Glob(staged)
			return len(found) == 1 && bytesIn(t, found[0]) > 1<<20
		})
		for range 2 {
			r := cli(t, dir, stream, "import", "--dir", "copy")
			if r.code != exit.Store || r.out != "" || !strings.Contains(r.err, "in use") {
				t.Errorf("%s: the second: %+v", form, r)
			}
			if r := cli(t, dir, "", "init", "--dir", "copy"); r.code != exit.Store || r.out != "" {
				t.Errorf("%s: init: %+v", form, r)
			}
		}
		if _, err := io.WriteString(first.in, stream[len(stream)-1000:]); err != nil {
			t.Fatal(err)
		}
		if r := first.end(); r.code != 0 || !strings.Contains(r.out, "imported") {
			t.Errorf("%s: the first: %+v", form, r)
		}
		if out := ok(t, dir, "", "diff", "source", "copy"); !strings.Contains(out, "no record differs") {
			t.Error(out)
		}
		if r := cli(t, dir, stream, "import", "--dir", "copy"); r.code != exit.State {
			t.Errorf("%s: into the tree: %+v", form, r)
		}
	}
}

// An import whose stream was cut goes on where it was, which a second cut
// further on shows, and is done with the whole stream.
func TestImportCut(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"records", "leaves"} {
		dir := t.TempDir()
		stream := streamOf(t, dir, clitest.Leaves(2*source.BatchLeaves), form)
		var before int64
		for _, part := range []int{1, 2, 3} {
			r := cli(t, dir, stream[:len(stream)*part/4+1000], "import", "--dir", "copy")
			if r.code != exit.Input || r.out != "" || !strings.Contains(r.err, "ends too early") || !strings.Contains(r.err, "the same command") {
				t.Fatalf("%s: %+v", form, r)
			}
			found, _ := filepath.Glob(filepath.Join(dir, "copy", stagingPrefix+"*", source.DatabaseName))
			if len(found) != 1 {
				t.Fatal(found)
			}
			now := bytesIn(t, found[0])
			if form == "records" && now <= before {
				t.Errorf("%s: %d bytes are kept, and %d before", form, now, before)
			}
			before = now
		}
		ok(t, dir, stream, "import", "--dir", "copy")
		if out := ok(t, dir, "", "diff", "source", "copy"); !strings.Contains(out, "no record differs") {
			t.Error(out)
		}
		left, _ := filepath.Glob(filepath.Join(dir, "copy", "*ing*"))
		if len(left) > 0 {
			t.Error(left)
		}
	}
}

// An import that was killed between the two moves at its end is finished by the
// same command.
func TestImportKilledAtItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := streamOf(t, dir, clitest.Leaves(500), "records")
	ok(t, dir, whole, "import", "--dir", "copy")
	r, err := stream.NewReader(strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	staging := filepath.Join(dir, "copy", fmt.Sprintf("%s%x-goleveldb-", stagingPrefix, r.Digest[:6]))
	if err := os.Mkdir(staging, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{source.ConfigName, source.ReportName} {
		if err := os.Rename(filepath.Join(dir, "copy", name), filepath.Join(staging, name)); err != nil {
			t.Fatal(err)
		}
	}
	if r := cli(t, dir, "", "init", "--dir", "copy"); r.code != exit.State || !strings.Contains(r.err, "there is a database") {
		t.Errorf("init over it: %+v", r)
	}
	ok(t, dir, whole, "import", "--dir", "copy")
	if out := ok(t, dir, "", "diff", "source", "copy"); !strings.Contains(out, "no record differs") {
		t.Error(out)
	}
}

// Where import puts its result: wherever init does.
func TestImportPlaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stream := streamOf(t, dir, clitest.Leaves(500), "records")
	places := map[string]string{}
	for _, name := range []string{"empty", "here", "with files", "deep/er"} {
		places[name] = filepath.Join(dir, name)
		if name != "deep/er" {
			if err := os.Mkdir(places[name], 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(t, places["with files"], "lost+found", "")
	write(t, places["here"], "tree.kvx", stream)
	ok(t, places["here"], "", "import", "--dir", ".", "tree.kvx")
	if got := okJSON[source.State](t, places["here"], "", "root", "-d", "."); got.Size != 500 {
		t.Errorf("%+v", got)
	}
	for _, name := range []string{"empty", "with files", "deep/er"} {
		ok(t, dir, stream, "import", "--dir", places[name])
		ok(t, dir, "", "diff", "source", places[name])
	}
	ok(t, t.TempDir(), "", "init", "--dir", ".")
	// Refused, it leaves a directory that was there, and none that was not.
	bad := stream[:len(stream)-1] + string(stream[len(stream)-1]^1)
	kept := filepath.Join(dir, "kept")
	if err := os.Mkdir(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, into := range []string{"kept", "gone"} {
		if r := cli(t, dir, bad, "import", "--dir", into); r.code != exit.Input {
			t.Errorf("%+v", r)
		}
	}
	if entries, err := os.ReadDir(kept); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "gone")); err == nil {
		t.Error("a refused import left its directory")
	}
}
