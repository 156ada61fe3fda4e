package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cosmossdk.io/core/store"
	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/internal/dbstore"
)

func (a *app) importCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Make a tree from a stream, verified",
		Long: `Make a tree from a stream of "kvshard export", from a file or standard input, in
the directory --dir, which must not hold one. --backend and --prefix are the new
tree's.

Everything is verified: the stream's SHA-256, and size, root and the root at each
checkpoint against the header; of a stream of records also each record and every
hash, as "kvshard check" does. What does not come out is refused and leaves nothing.

The tree is made beside --dir and moved there when it is verified. An import that
was interrupted goes on there if the same command is given again.`,
		Example: `  $ kvshard import --dir copy tree.kvx
  imported 1000000 leaves, root 1f0c...

  $ ssh backup cat notes.kvx | kvshard import --dir copy --backend pebble`,
		Args: cobra.MaximumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		name := "-"
		if len(args) > 0 {
			name = args[0]
		}
		return a.importStream(c.Context(), name)
	}
	return c
}

func (a *app) importStream(ctx context.Context, name string) error {
	if a.db != "" {
		return disk.ErrReadOnly
	}
	if _, err := os.Lstat(a.dir); err == nil {
		if entries, err := os.ReadDir(a.dir); err != nil || len(entries) > 0 {
			return coded(codeState, "another --dir, or remove this one", "%s is there already", a.dir)
		}
	}
	var in io.Reader
	if name == "-" {
		in = interruptible(ctx, a.in)
	} else {
		file, err := os.Open(name)
		if err != nil {
			return coded(codeInput, "a file that \"kvshard export\" wrote", "%w", err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	stream, err := newStreamReader(in)
	if err != nil {
		return err
	}
	h := stream.header
	conf := config{Version: 1, Backend: a.backend, Prefix: strings.ToLower(a.prefix), MaxCheckpoints: h.MaxCheckpoints, Retention: h.Retention}
	if err := conf.check(); err != nil {
		return err
	}
	// By header and options: another stream never goes on with this one's.
	staging := fmt.Sprintf("%s.importing-%x-%s-%s", filepath.Clean(a.dir), stream.digest[:6], conf.Backend, conf.Prefix)
	j := &importJob{a: a, ctx: ctx, stream: stream, staging: staging, config: conf}
	err = j.run()
	if code, _ := classify(err); code == codeInterrupted {
		return coded(code, "the same command again, to go on",
			"interrupted: what was imported until now is in %s", staging)
	}
	if err != nil {
		_ = os.RemoveAll(staging)
		return err
	}
	_ = os.Remove(a.dir) // if it is there, it is empty
	if err := os.Rename(staging, a.dir); err != nil {
		return err
	}
	return a.emit(state{Root: h.Root, Size: h.Size}, func(w io.Writer) {
		fmt.Fprintf(w, "imported %d leaves, root %s\n", h.Size, h.Root)
	})
}

type importJob struct {
	a       *app
	ctx     context.Context
	stream  *streamReader
	staging string
	config  config
	s       *source
}

func (j *importJob) run() (err error) {
	if _, err := os.Lstat(filepath.Join(j.staging, configName)); err != nil {
		// Not even begun: init's own error would be about a half-made database.
		if err := os.RemoveAll(j.staging); err != nil {
			return err
		}
		if err := makeTree(j.staging, j.config); err != nil {
			return err
		}
	}
	if j.s, err = j.a.openDir(j.ctx, j.staging, false); err != nil {
		return err
	}
	defer j.s.close(&err)
	if j.stream.header.Form == "records" {
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
	return j.s.db.DeleteSync(j.progressKey())
}

// progressKey is in front of no tree's keys: it begins with another byte than
// the prefix, or than any record.
func (j *importJob) progressKey() []byte {
	first := byte('i')
	if len(j.s.prefix) > 0 && j.s.prefix[0] == first {
		first++
	}
	return append([]byte{first}, "mport"...)
}

// records writes them in batches; how many are there stands in each batch.
func (j *importJob) records() error {
	const batch = 4096
	key := j.progressKey()
	var there uint64
	if raw, err := j.s.db.Get(key); err != nil {
		return err
	} else if len(raw) == 8 {
		there = binary.LittleEndian.Uint64(raw)
	}
	p := j.a.newProgress("import", "records", int64(j.stream.header.Records), 0)
	defer p.end()
	var pending []record
	var read uint64
	flush := func() error {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		return dbstore.New(j.s.db).Do(func(kv store.KVStore) error {
			for _, r := range pending {
				if err := kv.Set(append(slices.Clip(j.s.prefix), r.key...), r.value); err != nil {
					return err
				}
			}
			p.add(int64(len(pending)))
			pending = pending[:0]
			return kv.Set(key, binary.LittleEndian.AppendUint64(nil, read))
		})
	}
	var before []byte
	for {
		next, err := j.stream.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		r := *next.record
		if bytes.Compare(before, r.key) >= 0 {
			return badStream("%s is not behind the record before it", recordName(r.key))
		}
		before = r.key
		read++
		if read <= there {
			value, err := j.s.db.Get(append(slices.Clip(j.s.prefix), r.key...))
			if err != nil {
				return err
			}
			if !bytes.Equal(value, r.value) {
				return badStream("%s is another one than when the import was begun", recordName(r.key))
			}
			p.add(1)
			continue
		}
		pending = append(pending, r)
		if len(pending) == batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if read != j.stream.header.Records {
		return badStream("it has %d records, and its header says %d", read, j.stream.header.Records)
	}
	return flush()
}

// leaves appends them and makes the checkpoints; what is there from an
// earlier run is compared and left out.
func (j *importJob) leaves() error {
	h := j.stream.header
	// No checkpoint may be pruned before it is retained.
	j.s.options = append(slices.Clip(j.s.options), kvshard.WithMaxCheckpoints(uint32(len(h.Checkpoints))+1))
	p := j.a.newProgress("import", "leaves", int64(h.Size), 0)
	defer p.end()
	var size uint64 // so far in the stream
	stops := h.Checkpoints
	tree, err := j.s.tree()
	if err != nil {
		return err
	}
	there, err := tree.Size()
	if err != nil {
		return err
	}
	before := &leafReader{s: j.s, tree: tree}
	for {
		next, err := j.stream.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := j.ctx.Err(); err != nil {
			return err
		}
		if next.checkpoint != nil {
			if len(stops) == 0 || stops[0].ID != *next.checkpoint || stops[0].Size != size {
				return badStream("the checkpoint %d at %d leaves is not in its header", *next.checkpoint, size)
			}
			if err := j.checkpoint(stops[0]); err != nil {
				return err
			}
			stops = stops[1:]
			continue
		}
		leaves := next.leaves
		for len(leaves) > 0 && size < there {
			leaf, err := before.leaf(size)
			if err != nil {
				return err
			}
			if leaf != leaves[0] {
				return badStream("leaf %d is another one than when the import was begun", size)
			}
			size, leaves = size+1, leaves[1:]
		}
		if len(leaves) > 0 {
			err := j.s.update(func(tree *kvshard.Tree) error {
				_, err := tree.AppendBatch(leaves)
				return err
			})
			if errors.Is(err, kvshard.ErrInvalidNode) {
				return badStream("at leaf %d: %w", size, err)
			}
			if err != nil {
				return err
			}
			size += uint64(len(leaves))
		}
		p.add(int64(len(next.leaves)))
	}
	if len(stops) > 0 {
		return badStream("it lacks the checkpoint %d", stops[0].ID)
	}
	return nil
}

func (j *importJob) checkpoint(c checkpointRecord) error {
	return j.s.update(func(tree *kvshard.Tree) error {
		if c.Retained {
			return retainCheckpoint(tree, c.ID)
		}
		_, err := tree.SizeAt(c.ID)
		if errors.Is(err, kvshard.ErrCheckpointNotFound) {
			err = tree.Checkpoint(c.ID)
		}
		return err
	})
}

// verify compares everything with what the header says.
func (j *importJob) verify() error {
	h := j.stream.header
	refuse := func(format string, args ...any) error {
		return coded(codeInput, "another copy of the stream; nothing was imported", "refused: "+format, args...)
	}
	if h.Form == "records" { // leaves were hashed here
		found, err := j.a.check(j.ctx, j.s)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return refuse("the tree is not sound: %s: %s (%d violations)", found[0].Record, found[0].Detail, len(found))
		}
	}
	tree, err := j.s.tree()
	if err != nil {
		return err
	}
	now, err := readState(tree, nil)
	if err != nil {
		return err
	}
	if now.Size != h.Size || now.Root != h.Root {
		return refuse("it comes to %d leaves and root %s, and its header says %d and %s", now.Size, now.Root, h.Size, h.Root)
	}
	want := h.Checkpoints
	for c, err := range tree.Checkpoints() {
		if err != nil {
			return err
		}
		if len(want) == 0 || want[0].checkpointView != checkpointView(c) {
			return refuse("checkpoint %d is not as its header says", c.ID)
		}
		root, err := tree.RootAt(c.ID)
		if err != nil {
			return err
		}
		if root != want[0].Root {
			return refuse("the root at checkpoint %d comes to %s, and its header says %s", c.ID, root, want[0].Root)
		}
		want = want[1:]
	}
	if len(want) > 0 {
		return refuse("checkpoint %d is missing", want[0].ID)
	}
	return nil
}
