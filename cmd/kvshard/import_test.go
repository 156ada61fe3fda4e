package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/stream"
)

// A started command is fed through a pipe.
type started struct {
	*exec.Cmd
	in   io.WriteCloser
	out  bytes.Buffer
	errs bytes.Buffer
}

func start(t *testing.T, dir string, args ...string) *started {
	t.Helper()
	s := &started{Cmd: exec.Command(built, args...)}
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
	ok(t, dir, raw(nodes), "append", "--dir", "source", "--checkpoint", "7")
	return ok(t, dir, "", "export", "--dir", "source", "--form", form)
}

// While one import is under way, no other command takes anything away from it.
func TestImportTwice(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"records", "leaves"} {
		dir := t.TempDir()
		stream := streamOf(t, dir, leaves(source.BatchLeaves+5000), form)
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
		stream := streamOf(t, dir, leaves(2*source.BatchLeaves), form)
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
	whole := streamOf(t, dir, leaves(500), "records")
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
	stream := streamOf(t, dir, leaves(500), "records")
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

// What an init that was killed at any moment leaves does not
// stand in the way, and a database with something in it does.
func TestInitAfterKilledInit(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"goleveldb", "pebble"} {
		dir := t.TempDir()
		ok(t, dir, "", "init", "--dir", "whole", "--backend", backend)
		tree := filepath.Join(dir, "tree")
		for _, left := range []string{"making.db/LOG", "making.lock", "tree.db"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(tree, left)), 0o755); err != nil {
				t.Fatal(err)
			}
			if left == "tree.db" {
				if err := os.CopyFS(filepath.Join(tree, left), os.DirFS(filepath.Join(dir, "whole/tree.db"))); err != nil {
					t.Fatal(err)
				}
			} else {
				write(t, tree, left, "")
			}
			ok(t, dir, "", "init", "--backend", backend)
			entries, err := os.ReadDir(tree)
			if err != nil || len(entries) != 2 {
				t.Errorf("%s: %v %v", left, entries, err)
			}
			ok(t, dir, "", "check")
			if err := os.RemoveAll(tree); err != nil {
				t.Fatal(err)
			}
		}
		ok(t, dir, "", "init", "--backend", backend)
		ok(t, dir, raw(leaves(3)), "append")
		if err := os.Remove(filepath.Join(tree, source.ConfigName)); err != nil {
			t.Fatal(err)
		}
		if r := cli(t, dir, "", "init", "--backend", backend); r.code != exit.State || !strings.Contains(r.err, "there is a database") {
			t.Errorf("%s: %+v", backend, r)
		}
	}
}
