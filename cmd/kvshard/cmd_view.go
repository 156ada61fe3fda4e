package main

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
	"github.com/kvshard/kvshard/kvtest"
)

//go:embed view.html
var viewPage []byte

func newViewCommand(a *env) *cobra.Command {
	var leaf positionFlag
	c := &cobra.Command{
		Use:   "view [FILE]",
		Short: "Write a page that shows the tree, and how calls work on it",
		Long: `Write one HTML file (tree.html unless another is named) that shows the tree in any
browser and loads nothing: levels from the root down, shards as blocks from left to
right, what is stored and in which record, what is derived, the frontier, the
checkpoints, and with --leaf a witness. It zooms from millions of leaves down to one
shard, and saves what is in view as an SVG. Its replay goes through the calls of a small chain, with each operation that
they make on the store.`,
		Example: `  $ kvshard view --leaf 77777 tree.html
  tree.html: 1000000 leaves; open it in a browser

  $ kvshard view --db application.db --store notes --height 120`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().Var(&leaf, "leaf", "`position` of a leaf whose witness to show")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		name := "tree.html"
		if len(args) > 0 {
			name = args[0]
		}
		s, err := a.place.Open(c.Context())
		if err != nil {
			return err
		}
		defer s.Close(&err)
		page, size, err := a.viewPage(s, leaf.position)
		if err != nil {
			return err
		}
		if name == "-" {
			_, err := a.out.Write(page)
			return err
		}
		if err := disk.ReplaceText(name, page); err != nil {
			return err
		}
		return a.emit(map[string]any{"file": name, "bytes": len(page), "size": size}, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %d leaves; open it in a browser\n", name, size)
		})
	}
	return c
}

// What the page is given. Hashes are by "level:index".
type viewData struct {
	Store viewState `json:"store"`
	Demo  viewDemo  `json:"demo"`
}

type viewState struct {
	Where       string              `json:"where,omitempty"`
	Size        uint64              `json:"size"`
	Origin      uint64              `json:"origin"`    // leaves before a frontier that it started from
	FirstLeaf   uint64              `json:"firstLeaf"` // of which that frontier's leaf is the first that is there
	Root        kvshard.Node        `json:"root"`
	Prefix      string              `json:"prefix"`
	Checkpoints []source.Checkpoint `json:"checkpoints"`
	Kinds       map[string]viewKind `json:"kinds"`
	ShardRuns   [][3]uint64         `json:"shardRuns"` // first, last, bytes of each
	Windows     []viewWindow        `json:"windows"`
	Hashes      map[string]string   `json:"hashes"`
	Ommers      [][3]any            `json:"ommers"` // level, index, hash
	Witness     *viewWitness        `json:"witness"`
}

type viewKind struct {
	Records  uint64 `json:"records"`
	Bytes    uint64 `json:"bytes"`
	KeyBytes uint64 `json:"keyBytes"`
}

// viewWindow is some leaves: the first one's position, and the leaves.
type viewWindow [2]any

type viewWitness struct {
	Position uint64         `json:"position"`
	Leaf     kvshard.Node   `json:"leaf"`
	Path     []kvshard.Node `json:"path"`
}

type viewDemo struct {
	Leaves []kvshard.Node `json:"leaves"`
	Steps  []viewStep     `json:"steps"`
}

type viewStep struct {
	Call    string            `json:"call"`
	Say     string            `json:"say"`
	Ops     []viewOp          `json:"ops"`
	Gas     uint64            `json:"gas"`
	Hashes  uint64            `json:"hashes"`
	Touched map[string]string `json:"touched"`
	After   viewState         `json:"after"`
	Witness *uint64           `json:"witness,omitempty"`
}

type viewOp struct {
	Kind   string `json:"kind"`
	Record string `json:"record"`
	Key    string `json:"key"`
	Bytes  *int   `json:"bytes"` // -1: absent
}

func (a *env) viewPage(s *source.Source, leaf *uint64) ([]byte, uint64, error) {
	tree, err := s.Tree()
	if err != nil {
		return nil, 0, err
	}
	var data viewData
	p := a.newProgress("view", "records", -1, 0)
	data.Store, err = viewOf(tree, s, leaf, func() { p.add(1) })
	p.end()
	if err != nil {
		return nil, 0, err
	}
	data.Store.Where = s.Where
	if data.Demo, err = viewHistory(); err != nil {
		return nil, 0, err
	}
	text, err := json.Marshal(data) // escapes <, so that no script ends in it
	if err != nil {
		return nil, 0, err
	}
	return bytes.Replace(viewPage, []byte("/*DATA*/"), text, 1), data.Store.Size, nil
}

