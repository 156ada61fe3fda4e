package view

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/kvtest"
)

// replay records a small chain: each call with its operations.
func replay() (demo, error) {
	r, err := newRecorder()
	if err != nil {
		return demo{}, err
	}
	for _, err := range []error{
		r.call("Open", "Opening touches nothing: the store is the state, and a Tree holds none of it.", nil, func() error { return nil }),
		r.append(3, "The first leaves. The tip says there is no shard yet, so one is begun: two records are written."),
		r.checkpoint(1, "A checkpoint is a record of its own, with the size. The summary counts them, so that no call has to list them."),
		r.append(20, "Shard 0 is read and filled, shard 1 begun. The root of shard 0 goes into the tip: it waits there for its sibling."),
		r.checkpoint(2, "The next block."),
		r.root("The root reads the tip, the cap and the shard that is not full, and hashes once a level. Empty subtrees are constants."),
		r.witness(5, "A witness reads the leaf's shard for levels 0 to 3, and above that one record for two levels."),
		r.append(30, "Three shards at once. Two shard roots merge to a node of level 5, which the tip holds."),
		r.checkpoint(3, "Three checkpoints: as many as this tree keeps."),
		r.append(80, "128 leaves are complete: the four nodes of level 5 become a quad, written once and never again, and its root at level 7 is the first node of the cap."),
		r.checkpoint(4, "A fourth checkpoint prunes the oldest, which is deleted."),
		r.call("RetainCheckpoint(3)", "Checkpoint 3 is exempt from pruning from now on.", nil, func() error { return r.tree.RetainCheckpoint(3) }),
		r.witness(5, "The same leaf again. Its path now leads through the quad; the cost has hardly changed, and at a million leaves it is a few records more."),
		r.append(40, "A block that will be undone."),
		r.checkpoint(5, "Its checkpoint."),
		r.rewind(4, "Back to checkpoint 4: what came after is deleted, what it changed is written as it was. The store has no trace of block 5."),
		r.append(10, "The block that takes its place."),
		r.checkpoint(5, "The same height, other leaves."),
		r.root("The newest root."),
	} {
		if err != nil {
			return demo{}, err
		}
	}
	return r.demo, nil
}

// A recorder makes calls on a tree in memory, and notes what each does.
type recorder struct {
	kv     *kvtest.MemStore
	trace  *kvtest.TraceStore
	gas    *kvtest.GasStore
	tree   *kvshard.Tree
	hashes uint64 // of the call
	made   uint64 // leaves, those undone included
	demo   demo
}

func newRecorder() (*recorder, error) {
	r := &recorder{kv: kvtest.NewMemStore()}
	r.trace = kvtest.NewTraceStore(r.kv)
	r.gas = kvtest.NewGasStore(r.trace, 0)
	count := kvshard.WithObserver(func(s kvshard.Stats) { r.hashes += s.Hashes })
	var err error
	r.tree, err = kvshard.Open(r.gas, kvshard.WithMaxCheckpoints(3), count)
	return r, err
}

// call makes a call, and adds it to the demo with the state that it leaves.
func (r *recorder) call(name, say string, witness *uint64, f func() error) error {
	r.trace.Reset()
	r.gas.Reset()
	r.hashes = 0
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s := step{Call: name, Say: say, Gas: r.gas.GasConsumed(), Hashes: r.hashes, Witness: witness}
	s.Ops, s.Touched = operations(r.trace.Trace())
	r.trace.Record(false)
	defer r.trace.Record(true)
	plain, err := kvshard.Open(r.kv)
	if err != nil {
		return err
	}
	s.After, err = readState(Source{Scheme: schemes.Orchard, Tree: plain, KV: r.kv})
	s.After.Windows = nil // the demo has all leaves
	r.demo.Steps = append(r.demo.Steps, s)
	return err
}

func (r *recorder) append(n int, say string) error {
	batch := make([]kvshard.Node, n)
	for i := range batch {
		r.made++
		batch[i] = madeLeaf(r.made)
	}
	return r.call(fmt.Sprintf("AppendBatch of %d", n), say, nil, func() error {
		_, err := r.tree.AppendBatch(batch)
		r.demo.Leaves = append(r.demo.Leaves, batch...)
		return err
	})
}

// madeLeaf returns a leaf that looks like a commitment.
func madeLeaf(n uint64) (leaf kvshard.Node) {
	for word := range uint64(3) {
		x := (n + word<<40) * 0x9E3779B97F4A7C15
		binary.LittleEndian.PutUint64(leaf[8*word:], x^x>>31)
	}
	return leaf
}

func (r *recorder) checkpoint(id uint32, say string) error {
	return r.call(fmt.Sprintf("Checkpoint(%d)", id), say, nil, func() error { return r.tree.Checkpoint(id) })
}

func (r *recorder) root(say string) error {
	return r.call("Root()", say, nil, func() error {
		_, err := r.tree.Root()
		return err
	})
}

func (r *recorder) witness(position uint64, say string) error {
	return r.call(fmt.Sprintf("Witness(%d)", position), say, &position, func() error {
		_, err := r.tree.Witness(position)
		return err
	})
}

func (r *recorder) rewind(id uint32, say string) error {
	size, err := r.tree.SizeAt(id)
	if err != nil {
		return err
	}
	return r.call(fmt.Sprintf("Rewind(%d)", id), say, nil, func() error {
		r.demo.Leaves = r.demo.Leaves[:size]
		return r.tree.Rewind(id)
	})
}

// operations makes lines of a trace, and tells which records were touched: read,
// written or deleted.
func operations(trace []kvtest.Op) ([]operation, map[string]string) {
	ops, touched := []operation{}, map[string]string{}
	size := func(n int) *int { return &n }
	for _, op := range trace {
		line := operation{Kind: op.Kind.String(), Key: hex.EncodeToString(op.Key), Record: kvshard.ParseRecordKey(op.Key).String()}
		switch op.Kind {
		case kvtest.OpGet:
			line.Bytes = size(-1)
			if op.Found {
				line.Bytes = size(op.ValueLen)
			}
			if touched[line.Record] == "" {
				touched[line.Record] = "get"
			}
		case kvtest.OpSet:
			line.Bytes = size(op.ValueLen)
			touched[line.Record] = "set"
		case kvtest.OpDelete:
			touched[line.Record] = "delete"
		case kvtest.OpIter, kvtest.OpNext:
			if op.Kind == kvtest.OpIter {
				line.Record = strings.TrimSpace("from " + kvshard.ParseRecordKey(op.Key).String())
			}
			if op.AtEnd {
				line.Record = "end"
			} else if op.HasValue {
				line.Bytes = size(op.ValueLen)
			}
		default:
			continue
		}
		ops = append(ops, line)
	}
	return ops, touched
}
