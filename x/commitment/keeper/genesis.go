package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"cosmossdk.io/core/store"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/stream"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// ExportTree writes the tree as a stream, and returns what it wrote.
func (k Keeper) ExportTree(ctx context.Context, w io.Writer) (types.GenesisTree, error) {
	params, err := k.params.Get(ctx)
	if err != nil {
		return types.GenesisTree{}, err
	}
	tree, err := k.tree(ctx, params)
	if err != nil {
		return types.GenesisTree{}, err
	}
	return WriteTree(tree, k.storeService.OpenKVStore(ctx), params.MaxAnchors, w)
}

// WriteTree writes a tree without a prefix as a stream, and returns what it wrote. It
// reads each record twice, because a stream begins with their number.
func WriteTree(tree *kvshard.Tree, kv store.KVStore, maxAnchors uint32, w io.Writer) (types.GenesisTree, error) {
	header, err := stream.Describe(tree)
	if err != nil {
		return types.GenesisTree{}, err
	}
	header.Form, header.MaxCheckpoints, header.Retention = stream.FormRecords, maxAnchors, "marked"
	if header.Records, err = stream.Count(kvshard.Records(kv)); err != nil {
		return types.GenesisTree{}, err
	}
	sum := sha256.New()
	out, err := stream.NewWriter(io.MultiWriter(w, sum), header)
	if err != nil {
		return types.GenesisTree{}, err
	}
	if err := out.Records(kvshard.Records(kv)); err != nil {
		return types.GenesisTree{}, err
	}
	if err := out.End(); err != nil {
		return types.GenesisTree{}, err
	}
	return describe(header, sum), nil
}

// ReadTree reads a stream to its end and returns what genesis says of it, except where
// the stream is. It is for a stream that something else wrote.
func ReadTree(r io.Reader) (types.GenesisTree, error) {
	in, err := NewTreeReader(r)
	if err != nil {
		return types.GenesisTree{}, err
	}
	err = in.each(func(kvshard.Record) error { return nil })
	return in.described(), err
}

func describe(h stream.Header, sum hash.Hash) types.GenesisTree {
	return types.GenesisTree{Root: h.Root[:], Size_: h.Size, Records: h.Records, Sha256: sum.Sum(nil)}
}

// A TreeReader reads the records of a stream, and compares it with what genesis names.
type TreeReader struct {
	in  *stream.Reader
	sum hash.Hash
}

// NewTreeReader reads the header of a stream, which must be a stream of records.
func NewTreeReader(r io.Reader) (*TreeReader, error) {
	sum := sha256.New()
	in, err := stream.NewReader(io.TeeReader(r, sum))
	if err != nil {
		return nil, err
	}
	if in.Header.Form != stream.FormRecords {
		return nil, fmt.Errorf("a stream of %s: genesis takes one of records, as \"kvshard export\" writes it by default", in.Header.Form)
	}
	return &TreeReader{in, sum}, nil
}

// Records is how many records the header announces.
func (t *TreeReader) Records() uint64 { return t.in.Header.Records }

// Next returns the next record in the order of the keys, and [io.EOF] behind the last one
// if the stream is whole.
func (t *TreeReader) Next() (kvshard.Record, error) {
	piece, err := t.in.Next()
	if err != nil {
		return kvshard.Record{}, err
	}
	return *piece.Record, nil
}

// End checks that all records were read, and that the stream is the one that genesis
// names.
func (t *TreeReader) End(want types.GenesisTree) error {
	if r, err := t.Next(); err == nil {
		return fmt.Errorf("a stream with %s behind the %d records that its header announces", r.Name(), t.Records())
	} else if err != io.EOF {
		return err
	}
	return t.compare(want)
}

func (t *TreeReader) described() types.GenesisTree { return describe(t.in.Header, t.sum) }

func (t *TreeReader) compare(want types.GenesisTree) error {
	if got := t.described(); !sameTree(got, want) {
		return fmt.Errorf("a stream of %s; genesis names %s", &got, &want)
	}
	return nil
}

// each reads the stream to its end and calls f with each record.
func (t *TreeReader) each(f func(kvshard.Record) error) error {
	for {
		record, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(record); err != nil {
			return err
		}
	}
}

// ImportTree writes the records of a stream into the store. It checks that they are the
// announced ones and a sound tree: it computes every hash in it again. The store's tree
// must be empty.
func (k Keeper) ImportTree(ctx context.Context, r io.Reader, want types.GenesisTree) error {
	in, err := NewTreeReader(r)
	if err != nil {
		return err
	}
	kv := k.storeService.OpenKVStore(ctx)
	if err := hasNoTree(kv); err != nil {
		return err
	}
	if err := in.each(func(r kvshard.Record) error { return kvshard.WriteRecord(kv, r) }); err != nil {
		return err
	}
	if err := in.compare(want); err != nil {
		return err
	}
	tree, err := k.openTree(ctx)
	if err != nil {
		return err
	}
	if err := tree.Check(); err != nil {
		return err
	}
	return in.in.Header.Verify(tree)
}

// hasNoTree returns an error if the store has a record of a tree.
func hasNoTree(kv store.KVStore) error {
	for r, err := range kvshard.Records(kv) {
		if err != nil {
			return err
		}
		return fmt.Errorf("the store has a tree already, with %s: start with a new database, or remove file and data from the tree in genesis if all nodes preload it", r.Name())
	}
	return nil
}

