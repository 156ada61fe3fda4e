package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/stream"
)

// importInto makes the tree in --dir. Until it is verified, the tree is in a
// directory of its own there: --dir itself can be a mount point or the working
// directory, and nothing can be moved to that place.
func importInto(ctx context.Context, e *env, from *stream.Reader, conf source.Config) (err error) {
	claimed, err := source.ClaimDir(e.place.Dir)
	if errors.Is(err, disk.ErrInUse) {
		return exit.Errorf(exit.Store, "wait until the other command has ended", "another command makes a tree in %s: %w", e.place.Dir, err)
	}
	if err != nil {
		return err
	}
	defer claimed.Release(&err)
	// The name depends on header and options, so another stream never goes on here.
	staging := filepath.Join(e.place.Dir, fmt.Sprintf("%s%x-%s-%s", stagingPrefix, from.Digest[:6], conf.Backend, conf.Prefix))
	j := &importJob{e: e, ctx: ctx, stream: from, dir: e.place.Dir, staging: staging, config: conf}
	if err := j.run(); err != nil {
		return j.explain(err)
	}
	return j.compare()
}

// stagingPrefix begins the name of a directory in which an import is under way.
const stagingPrefix = "importing-"

type importJob struct {
	e       *env
	ctx     context.Context
	stream  *stream.Reader
	dir     string // of the new tree
	staging string // in it
	config  source.Config
	s       *source.Source
}

// explain says how to go on. A stream that is refused leaves nothing behind. After
// any other failure, what was imported so far is kept.
func (j *importJob) explain(err error) error {
	code, hint := exit.Classify(err)
	switch {
	case code == exit.Interrupted:
		return exit.Errorf(code, "give the same command again to go on", "interrupted: what was imported so far is in %s", j.staging)
	case code == exit.Input && !errors.Is(err, stream.ErrCut):
		return cmp.Or(err, os.RemoveAll(j.staging))
	case errors.Is(err, disk.ErrFull):
		hint = exit.FreeSpace + ", then give the same command again"
	}
	if _, e := os.Lstat(j.staging); e != nil {
		return err
	}
	return exit.Errorf(code, hint, "%w; what was imported so far is in %s, and the same command goes on from there", err, j.staging)
}

func (j *importJob) run() error {
	there := func(dir, name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	}
	switch {
	case !there(j.staging, source.ConfigName):
		// Not begun yet. Nobody else works here: the directory is claimed.
		if err := os.RemoveAll(j.staging); err != nil {
			return err
		}
		if there(j.dir, source.DatabaseName) {
			if err := source.RemoveEmpty(filepath.Join(j.dir, source.DatabaseName)); err != nil {
				return err
			}
		}
		if err := os.Mkdir(j.staging, 0o755); err != nil {
			return disk.Failed(j.staging, err)
		}
		if err := source.Fill(j.staging, j.config); err != nil {
			return cmp.Or(err, os.RemoveAll(j.staging))
		}
	case !there(j.staging, source.DatabaseName) && there(j.dir, source.DatabaseName):
		return j.finish() // an earlier run verified it and was killed here
	}
	err := j.fill()
	if errors.Is(err, kvshard.ErrSchemeMismatch) {
		// Found when the tree is checked, or when the tip of an earlier run is opened.
		return refuseStream("its header says the scheme %s, and its tip another one", cmp.Or(j.config.Scheme, schemes.Orchard.Name))
	}
	if err != nil {
		return err
	}
	return j.publish()
}

// fill imports and verifies in the staging directory.
func (j *importJob) fill() (err error) {
	if j.s, err = source.OpenToWrite(j.ctx, j.staging); err != nil {
		return err
	}
	defer j.s.Close(&err)
	if j.stream.Header.Form == stream.FormRecords {
		err = j.records()
	} else {
		err = j.leaves()
	}
	if err != nil {
		return err
	}
	if err := j.verify(); err != nil {
		return err
	}
	now, err := j.s.Report()
	if err != nil {
		return err
	}
	if err := j.s.WriteReport(now); err != nil {
		return err
	}
	return j.s.Await(func() error { return j.s.DB.DeleteSync(j.progressKey()) })
}

// publish moves the tree to where it is wanted, the database first.
func (j *importJob) publish() error {
	database := filepath.Join(j.dir, source.DatabaseName)
	if err := source.RemoveEmpty(database); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(j.staging, source.DatabaseName), database); err != nil {
		return disk.Failed(database, err)
	}
	return j.finish()
}

// finish moves the rest, the config last: with it the tree is complete.
func (j *importJob) finish() error {
	for _, name := range []string{source.ReportName, source.ConfigName} {
		err := os.Rename(filepath.Join(j.staging, name), filepath.Join(j.dir, name))
		if err != nil && !(name == source.ReportName && errors.Is(err, fs.ErrNotExist)) {
			return disk.Failed(j.dir, err)
		}
	}
	if err := disk.SyncDir(j.dir); err != nil {
		return err
	}
	// The directories of other streams can never be finished now.
	entries, err := os.ReadDir(j.dir)
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), stagingPrefix) {
			err = cmp.Or(err, os.RemoveAll(filepath.Join(j.dir, e.Name())))
		}
	}
	return err
}

// compare opens the tree in its place, and compares it with the header.
func (j *importJob) compare() error {
	return withTree(j.ctx, source.Place{Dir: j.dir}, func(_ *source.Source, tree *kvshard.Tree) error {
		now, err := source.ReadState(tree, nil)
		if err != nil {
			return err
		}
		if h := j.stream.Header; now.Size != h.Size || now.Root != h.Root {
			return exit.Errorf(exit.Store, "run \"kvshard check\", and make sure that nothing else works in this directory",
				"%s has %d leaves and the root %s, but %d leaves and the root %s were imported", j.dir, now.Size, now.Root, h.Size, h.Root)
		}
		return nil
	})
}

// verify compares everything with what the header says.
func (j *importJob) verify() error {
	h := j.stream.Header
	if h.Form == stream.FormRecords { // leaves were hashed here
		found, err := violations(j.ctx, j.e, j.s)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return refuseStream("the tree is not sound: %s: %s (%d violations)", found[0].Record, found[0].Detail, len(found))
		}
	}
	tree, err := j.s.Tree()
	if err != nil {
		return err
	}
	err = h.Verify(tree)
	var differs *stream.Error
	if errors.As(err, &differs) {
		return refuseStream("%s", differs.What)
	}
	return err
}

// refuseStream returns the error of a stream that holds something else than its header says.
func refuseStream(format string, args ...any) error {
	return exit.Errorf(exit.Input, "get another copy of the stream", "refused, nothing was imported: "+format, args...)
}

// badStream refuses a stream whose pieces do not fit together. The cause may be nil.
func badStream(cause error, format string, args ...any) error {
	return &stream.Error{Kind: stream.ErrMalformed, What: fmt.Sprintf(format, args...), Err: cause}
}