// maxRuns bounds the page: of a store whose shards all differ in length, what
// is behind is shown without its length.
const maxRuns = 5000

func viewOf(tree *kvshard.Tree, s *source.Source, leaf *uint64, tell func()) (v viewState, err error) {
	v = viewState{Prefix: hex.EncodeToString(s.Prefix), Checkpoints: []source.Checkpoint{}, Kinds: map[string]viewKind{}, ShardRuns: [][3]uint64{}, Windows: []viewWindow{}, Hashes: map[string]string{}, Ommers: [][3]any{}}
	if v.Size, err = tree.Size(); err != nil {
		return v, err
	}
	if v.Root, err = tree.Root(); err != nil {
		return v, err
	}
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return v, err
		}
		v.Checkpoints = append(v.Checkpoints, source.Checkpoint(checkpoint))
	}
	if leaf != nil {
		witness, err := tree.Witness(*leaf)
		if err != nil {
			return v, err
		}
		proven, err := tree.Leaf(*leaf)
		if err != nil {
			return v, err
		}
		v.Witness = &viewWitness{*leaf, proven, witness.Path[:]}
		for level, node := range witness.Path {
			v.Hashes[fmt.Sprintf("%d:%d", level, (*leaf>>level)^1)] = node.String()
		}
	}
	frontier, err := tree.Frontier()
	if err != nil {
		return v, err
	}
	ommers := frontier.Ommers
	for level := 0; level < kvshard.Depth && len(ommers) > 0; level++ {
		if index := (v.Size - 1) >> level; index&1 == 1 {
			v.Ommers = append(v.Ommers, [3]any{level, index - 1, ommers[0].String()})
			v.Hashes[fmt.Sprintf("%d:%d", level, index-1)] = ommers[0].String()
			ommers = ommers[1:]
		}
	}
	last := (max(v.Size, 1) - 1) / 16
	shown := func(index uint64) bool {
		return index < 4 || index+8 > last || leaf != nil && index+4 >= *leaf/16 && index <= *leaf/16+4
	}
	for _, kind := range record.Kinds {
		v.Kinds[kind.Name] = viewKind{}
	}
	for r, err := range record.All(s.KV, s.Prefix) {
		if err != nil {
			return v, err
		}
		tell()
		for _, kind := range record.Kinds {
			if kind.First == r.Key[0] {
				k := v.Kinds[kind.Name]
				k.Records, k.Bytes, k.KeyBytes = k.Records+1, k.Bytes+uint64(len(r.Value)), k.KeyBytes+uint64(len(s.Prefix)+len(r.Key))
				v.Kinds[kind.Name] = k
			}
		}
		switch {
		case r.Key[0] == 0x0F && len(r.Key) == 9:
			index := binary.BigEndian.Uint64(r.Key[1:])
			v.addShard(index, uint64(len(r.Value)))
			if leaves, _, _ := record.ShardLeaves(r.Value); shown(index) && len(leaves) > 0 {
				v.Windows = append(v.Windows, viewWindow{index * 16, leaves})
			}
		case r.Key[0] == 0x13 && len(r.Value) >= 18 && r.Value[1]&2 != 0: // FORMAT.md, the tip's origin
			v.Origin = binary.LittleEndian.Uint64(r.Value[10:])
		}
	}
	for v.FirstLeaf = v.Origin; v.Origin > 0 && v.FirstLeaf < v.Origin+16; v.FirstLeaf++ {
		if _, err := tree.Leaf(v.FirstLeaf); !errors.Is(err, kvshard.ErrPruned) {
			return v, err
		}
	}
	return v, nil
}

func (v *viewState) addShard(index, size uint64) {
	if n := len(v.ShardRuns); n > 0 {
		if run := &v.ShardRuns[n-1]; run[1]+1 == index && run[2] == size {
			run[1] = index
			return
		}
		if n == maxRuns {
			return
		}
	}
	v.ShardRuns = append(v.ShardRuns, [3]uint64{index, index, size})
}

