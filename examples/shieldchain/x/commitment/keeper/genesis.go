package keeper

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"cosmossdk.io/core/store"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/x/commitment/types"
)

// GenesisState is the module's part of genesis. Anchors are not in it: they
// follow from the tree's checkpoints.
type GenesisState struct {
	Params json.RawMessage `json:"params"`
	Tree   GenesisTree     `json:"tree"`
}

// GenesisTree has the tree's records, or names the file that has them: a
// stream of
//
//	uvarint length of key ‖ key ‖ uvarint length of value ‖ value
//
// in the order of the keys, which FORMAT.md of kvshard describes. It is read
// and written record by record, never held as a whole.
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

// Validate checks that no part is missing that every tree has; encoding/json
// takes null, and a field that is not there, for an empty one.
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

// ExportTree writes the tree's records, and tells what it wrote.
func (k Keeper) ExportTree(ctx context.Context, w io.Writer) (GenesisTree, error) {
	out, err := WriteRecords(k.storeService.OpenKVStore(ctx), w)
	if err != nil {
		return GenesisTree{}, err
	}
	tree, err := k.Tree(ctx)
	if err != nil {
		return GenesisTree{}, err
	}
	root, err := tree.Root()
	if err != nil {
		return GenesisTree{}, err
	}
	out.Root = root.String()
	out.Size, err = tree.Size()
	return out, err
}

// WriteRecords writes the records of a tree without a prefix as a stream, and
// tells how many they are and their hash.
func WriteRecords(kv store.KVStore, w io.Writer) (GenesisTree, error) {
	sum := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	it, err := kv.Iterator(kvshard.KeyRange(nil))
	if err != nil {
		return GenesisTree{}, err
	}
	defer it.Close()
	var out GenesisTree
	var head []byte
	for ; it.Valid(); it.Next() {
		key, value := it.Key(), it.Value()
		head = append(binary.AppendUvarint(head[:0], uint64(len(key))), key...)
		head = binary.AppendUvarint(head, uint64(len(value)))
		if _, err := buffered.Write(head); err != nil {
			return GenesisTree{}, err
		}
		if _, err := buffered.Write(value); err != nil {
			return GenesisTree{}, err
		}
		out.Records++
	}
	if err := buffered.Flush(); err != nil {
		return GenesisTree{}, err
	}
	out.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return out, nil
}

// maxRecord bounds a record of a stream that is read: far more than any.
const maxRecord = 1 << 20

// ImportTree writes the records of a stream into the store, and checks that
// they are what was announced and a sound tree: every hash in it is computed
// again. The store's tree must be empty.
func (k Keeper) ImportTree(ctx context.Context, r io.Reader, want GenesisTree) error {
	sum := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(r, sum), 1<<16)
	kv := k.storeService.OpenKVStore(ctx)
	start, end := kvshard.KeyRange(nil)
	var last []byte
	var records uint64
	for ; ; records++ {
		key, err := readPart(in)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", records, err)
		}
		value, err := readPart(in)
		if err != nil {
			return fmt.Errorf("record %d: %w", records, err)
		}
		if bytes.Compare(key, last) <= 0 || bytes.Compare(key, start) < 0 || bytes.Compare(key, end) >= 0 || len(value) == 0 {
			return fmt.Errorf("record %d: key %x out of order or out of the tree, or no value", records, key)
		}
		last = key
		// Fresh slices: the store keeps them.
		if err := kv.Set(key, value); err != nil {
			return err
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.SHA256 || records != want.Records {
		return fmt.Errorf("%d records with SHA-256 %s, genesis names %d with %s", records, got, want.Records, want.SHA256)
	}
	tree, err := k.Tree(ctx)
	if err != nil {
		return err
	}
	if err := tree.Check(); err != nil {
		return err
	}
	root, err := tree.Root()
	if err != nil {
		return err
	}
	size, err := tree.Size()
	if err != nil {
		return err
	}
	if root.String() != want.Root || size != want.Size {
		return fmt.Errorf("root %s of %d leaves, genesis names %s of %d", root, size, want.Root, want.Size)
	}
	return nil
}

