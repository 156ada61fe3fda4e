package source

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/schemes"
	"github.com/kvshard/kvshard/internal/strict"
)

// The files of a tree's directory. With the config, the tree is there.
const (
	ConfigName   = "kvshard.json"
	DatabaseName = "tree.db"
)

// A Config has the options of the tree in a directory. Options are not stored with the
// tree; every writer must use the same ones.
type Config struct {
	Version        int    `json:"version"`
	Backend        string `json:"backend"`
	Prefix         string `json:"prefix"`
	MaxCheckpoints uint32 `json:"max_checkpoints"`
	Retention      string `json:"retention"`
	// Scheme is the scheme's name; "" for Orchard's.
	Scheme string `json:"scheme,omitempty"`
}

func (c Config) options() ([]kvshard.Option, error) {
	scheme, err := schemes.ByName(c.Scheme)
	if err != nil {
		return nil, err
	}
	prefix, err := hex.DecodeString(c.Prefix)
	if err != nil {
		return nil, exit.Usagef("prefix %q: %w", c.Prefix, err)
	}
	retention := kvshard.Marked
	switch c.Retention {
	case "marked":
	case "ephemeral":
		retention = kvshard.Ephemeral
	default:
		return nil, exit.Usagef("retention %q: it is marked or ephemeral", c.Retention)
	}
	return append(scheme.Options(),
		kvshard.WithPrefix(prefix), kvshard.WithRetention(retention), kvshard.WithMaxCheckpoints(c.MaxCheckpoints)), nil
}

// Check refuses what no tree can be opened with.
func (c Config) Check() error {
	if err := disk.CheckBackend(c.Backend); err != nil {
		return exit.Usagef("%w", err)
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	if _, err := kvshard.Open(dbm.NewMemDB(), options...); err != nil {
		return exit.Usagef("%w", err)
	}
	return nil
}

func readConfig(dir string) (Config, error) {
	const hint = "make a tree with \"kvshard init --dir DIR\", or read another program's database with --db"
	text, err := os.ReadFile(filepath.Join(dir, ConfigName))
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, exit.Errorf(exit.Store, hint, "there is no tree in %s", dir)
	}
	if err != nil {
		return Config{}, exit.Errorf(exit.Store, "", "%w", err)
	}
	var c Config
	if err := strict.Decode(text, &c); err != nil {
		return Config{}, exit.Errorf(exit.Store, "", "%s: %w", filepath.Join(dir, ConfigName), err)
	}
	if c.Version != 1 {
		return Config{}, exit.Errorf(exit.Store, "take a newer kvshard", "%s: unknown version %d", filepath.Join(dir, ConfigName), c.Version)
	}
	if err := c.Check(); err != nil {
		return Config{}, exit.Errorf(exit.Store, "", "%s: %w", filepath.Join(dir, ConfigName), err)
	}
	return c, nil
}

func writeConfig(dir string, c Config) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return WriteBeside(dir, ConfigName, append(text, '\n'))
}

// WriteBeside writes a file of a tree's directory, whole or not at all.
func WriteBeside(dir, name string, text []byte) error {
	path := filepath.Join(dir, name)
	return disk.Failed(path, disk.ReplaceText(path, text))
}