// viewHistory records a small chain: each call with its operations.
func viewHistory() (viewDemo, error) {
	kv := kvtest.NewMemStore()
	trace := kvtest.NewTraceStore(kv)
	gas := kvtest.NewGasStore(trace, 0)
	var hashes uint64
	tree, err := kvshard.Open(gas, kvshard.WithMaxCheckpoints(3), kvshard.WithObserver(func(s kvshard.Stats) { hashes += s.Hashes }))
	if err != nil {
		return viewDemo{}, err
	}
	var all []kvshard.Node // by position, as they are at the end of each step
	made := uint64(0)
	demo := viewDemo{}
	do := func(call, say string, witness *uint64, f func() error) error {
		trace.Reset()
		gas.Reset()
		hashes = 0
		if err := f(); err != nil {
			return fmt.Errorf("%s: %w", call, err)
		}
		step := viewStep{Call: call, Say: say, Gas: gas.GasConsumed(), Hashes: hashes, Witness: witness}
		step.Ops, step.Touched = viewOps(trace.Trace())
		trace.Record(false)
		plain := &source.Source{KV: kv}
		readTree, err := kvshard.Open(kv)
		if err != nil {
			return err
		}
		step.After, err = viewOf(readTree, plain, nil, func() {})
		trace.Record(true)
		step.After.Windows = nil
		demo.Steps = append(demo.Steps, step)
		return err
	}
	appendLeaves := func(n int, say string) error {
		batch := make([]kvshard.Node, n)
		for i := range batch {
			made++
			for word := range uint64(3) {
				x := (made + word<<40) * 0x9E3779B97F4A7C15
				binary.LittleEndian.PutUint64(batch[i][8*word:], x^x>>31)
			}
		}
		return do(fmt.Sprintf("AppendBatch of %d", n), say, nil, func() error {
			_, err := tree.AppendBatch(batch)
			all = append(all, batch...)
			return err
		})
	}
	checkpoint := func(id uint32, say string) error {
		return do(fmt.Sprintf("Checkpoint(%d)", id), say, nil, func() error { return tree.Checkpoint(id) })
	}
	root := func(say string) error {
		return do("Root()", say, nil, func() error { _, err := tree.Root(); return err })
	}
	witness := func(position uint64, say string) error {
		return do(fmt.Sprintf("Witness(%d)", position), say, &position, func() error { _, err := tree.Witness(position); return err })
	}
	for _, err := range []error{
		do("Open", "Opening touches nothing: the store is the state, and a Tree holds none of it.", nil, func() error { return nil }),
		appendLeaves(3, "The first leaves. The tip says there is no shard yet, so one is begun: two records are written."),
		checkpoint(1, "A checkpoint is a record of its own, with the size. The summary counts them, so that no call has to list them."),
		appendLeaves(20, "Shard 0 is read and filled, shard 1 begun. The root of shard 0 goes into the tip: it waits there for its sibling."),
		checkpoint(2, "The next block."),
		root("The root reads the tip, the cap and the shard that is not full, and hashes once a level. Empty subtrees are constants."),
		witness(5, "A witness reads the leaf's shard for levels 0 to 3, and above that one record for two levels."),
		appendLeaves(30, "Three shards at once. Two shard roots merge to a node of level 5, which the tip holds."),
		checkpoint(3, "Three checkpoints: as many as this tree keeps."),
		appendLeaves(80, "128 leaves are complete: the four nodes of level 5 become a quad, written once and never again, and its root at level 7 is the first node of the cap."),
		checkpoint(4, "A fourth checkpoint prunes the oldest, which is deleted."),
		do("RetainCheckpoint(3)", "Checkpoint 3 is exempt from pruning from now on.", nil, func() error { return tree.RetainCheckpoint(3) }),
		witness(5, "The same leaf again. Its path now leads through the quad; the cost has hardly changed, and at a million leaves it is a few records more."),
		appendLeaves(40, "A block that will be undone."),
		checkpoint(5, "Its checkpoint."),
		do("Rewind(4)", "Back to checkpoint 4: what came after is deleted, what it changed is written as it was. The store has no trace of block 5.", nil, func() error {
			all = all[:133]
			return tree.Rewind(4)
		}),
		appendLeaves(10, "The block that takes its place."),
		checkpoint(5, "The same height, other leaves."),
		root("The newest root."),
	} {
		if err != nil {
			return viewDemo{}, err
		}
	}
	demo.Leaves = all
	return demo, nil
}

// viewOps makes lines of a trace, and tells which records were touched: read,
// written or deleted.
func viewOps(trace []kvtest.Op) ([]viewOp, map[string]string) {
	ops, touched := []viewOp{}, map[string]string{}
	size := func(n int) *int { return &n }
	for _, op := range trace {
		line := viewOp{Kind: op.Kind.String(), Key: hex.EncodeToString(op.Key), Record: record.Name(op.Key)}
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
				line.Record = strings.TrimSpace("from " + record.Name(op.Key))
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
