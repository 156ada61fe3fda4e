package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/dbstore"
	"github.com/kvshard/kvshard/internal/realdata"
)

// The second tree appends so many leaves, in blocks of so many, and proves one.
const (
	appended = 1000
	perBlock = 10
	proven   = 617 // counted from the frontier
)

// The trees lie in one database, each under its name.
const fromFrontier = "from the frontier"

// input is what the demo runs on.
type input struct {
	chains   []realdata.Chain
	frontier realdata.Frontier
}

func load() (input, error) {
	testnet, err := realdata.Testnet()
	if err != nil {
		return input{}, err
	}
	mainnet, err := realdata.Mainnet()
	if err != nil {
		return input{}, err
	}
	all, err := realdata.Frontiers()
	if err != nil {
		return input{}, err
	}
	return input{[]realdata.Chain{testnet, mainnet}, all[len(all)-1]}, nil
}

// A proof is what a tree answers before the database is closed, and after.
type proof struct {
	size    uint64
	root    kvshard.Node
	leaf    kvshard.Node
	witness kvshard.Witness
}

// demo runs all parts over a database in dir, and returns an error if anything
// differs from what it must be.
func demo(out io.Writer, dir string, in input) error {
	fmt.Fprintf(out, "kvshard %s: trees in goleveldb, each block one atomic batch, synced\n", kvshard.Version())
	var before proof
	err := withDB(dir, func(db dbm.DB) (err error) {
		for _, chain := range in.chains {
			if err := appendChain(out, db, chain); err != nil {
				return err
			}
		}
		before, err = goOn(out, db, in.frontier)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\nthe database is closed; opened again:\n\n")
	return withDB(dir, func(db dbm.DB) error { return again(out, db, in, before) })
}

// withDB opens the database in dir for f, and closes it.
func withDB(dir string, f func(dbm.DB) error) error {
	db, err := dbm.NewGoLevelDB("kvshard", dir, nil)
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}

// openTree opens the tree of this name.
func openTree(kv store.KVStore, name string) (*kvshard.Tree, error) {
	return kvshard.Open(kv, kvshard.WithPrefix([]byte(name+"/")))
}

// addBlock appends leaves, makes the checkpoint of the block and takes the root,
// all in one batch.
func addBlock(db dbm.DB, name string, leaves []kvshard.Node, height uint32) (root kvshard.Node, err error) {
	err = dbstore.New(db).Do(func(kv store.KVStore) error {
		tree, err := openTree(kv, name)
		if err != nil {
			return err
		}
		if _, err := tree.AppendBatch(leaves); err != nil {
			return err
		}
		if err := tree.Checkpoint(height); err != nil {
			return err
		}
		root, err = tree.Root()
		return err
	})
	return root, err
}

// appendChain appends real blocks and compares each root.
func appendChain(out io.Writer, db dbm.DB, chain realdata.Chain) error {
	fmt.Fprintf(out, "\n%s: blocks as they are, roots against consensus\n\n", chain.Network)
	t := newTable(out, "block", "commitments", "leaves", "root", "consensus", "time")
	differ := 0
	for _, b := range chain.Blocks {
		leaves := make([]kvshard.Node, len(b.Commitments))
		for i, commitment := range b.Commitments {
			leaves[i] = commitment
		}
		start := time.Now()
		root, err := addBlock(db, chain.Network, leaves, b.Height)
		if err != nil {
			return fmt.Errorf("%s, block %d: %w", chain.Network, b.Height, err)
		}
		took, verdict := since(start), "equal"
		if root != b.RootAfter {
			verdict = "DIFFERS"
			differ++
		}
		t.row(b.Height, len(leaves), b.SizeAfter, short(root), verdict, took)
	}
	t.end()
	if differ > 0 {
		return fmt.Errorf("%s: %d roots differ from the consensus roots", chain.Network, differ)
	}
	return nil
}

// goOn starts a tree from a frontier, appends to it and proves a leaf.
func goOn(out io.Writer, db dbm.DB, f realdata.Frontier) (p proof, err error) {
	fmt.Fprintf(out, "\nmainnet after block %d: from its frontier on, with leaves that are made up\n(leaf i is Combine(0, i, 0) of the number i)\n\n", f.Height)
	t := newTable(out, "step", "leaves", "root", "", "time")
	start := time.Now()
	err = dbstore.New(db).Do(func(kv store.KVStore) error {
		tree, err := openTree(kv, fromFrontier)
		if err != nil {
			return err
		}
		known := kvshard.Frontier{Size: f.Size, Leaf: f.Leaf}
		for _, ommer := range f.Ommers {
			known.Ommers = append(known.Ommers, ommer)
		}
		if err := tree.InsertFrontier(known, f.Height); err != nil {
			return err
		}
		p.root, err = tree.Root()
		return err
	})
	if err != nil {
		return proof{}, fmt.Errorf("frontier: %w", err)
	}
	if p.root != f.Root {
		t.row("frontier", f.Size, short(p.root), "DIFFERS", since(start))
		t.end()
		return proof{}, errors.New("the root of the frontier differs from the known one")
	}
	t.row("frontier", f.Size, short(p.root), "equal", since(start))

	leaves, err := madeUp(appended)
	if err != nil {
		return proof{}, err
	}
	start, height := time.Now(), f.Height
	for i := 0; i < appended; i += perBlock {
		height++
		if p.root, err = addBlock(db, fromFrontier, leaves[i:i+perBlock], height); err != nil {
			return proof{}, fmt.Errorf("block %d: %w", height, err)
		}
	}
	t.row(fmt.Sprintf("%d blocks of %d", appended/perBlock, perBlock), f.Size+appended, short(p.root), "", since(start))

	start = time.Now()
	p, err = prove(db, f.Size+proven, height)
	if err != nil {
		return proof{}, err
	}
	t.row(fmt.Sprintf("proof of leaf %d", f.Size+proven), p.size, short(p.root), "verified", since(start))
	t.end()
	if p.leaf != leaves[proven] || p.size != f.Size+appended {
		return proof{}, fmt.Errorf("leaf %s at size %d is not the one that was appended", p.leaf, p.size)
	}
	return p, nil
}

// madeUp returns n canonical nodes, the same ones every time.
func madeUp(n uint64) ([]kvshard.Node, error) {
	pairs := make([][2]kvshard.Node, n)
	for i := range pairs {
		binary.LittleEndian.PutUint64(pairs[i][0][:], uint64(i))
	}
	return kvshard.CombineBatch(0, pairs)
}

// prove takes the witness of a leaf at a checkpoint and verifies it.
func prove(kv store.KVStore, position uint64, id uint32) (p proof, err error) {
	tree, err := openTree(kv, fromFrontier)
	if err != nil {
		return proof{}, err
	}
	if p.size, err = tree.SizeAt(id); err != nil {
		return proof{}, err
	}
	if p.root, err = tree.RootAt(id); err != nil {
		return proof{}, err
	}
	if p.leaf, err = tree.Leaf(position); err != nil {
		return proof{}, err
	}
	if p.witness, err = tree.WitnessAt(position, id); err != nil {
		return proof{}, err
	}
	return p, p.witness.Verify(p.root, p.leaf)
}

// again asks the database, which was opened anew, what was asked before, and
// checks all trees.
func again(out io.Writer, db dbm.DB, in input, before proof) error {
	t := newTable(out, "tree", "leaves", "root", "as before", "Check", "time")
	defer t.end()
	for _, chain := range in.chains {
		start := time.Now()
		tree, err := openTree(db, chain.Network)
		if err != nil {
			return err
		}
		last := chain.Blocks[len(chain.Blocks)-1]
		root, err := tree.Root()
		if err != nil {
			return err
		}
		if err := report(t, chain.Network, tree, last.SizeAfter, root, root == last.RootAfter, start); err != nil {
			return err
		}
	}
	start := time.Now()
	after, err := prove(db, before.witness.Position, in.frontier.Height+appended/perBlock)
	if err != nil {
		return err
	}
	tree, err := openTree(db, fromFrontier)
	if err != nil {
		return err
	}
	return report(t, fromFrontier, tree, after.size, after.root, after == before, start)
}

// report checks a tree and puts it in the table.
func report(t *table, name string, tree *kvshard.Tree, size uint64, root kvshard.Node, same bool, start time.Time) error {
	check := tree.Check()
	verdict := map[bool]string{true: "same root", false: "DIFFERS"}
	if name == fromFrontier {
		verdict[true] = "same root and witness"
	}
	t.row(name, size, short(root), verdict[same], map[bool]string{true: "sound", false: "BROKEN"}[check == nil], since(start))
	if !same {
		return fmt.Errorf("%s: root or witness differ from before", name)
	}
	return check
}

// short is the beginning of a node.
func short(n kvshard.Node) string { return n.String()[:16] + "…" }

func since(start time.Time) string {
	return fmt.Sprintf("%.1f ms", float64(time.Since(start).Microseconds())/1000)
}

// A table prints rows in columns.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer, heads ...string) *table {
	t := &table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	cells := make([]any, len(heads))
	for i, head := range heads {
		cells[i] = head
	}
	t.row(cells...)
	return t
}

func (t *table) row(cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, cell)
	}
	fmt.Fprintln(t.w)
}

func (t *table) end() { t.w.Flush() }
