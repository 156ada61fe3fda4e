package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"cosmossdk.io/core/store"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/x/commitment/types"
	"github.com/kvshard/kvshard/stream"
)

// GenesisState is the module's part of genesis. It has no anchors: they follow from the
// tree's checkpoints. Without a history, that follows from them too, as far as it can.
type GenesisState struct {
	Params  json.RawMessage `json:"params"`
	Tree    GenesisTree     `json:"tree"`
	History *History        `json:"history,omitempty"`
}

// ReadGenesis reads the module's part of genesis. A misspelled field is an error, and so
// is what stands behind the end: encoding/json would read both as an empty field.
func ReadGenesis(data []byte) (state GenesisState, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&state); err != nil {
		return state, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return state, errors.New("something stands behind the end of the object")
	}
	return state, nil
}

// GenesisTree has the tree as a stream of the package stream, or names the file that
// has it. "kvshard export" writes such a stream and "kvshard import" reads it. It is
// read and written record by record, never held as a whole.
type GenesisTree struct {
	Root    string `json:"root"`
	Size    uint64 `json:"size"`
	Records uint64 `json:"records"`
	// SHA256 of the stream.
	SHA256 string `json:"sha256"`
	// File beside genesis.json; empty if Data has the stream.
	File string `json:"file,omitempty"`
	// Data is a string in base64.
	Data json.RawMessage `json:"data,omitempty"`
}

// Validate checks that every part is there that all trees have: encoding/json reads
// null or a missing field as an empty one.
func (g GenesisTree) Validate() error {
	if _, err := kvshard.ParseNode(g.Root); err != nil {
		return fmt.Errorf("tree: root: %w", err)
	}
	if sum, err := hex.DecodeString(g.SHA256); err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("tree: sha256 is %q, not %d hex digits", g.SHA256, 2*sha256.Size)
	}
	n := len(g.Data)
	switch {
	case g.File != "" && n > 0:
		return errors.New("tree: both file and data")
	case n > 0 && (n < 2 || g.Data[0] != '"' || g.Data[n-1] != '"'):
		return errors.New("tree: data is no string")
	case g.Records > 0 && g.File == "" && n == 0:
		return fmt.Errorf("tree: neither file nor data has its %d records", g.Records)
	case g.Size > 0 && g.Records == 0:
		return fmt.Errorf("tree: %d leaves in no records", g.Size)
	}
	return nil
}

// ExportTree writes the tree as a stream, and returns what it wrote.
func (k Keeper) ExportTree(ctx context.Context, w io.Writer) (GenesisTree, error) {
	params, err := k.params.Get(ctx)
	if err != nil {
		return GenesisTree{}, err
	}
	tree, err := k.tree(ctx, params)
	if err != nil {
		return GenesisTree{}, err
	}
	return WriteTree(tree, k.storeService.OpenKVStore(ctx), params.MaxAnchors, w)
}

// WriteTree writes a tree without a prefix as a stream, and returns what it wrote. It
// reads each record twice, because a stream begins with their number.
func WriteTree(tree *kvshard.Tree, kv store.KVStore, maxAnchors uint32, w io.Writer) (GenesisTree, error) {
	header, err := stream.Describe(tree)
	if err != nil {
		return GenesisTree{}, err
	}
	header.Form, header.MaxCheckpoints, header.Retention = stream.FormRecords, maxAnchors, "marked"
	if header.Records, err = stream.Count(kvshard.Records(kv)); err != nil {
		return GenesisTree{}, err
	}
	sum := sha256.New()
	out, err := stream.NewWriter(io.MultiWriter(w, sum), header)
	if err != nil {
		return GenesisTree{}, err
	}
	if err := out.Records(kvshard.Records(kv)); err != nil {
		return GenesisTree{}, err
	}
	if err := out.End(); err != nil {
		return GenesisTree{}, err
	}
	return describe(header, sum), nil
}

// ReadTree reads a stream to its end and returns what genesis says of it, except where
// the stream is. It is for a stream that something else wrote.
func ReadTree(r io.Reader) (GenesisTree, error) {
	sum := sha256.New()
	in, err := openRecords(io.TeeReader(r, sum))
	if err != nil {
		return GenesisTree{}, err
	}
	err = eachRecord(in, func(kvshard.Record) error { return nil })
	return describe(in.Header, sum), err
}

func describe(h stream.Header, sum hash.Hash) GenesisTree {
	return GenesisTree{Root: h.Root.String(), Size: h.Size, Records: h.Records, SHA256: hex.EncodeToString(sum.Sum(nil))}
}

// openRecords reads the header of a stream, which must be a stream of records.
func openRecords(r io.Reader) (*stream.Reader, error) {
	in, err := stream.NewReader(r)
	if err != nil {
		return nil, err
	}
	if in.Header.Form != stream.FormRecords {
		return nil, fmt.Errorf("a stream of %s: genesis takes one of records, as \"kvshard export\" writes it by default", in.Header.Form)
	}
	return in, nil
}

