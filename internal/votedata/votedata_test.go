package votedata

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
)

// The stores that must be there, with their leaves and kept checkpoints.
var stores = map[string][2]int{
	"1":                          {1, 1},
	"5":                          {5, 3},
	"16":                         {16, 3},
	"17":                         {17, 3},
	"100":                        {100, 14},
	"1000":                       {1000, 100},
	"3000-in-1500-blocks":        {3000, 1000},
	"2100-checkpoints":           {2100, 1000},
	"checkpoints-without-leaves": {21, 7},
}

// TestStores compares each store's records with what the file says of the store.
func TestStores(t *testing.T) {
	names, err := Names()
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(stores) {
		t.Errorf("there are the stores %q", names)
	}
	for name, want := range stores {
		t.Run(name, func(t *testing.T) {
			s, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			newest := s.Checkpoints[len(s.Checkpoints)-1]
			if newest.Size != uint64(want[0]) || len(s.Checkpoints) != want[1] {
				t.Errorf("%d leaves, %d checkpoints", newest.Size, len(s.Checkpoints))
			}
			checkRecords(t, s)
			checkAnswers(t, s)
		})
	}
}

// checkRecords counts the records by the byte after the prefix, and compares the
// leaves in the shards with the keeper's.
func checkRecords(t *testing.T, s *Store) {
	t.Helper()
	own, kinds, others := map[byte]int{}, map[kvshard.RecordKind]int{}, 0
	var kept, shards [][]byte
	if !slices.IsSortedFunc(s.Records, func(a, b Record) int { return bytes.Compare(a.Key, b.Key) }) {
		t.Error("the records are not in order")
	}
	for _, r := range s.Records {
		key, ours := bytes.CutPrefix(r.Key, s.Prefix)
		name := kvshard.ParseRecordKey(key)
		switch {
		case !ours:
			others++
		case name == kvshard.RecordName{}: // a record of the keeper's module
			own[key[0]]++
			if key[0] == 0x02 {
				kept = append(kept, r.Value)
			}
		default:
			kinds[name.Kind]++
			if name.Kind == kvshard.KindShard {
				shards = append(shards, leavesOf(t, key, r.Value)...)
			}
		}
	}
	size := int(s.Checkpoints[len(s.Checkpoints)-1].Size)
	full := (size + kvshard.LeavesPerShard - 1) / kvshard.LeavesPerShard
	if own[0x02] != size || kinds[kvshard.KindShard] != full || kinds[kvshard.KindCheckpoint] != len(s.Checkpoints) || own[0x06] != 1 || others != 4 {
		t.Errorf("records by kind: %v, %v, %d", own, kinds, others)
	}
	if len(own) != 4 || len(kinds) != 2 || own[0x03] != own[0x08] || own[0x03] == 0 {
		t.Errorf("records by kind: %v, %v", own, kinds)
	}
	if !slices.EqualFunc(kept, shards, bytes.Equal) {
		t.Error("the shards do not hold the keeper's leaves")
	}
}

// leavesOf reads a shard in which all leaves are the tree's.
func leavesOf(t *testing.T, key, value []byte) (leaves [][]byte) {
	t.Helper()
	shard, err := kvshard.Record{Key: key, Value: value}.Shard()
	if err != nil || !shard.Whole {
		t.Fatalf("whole: %v, %v", shard.Whole, err)
	}
	for _, leaf := range shard.Leaves {
		leaves = append(leaves, leaf.Node[:])
	}
	return leaves
}

// checkAnswers compares the paths with the sizes of their checkpoints.
func checkAnswers(t *testing.T, s *Store) {
	t.Helper()
	sizes := map[uint32]uint64{}
	last := uint32(0)
	note := func(c Checkpoint) {
		if c.ID <= last {
			t.Errorf("checkpoint %d after %d", c.ID, last)
		}
		last, sizes[c.ID] = c.ID, c.Size
	}
	paths := slices.Clone(s.Paths)
	for _, c := range s.Checkpoints {
		note(c)
	}
	for _, b := range s.Future {
		note(b.Checkpoint)
		paths = append(paths, b.Paths...)
	}
	for _, p := range paths {
		if p.Position >= sizes[p.Checkpoint] || uint64(binary.LittleEndian.Uint32(p.Bytes[:])) != p.Position {
			t.Errorf("a path of position %d at checkpoint %d", p.Position, p.Checkpoint)
		}
	}
	newest := s.Checkpoints[len(s.Checkpoints)-1]
	all := len(s.AllPaths) == 1 && s.AllPaths[0].Checkpoint == newest.ID
	count := 0
	for _, p := range s.Paths {
		if p.Checkpoint == newest.ID {
			count++
		}
	}
	if !all && count < int(newest.Size) {
		t.Errorf("%d paths at the newest checkpoint", count)
	}
}

// TestDecodeRefuses: a damaged line gives an error that names the line.
func TestDecodeRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"", "0 records"},
		{"prefix 14", "0 records"},
		{"record 14", "line 1"},
		{"record 14 0g", "line 1"},
		{"record 14 00 00", "words too many"},
		{"prefix 14\ncheckpoint 1 1 00", "line 2"},
		{"checkpoint 4294967296 1 " + strings.Repeat("0", 64), "out of range"},
		{"path 1 0 00", "want 772"},
		{"block 1", "line 1"},
		{"blocks 1", "unknown"},
		{"block", "no fields"},
	} {
		if _, err := decode(strings.NewReader(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%q: %v, want %q", c[0], err, c[1])
		}
	}
}