// readPart reads a length and as many bytes; io.EOF only before the first.
func readPart(in *bufio.Reader) ([]byte, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	if n > maxRecord {
		return nil, fmt.Errorf("%d bytes are no record's", n)
	}
	part := make([]byte, n)
	if _, err := io.ReadFull(in, part); err != nil {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return part, nil
}

// InitGenesis sets parameters and tree of a new chain.
func (k Keeper) InitGenesis(ctx sdk.Context, params types.Params, state GenesisTree) error {
	if err := errors.Join(params.Validate(), state.Validate()); err != nil {
		return err
	}
	if err := k.params.Set(ctx, params); err != nil {
		return err
	}
	stream, err := k.openStream(state)
	if err != nil {
		return err
	}
	defer stream.Close()
	if err := k.ImportTree(ctx, stream, state); err != nil {
		return err
	}
	if err := k.rebuildAnchors(ctx); err != nil {
		return err
	}
	// Checkpoints are heights and only ever grow, so a tree with a history
	// cannot begin again at height 1.
	last, err := k.AnchorAt(ctx, 1<<32-1)
	if err == nil && int64(last.Height) >= ctx.BlockHeight() {
		return fmt.Errorf("the tree has a checkpoint at height %d, the chain starts at %d: set initial_height above it", last.Height, ctx.BlockHeight())
	}
	return nil
}

func (k Keeper) openStream(state GenesisTree) (io.ReadCloser, error) {
	switch {
	case state.File != "":
		if k.genesisDir == "" || filepath.Base(state.File) != state.File {
			return nil, fmt.Errorf("no directory for the genesis file %q", state.File)
		}
		file, err := os.Open(filepath.Join(k.genesisDir, state.File))
		if err != nil {
			return nil, fmt.Errorf("%w: it has the tree's records, and goes with genesis.json from the node that exported", err)
		}
		return file, nil
	case len(state.Data) > 0:
		text := bytes.NewReader(state.Data[1 : len(state.Data)-1])
		return io.NopCloser(base64.NewDecoder(base64.StdEncoding, text)), nil
	default:
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
}

// ExportGenesis is the way back.
func (k Keeper) ExportGenesis(ctx sdk.Context) (params types.Params, state GenesisTree, err error) {
	if params, err = k.params.Get(ctx); err != nil {
		return params, state, err
	}
	if k.genesisDir != "" {
		state, err = k.exportFile(ctx)
		return params, state, err
	}
	var data bytes.Buffer
	data.WriteByte('"')
	encoder := base64.NewEncoder(base64.StdEncoding, &data)
	if state, err = k.ExportTree(ctx, encoder); err != nil {
		return params, state, err
	}
	if err := encoder.Close(); err != nil {
		return params, state, err
	}
	data.WriteByte('"')
	state.Data = data.Bytes()
	return params, state, nil
}

// exportFile writes the stream to a file that is named after its content.
func (k Keeper) exportFile(ctx sdk.Context) (state GenesisTree, err error) {
	f, err := os.CreateTemp(k.genesisDir, "commitment-*.tmp")
	if err != nil {
		return state, err
	}
	defer os.Remove(f.Name()) // of no effect once it is renamed
	defer f.Close()
	if state, err = k.ExportTree(ctx, f); err != nil {
		return state, err
	}
	if err := errors.Join(f.Sync(), f.Chmod(0o644), f.Close()); err != nil {
		return state, err
	}
	state.File = fmt.Sprintf("commitment-%s.records", state.SHA256[:16])
	return state, os.Rename(f.Name(), filepath.Join(k.genesisDir, state.File))
}

// DefaultGenesis is an empty tree.
func DefaultGenesis() GenesisTree {
	root, err := kvshard.EmptyRoot(kvshard.Depth)
	if err != nil {
		panic(err)
	}
	nothing := sha256.Sum256(nil)
	return GenesisTree{Root: root.String(), SHA256: hex.EncodeToString(nothing[:])}
}