// eachRecord reads a stream to its end and calls f with each record.
func eachRecord(in *stream.Reader, f func(kvshard.Record) error) error {
	for {
		piece, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(*piece.Record); err != nil {
			return err
		}
	}
}

// ImportTree writes the records of a stream into the store. It checks that they are the
// announced ones and a sound tree: it computes every hash in it again. The store's tree
// must be empty.
func (k Keeper) ImportTree(ctx context.Context, r io.Reader, want GenesisTree) error {
	sum := sha256.New()
	in, err := openRecords(io.TeeReader(r, sum))
	if err != nil {
		return err
	}
	kv := k.storeService.OpenKVStore(ctx)
	if err := eachRecord(in, func(r kvshard.Record) error { return kvshard.WriteRecord(kv, r) }); err != nil {
		return err
	}
	if got := describe(in.Header, sum); !got.sameTree(want) {
		return fmt.Errorf("a stream of %s; genesis names %s", got, want)
	}
	tree, err := k.openTree(ctx)
	if err != nil {
		return err
	}
	if err := tree.Check(); err != nil {
		return err
	}
	return in.Header.Verify(tree)
}

// sameTree compares everything except where the stream is.
func (g GenesisTree) sameTree(other GenesisTree) bool {
	return g.Root == other.Root && g.Size == other.Size && g.Records == other.Records && g.SHA256 == other.SHA256
}

func (g GenesisTree) String() string {
	return fmt.Sprintf("%d records of %d leaves with root %s and SHA-256 %s", g.Records, g.Size, g.Root, g.SHA256)
}

// InitGenesis sets parameters, tree and history of a new chain.
func (k Keeper) InitGenesis(ctx sdk.Context, params types.Params, state GenesisTree, history *History) error {
	if err := errors.Join(params.Validate(), state.Validate()); err != nil {
		return err
	}
	if err := k.params.Set(ctx, params); err != nil {
		return err
	}
	if err := k.initTree(ctx, state); err != nil {
		return err
	}
	tree, err := k.tree(ctx, params)
	if err != nil {
		return err
	}
	// Checkpoints are heights and only grow, so a tree with a history cannot start
	// again at height 1.
	last, _, err := tree.Newest()
	if err != nil {
		return err
	}
	now := ctx.BlockHeight()
	if last.ID > 0 && int64(last.ID) >= now {
		return fmt.Errorf("the tree has a checkpoint at height %d, the chain starts at %d: set initial_height above it", last.ID, now)
	}
	total, err := k.initHistory(ctx, tree, history, uint64(now))
	if err != nil {
		return err
	}
	return k.rebuildAnchors(ctx, tree, total)
}

// initTree imports the tree of genesis. A new chain's tree has no stream: it is empty.
func (k Keeper) initTree(ctx context.Context, state GenesisTree) error {
	if state.File == "" && len(state.Data) == 0 {
		if empty := DefaultGenesis(); !state.sameTree(empty) {
			return fmt.Errorf("there is no stream, so that the tree is %s; genesis names %s", empty, state)
		}
		return nil
	}
	in, err := k.openStream(state)
	if err != nil {
		return err
	}
	defer in.Close()
	return k.ImportTree(ctx, in, state)
}

// openStream opens the file, or the data in genesis.
func (k Keeper) openStream(state GenesisTree) (io.ReadCloser, error) {
	if state.File == "" {
		text := bytes.NewReader(state.Data[1 : len(state.Data)-1])
		return io.NopCloser(base64.NewDecoder(base64.StdEncoding, text)), nil
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
func (k Keeper) ExportGenesis(ctx sdk.Context) (params types.Params, state GenesisTree, history *History, err error) {
	if params, err = k.params.Get(ctx); err != nil {
		return params, state, nil, err
	}
	if history, err = k.exportHistory(ctx); err != nil {
		return params, state, nil, err
	}
	if k.genesisDir != "" {
		state, err = k.exportFile(ctx)
		return params, state, history, err
	}
	var data bytes.Buffer
	data.WriteByte('"')
	encoder := base64.NewEncoder(base64.StdEncoding, &data)
	if state, err = k.ExportTree(ctx, encoder); err != nil {
		return params, state, nil, err
	}
	if err := encoder.Close(); err != nil {
		return params, state, nil, err
	}
	data.WriteByte('"')
	state.Data = data.Bytes()
	return params, state, history, nil
}

// exportFile writes the stream to a file named after its content.
func (k Keeper) exportFile(ctx sdk.Context) (state GenesisTree, err error) {
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
	state.File = fmt.Sprintf("commitment-%s.kvx", state.SHA256[:16])
	return state, os.Rename(f.Name(), filepath.Join(k.genesisDir, state.File))
}

// DefaultGenesis is an empty tree, without a stream.
func DefaultGenesis() GenesisTree {
	root, err := kvshard.EmptyRoot(kvshard.Depth)
	if err != nil {
		panic(err)
	}
	nothing := sha256.Sum256(nil)
	return GenesisTree{Root: root.String(), SHA256: hex.EncodeToString(nothing[:])}
}