// checkPreloaded checks the tree that is in the store before the chain begins: that it is
// the one that genesis names, and sound, as ImportTree does.
func (k Keeper) checkPreloaded(ctx sdk.Context, params types.Params, want types.GenesisTree) error {
	tree, err := k.tree(ctx, params)
	if err != nil {
		return err
	}
	got, err := WriteTree(tree, k.storeService.OpenKVStore(ctx), params.MaxAnchors, io.Discard)
	if err != nil {
		return err
	}
	if !sameTree(got, want) {
		return fmt.Errorf("genesis has neither file nor data of the tree, so that it must be in the store: preload it. The store has %s with max_anchors %d; genesis names %s", &got, params.MaxAnchors, &want)
	}
	return tree.Check()
}

// sameTree compares everything except where the stream is.
func sameTree(a, b types.GenesisTree) bool {
	return bytes.Equal(a.Root, b.Root) && a.Size_ == b.Size_ && a.Records == b.Records && bytes.Equal(a.Sha256, b.Sha256)
}

// InitGenesis sets parameters, tree and history of a new chain.
func (k Keeper) InitGenesis(ctx sdk.Context, state types.GenesisState) error {
	if err := state.Validate(); err != nil {
		return err
	}
	if err := k.params.Set(ctx, state.Params); err != nil {
		return err
	}
	if err := k.initTree(ctx, state.Params, state.Tree); err != nil {
		return fmt.Errorf("tree: %w", err)
	}
	tree, err := k.tree(ctx, state.Params)
	if err != nil {
		return err
	}
	// Checkpoints are heights and only grow, so a tree with a history cannot start
	// again at height 1.
	last, _, err := tree.Newest()
	if err != nil {
		return err
	}
	now := max(ctx.BlockHeight(), 1) // the SDK has 0 for a chain that begins at height 1
	if last.ID > 0 && int64(last.ID) >= now {
		return fmt.Errorf("the tree has a checkpoint at height %d, the chain starts at %d: set initial_height above it", last.ID, now)
	}
	size, err := tree.Size()
	if err != nil {
		return err
	}
	if err := k.initWaiting(ctx, size, state.Waiting, uint64(now)); err != nil {
		return err
	}
	total, err := k.initHistory(ctx, tree, state.History, uint64(now))
	if err != nil {
		return err
	}
	return k.rebuildAnchors(ctx, tree, total)
}

// initTree imports the tree of genesis. A new chain's tree has no stream: it is empty. A
// tree without a stream that is not empty was preloaded.
func (k Keeper) initTree(ctx sdk.Context, params types.Params, state types.GenesisTree) error {
	if state.File == "" && len(state.Data) == 0 {
		if sameTree(state, types.DefaultGenesisState().Tree) {
			return hasNoTree(k.storeService.OpenKVStore(ctx))
		}
		return k.checkPreloaded(ctx, params, state)
	}
	in, err := k.openStream(state)
	if err != nil {
		return err
	}
	defer in.Close()
	return k.ImportTree(ctx, in, state)
}

// openStream opens the file, or the data in genesis.
func (k Keeper) openStream(state types.GenesisTree) (io.ReadCloser, error) {
	if state.File == "" {
		return io.NopCloser(bytes.NewReader(state.Data)), nil
	}
	if k.genesisDir == "" || filepath.Base(state.File) != state.File {
		return nil, fmt.Errorf("no directory for the genesis file %q", state.File)
	}
	file, err := os.Open(filepath.Join(k.genesisDir, state.File))
	if err != nil {
		return nil, fmt.Errorf("%w: it has the tree's records, and goes with genesis.json from the node that exported", err)
	}
	return file, nil
}

// ExportGenesis is the reverse of InitGenesis.
func (k Keeper) ExportGenesis(ctx sdk.Context) (*types.GenesisState, error) {
	params, err := k.params.Get(ctx)
	if err != nil {
		return nil, err
	}
	history, err := k.exportHistory(ctx)
	if err != nil {
		return nil, err
	}
	tree, err := k.tree(ctx, params)
	if err != nil {
		return nil, err
	}
	size, err := tree.Size()
	if err != nil {
		return nil, err
	}
	waiting, err := k.exportWaiting(ctx, size)
	if err != nil {
		return nil, err
	}
	state := &types.GenesisState{Params: params, History: history, Waiting: waiting}
	if k.genesisDir != "" {
		state.Tree, err = k.exportFile(ctx)
		return state, err
	}
	var data bytes.Buffer
	state.Tree, err = k.ExportTree(ctx, &data)
	state.Tree.Data = data.Bytes()
	return state, err
}

// exportFile writes the stream to a file named after its content.
func (k Keeper) exportFile(ctx sdk.Context) (state types.GenesisTree, err error) {
	f, err := os.CreateTemp(k.genesisDir, "commitment-*.tmp")
	if err != nil {
		return state, err
	}
	defer os.Remove(f.Name()) // no effect once the file is renamed
	defer f.Close()
	if state, err = k.ExportTree(ctx, f); err != nil {
		return state, err
	}
	if err := errors.Join(f.Sync(), f.Chmod(0o644), f.Close()); err != nil {
		return state, err
	}
	state.File = fmt.Sprintf("commitment-%x.kvx", state.Sha256[:8])
	return state, os.Rename(f.Name(), filepath.Join(k.genesisDir, state.File))
}
