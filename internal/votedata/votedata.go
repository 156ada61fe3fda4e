// Package votedata decodes testdata/vote: stores that the crate
// vote-commitment-tree wrote, what the crate says of each store, and later blocks.
// testdata/README.md has the format of the files.
//
// A node is 32 bytes, the canonical little-endian encoding of a Pallas base field
// element. Functions check the shape of what they return and compute no hash.
// Every call decodes anew, so the caller owns the result.
package votedata

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/kvshard/kvshard/testdata"
)

// Depth is the depth of the vote chain's tree.
const Depth = 24

// PathBytes is the length of a path: the position, u32 LE, and a sibling a level.
const PathBytes = 4 + 32*Depth

// MaxCheckpoints is how many checkpoints the crate keeps.
const MaxCheckpoints = 1000

// A Store is a store of the vote chain's module, with one round's tree in it.
type Store struct {
	Name        string
	Prefix      []byte       // of the round: 0x14 and the 32 bytes of its id
	Records     []Record     // of the whole store, in the order of the keys
	Checkpoints []Checkpoint // that the store still has, oldest first
	Paths       []Path       // against some of them, all of the newest if AllPaths is empty
	AllPaths    []Digest     // of the newest checkpoint, if it has very many paths
	Future      []Block      // what the crate did afterwards
}

// A Record is a key, with the prefix, and its value.
type Record struct{ Key, Value []byte }

// A Checkpoint is a state of the tree that can be proven against.
type Checkpoint struct {
	ID   uint32 // the height of a block
	Size uint64 // leaves
	Root [32]byte
}

// A Path proves a leaf against a checkpoint.
type Path struct {
	Checkpoint uint32
	Position   uint64
	Bytes      [PathBytes]byte
}

// A Digest is the SHA-256 of all paths of a checkpoint, in the order of the
// positions.
type Digest struct {
	Checkpoint uint32
	SHA256     [32]byte
}

// A Block appends leaves and makes a checkpoint.
type Block struct {
	Checkpoint
	Leaves [][32]byte
	Paths  []Path // against this checkpoint
}

// Names returns the names of the stores.
func Names() ([]string, error) {
	files, err := testdata.Vote.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(file.Name(), suffix)
	}
	return names, nil
}

const (
	dir    = "vote/v1"
	suffix = ".txt.gz"
)

// Load returns the store of that name.
func Load(name string) (*Store, error) {
	data, err := testdata.Vote.ReadFile(dir + "/" + name + suffix)
	if err != nil {
		return nil, err
	}
	text, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("vote store %s: %w", name, err)
	}
	s, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("vote store %s: %w", name, err)
	}
	s.Name = name
	return s, nil
}

func decode(text io.Reader) (*Store, error) {
	s := new(Store)
	lines := bufio.NewScanner(text)
	for n := 1; lines.Scan(); n++ {
		if err := s.line(strings.Fields(lines.Text())); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return s, s.check()
}

// line reads one line: a word that says what the line is, and its fields.
func (s *Store) line(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("%q has no fields", words)
	}
	f := fields{words: words[1:]}
	switch words[0] {
	case "prefix":
		s.Prefix = f.bytes()
	case "record":
		s.Records = append(s.Records, Record{f.bytes(), f.bytes()})
	case "checkpoint":
		s.Checkpoints = append(s.Checkpoints, Checkpoint{f.id(), f.number(64), f.node()})
	case "path":
		path := Path{Checkpoint: f.id(), Position: f.number(32)}
		f.fill(path.Bytes[:])
		if last := len(s.Future) - 1; last >= 0 {
			s.Future[last].Paths = append(s.Future[last].Paths, path)
		} else {
			s.Paths = append(s.Paths, path)
		}
	case "paths":
		s.AllPaths = append(s.AllPaths, Digest{f.id(), f.node()})
	case "block":
		block := Block{Checkpoint: Checkpoint{ID: f.id(), Root: f.node()}}
		for len(f.words) > 0 && f.err == nil {
			block.Leaves = append(block.Leaves, f.node())
		}
		block.Size = s.size() + uint64(len(block.Leaves))
		s.Future = append(s.Future, block)
	default:
		return fmt.Errorf("unknown %q", words[0])
	}
	return f.end()
}

// size returns the number of leaves after what was read so far.
func (s *Store) size() uint64 {
	switch {
	case len(s.Future) > 0:
		return s.Future[len(s.Future)-1].Size
	case len(s.Checkpoints) > 0:
		return s.Checkpoints[len(s.Checkpoints)-1].Size
	}
	return 0
}

// check refuses a store that lacks something.
func (s *Store) check() error {
	switch {
	case len(s.Prefix) != 33 || len(s.Records) == 0 || len(s.Checkpoints) == 0 || len(s.Checkpoints) > MaxCheckpoints:
		return fmt.Errorf("a prefix of %d bytes, %d records, %d checkpoints", len(s.Prefix), len(s.Records), len(s.Checkpoints))
	case len(s.Paths) == 0 || len(s.Future) != 100:
		return fmt.Errorf("%d paths, %d later blocks", len(s.Paths), len(s.Future))
	}
	return nil
}

// fields are the words of a line after the first. err keeps the first error.
type fields struct {
	words []string
	err   error
}

func (f *fields) next() string {
	if len(f.words) == 0 {
		if f.err == nil {
			f.err = io.ErrUnexpectedEOF
		}
		return ""
	}
	word := f.words[0]
	f.words = f.words[1:]
	return word
}

func (f *fields) bytes() []byte {
	data, err := hex.DecodeString(f.next())
	if err != nil && f.err == nil {
		f.err = err
	}
	return data
}

func (f *fields) fill(out []byte) {
	if data := f.bytes(); copy(out, data) != len(out) || len(data) != len(out) {
		if f.err == nil {
			f.err = fmt.Errorf("%d bytes, want %d", len(data), len(out))
		}
	}
}

func (f *fields) node() (node [32]byte) {
	f.fill(node[:])
	return node
}

func (f *fields) number(bits int) uint64 {
	number, err := strconv.ParseUint(f.next(), 10, bits)
	if err != nil && f.err == nil {
		f.err = err
	}
	return number
}

func (f *fields) id() uint32 { return uint32(f.number(32)) }

func (f *fields) end() error {
	if f.err == nil && len(f.words) > 0 {
		return fmt.Errorf("%d words too many", len(f.words))
	}
	return f.err
}
