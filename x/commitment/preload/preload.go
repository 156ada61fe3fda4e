// Package preload puts a tree into the database of a new chain, below the application,
// before the chain begins. InitGenesis keeps all that it writes in memory until the first
// block is committed; a tree of many million leaves does not fit there. A preload needs
// some megabytes, whatever the size.
//
// The tree becomes one version of the module's IAVL store: the one before the chain's
// initial height, which is at least 2. The version's bytes depend on the records and that
// height alone. So all nodes that start from one genesis have the same application hash,
// if all of them preload. Genesis says that they must: its tree has neither file nor data
// ([types.GenesisTree]), and InitGenesis checks that the store has the tree that genesis
// names.
package preload

import (
	"errors"
	"fmt"
	"io"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

const (
	// The SDK's multistore has each store under this prefix and its name, and the height
	// of the last commit under that key.
	storePrefix = "s/k:%s/"
	latestKey   = "s/latest"

	// A version of IAVL begins to read with a few nodes, and none is read here.
	cacheSize = 100
)

// Tree writes the tree of a stream into the store of that name in the application's
// database, for a chain that begins at initialHeight. The stream must be the one that
// genesis names: want is compared with it, except for file and data.
//
// What an earlier call has left is removed first, so that after an interruption or an
// error the same call does all of it. The chain must not have begun.
//
// It checks the stream, and no hash of the tree: InitGenesis computes all of them.
func Tree(db dbm.DB, store string, initialHeight int64, r io.Reader, want types.GenesisTree) error {
	if initialHeight < 2 {
		return fmt.Errorf("the chain begins at height %d, and the tree is the version of the height before: set initial_height to 2 or more", initialHeight)
	}
	begun, err := db.Has([]byte(latestKey))
	if err != nil {
		return err
	}
	if begun {
		return errors.New("the database has blocks: preload a tree before the node runs, into a new one")
	}
	below := dbm.NewPrefixDB(db, fmt.Appendf(nil, storePrefix, store))
	if err := clear(below); err != nil {
		return err
	}
	in, err := keeper.NewTreeReader(r)
	if err != nil {
		return err
	}
	if in.Records() == 0 {
		return errors.New("the stream has no record: an empty tree needs no preload")
	}
	tree := iavl.NewMutableTree(iavldb.NewWrapper(below), cacheSize, true, iavl.NewNopLogger())
	importer, err := tree.Import(initialHeight - 1)
	if err != nil {
		return err
	}
	defer importer.Close()
	b := &builder{in: in, importer: importer, version: initialHeight - 1}
	if _, _, err := b.subtree(in.Records()); err != nil {
		return err
	}
	if err := in.End(want); err != nil {
		return err
	}
	return importer.Commit()
}

// clear removes all keys, some thousand at once.
func clear(db dbm.DB) error {
	for {
		var keys [][]byte
		for entry, err := range kvshard.Entries(db, nil, nil) {
			if err != nil {
				return err
			}
			if keys = append(keys, entry.Key); len(keys) == 10_000 {
				break
			}
		}
		if len(keys) == 0 {
			return nil
		}
		batch := db.NewBatch()
		for _, key := range keys {
			if err := batch.Delete(key); err != nil {
				return err
			}
		}
		if err := batch.Write(); err != nil {
			return err
		}
		if err := batch.Close(); err != nil {
			return err
		}
	}
}

// A builder makes an IAVL tree of records that come in the order of their keys. It is
// balanced, as IAVL demands: the halves of n leaves differ by one at most.
type builder struct {
	in       *keeper.TreeReader
	importer *iavl.Importer
	version  int64
}

// subtree adds the next n records, and returns their first key and their height.
func (b *builder) subtree(n uint64) (first []byte, height int8, err error) {
	if n == 1 {
		record, err := b.in.Next()
		if err != nil {
			return nil, 0, err
		}
		return record.Key, 0, b.importer.Add(&iavl.ExportNode{Key: record.Key, Value: record.Value, Version: b.version})
	}
	first, left, err := b.subtree(n - n/2)
	if err != nil {
		return nil, 0, err
	}
	middle, right, err := b.subtree(n / 2)
	if err != nil {
		return nil, 0, err
	}
	height = max(left, right) + 1
	return first, height, b.importer.Add(&iavl.ExportNode{Key: middle, Version: b.version, Height: height})
}
