package kvshard_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

var recordsPrefix = []byte{0xFF, 0xFF} // which no other is behind

// withAllKinds returns a strict store with a tree under recordsPrefix that has a
// record of each kind, and other keys around it.
func withAllKinds(t *testing.T) *kvtest.MemStore {
	t.Helper()
	mem := kvtest.Strict(t)
	for _, other := range []string{"\xFF\x0f", "\xFF\xFF", "\xFF\xFF\x0e", "\xFF\xFF\x16\x01", "\xFF\xFF\xFF\x0f"} {
		mem.Put([]byte(other), []byte{1})
	}
	ephemeral := treetest.Open(t, mem, kvshard.WithPrefix(recordsPrefix), kvshard.WithRetention(kvshard.Ephemeral))
	tree := treetest.Open(t, mem, kvshard.WithPrefix(recordsPrefix))
	must(ephemeral.AppendBatch(treetest.LeavesAt(0, 100)))
	for _, err := range []error{
		ephemeral.Checkpoint(3), ephemeral.RetainCheckpoint(3),
		discard(tree.AppendBatch(treetest.LeavesAt(100, 101))), tree.Checkpoint(4),
		discard(tree.RemoveMark(150, 4)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return mem
}

func discard[T any](_ T, err error) error { return err }

// listed reads all records.
func listed(kv store.KVStore, opts ...kvshard.Option) (records []kvshard.Record, err error) {
	for r, err := range kvshard.Records(kv, opts...) {
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	return records, nil
}

// TestRecords: every record of the tree is there once, in order, under its name, and
// says what the tree says.
func TestRecords(t *testing.T) {
	mem := withAllKinds(t)
	prefix := kvshard.WithPrefix(recordsPrefix)
	tree := treetest.Open(t, mem, prefix)
	kinds, before := map[kvshard.RecordKind]int{}, []byte(nil)
	marked := 0
	for r, err := range kvshard.Records(mem, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Compare(before, r.Key) >= 0 || r.Name().String() == "" || !bytes.Equal(r.Name().Key(), r.Key) {
			t.Errorf("key %x, %q, after %x", r.Key, r.Name(), before)
		}
		if got := mem.Peek(append(bytes.Clone(recordsPrefix), r.Key...)); !bytes.Equal(got, r.Value) {
			t.Errorf("%s: %x, and the store has %x", r.Name(), r.Value, got)
		}
		before = r.Key
		kinds[r.Name().Kind]++
		switch r.Name().Kind {
		case kvshard.KindShard:
			shard := must(r.Shard())
			if shard.Whole != (shard.Index > 6) || shard.Index != r.Name().Index {
				t.Errorf("%s: %d, whole: %v", r.Name(), shard.Index, shard.Whole)
			}
			for _, leaf := range shard.Leaves {
				if leaf.Node != treetest.LeafAt(leaf.Position) || leaf.Marked != (leaf.Position >= 100) || leaf.Position/kvshard.LeavesPerShard != shard.Index {
					t.Errorf("%s: %+v", r.Name(), leaf)
				}
				if leaf.Marked {
					marked++
				}
			}
		case kvshard.KindCheckpoint:
			c := must(r.Checkpoint())
			if size := must(tree.SizeAt(c.ID)); c.Size != size || c.RemovedMarks != nil || c.ID != r.Name().Checkpoint {
				t.Errorf("%s: %+v, size %d", r.Name(), c, size)
			}
		case kvshard.KindTip:
			if tip := must(r.Tip()); tip != (kvshard.TipRecord{Size: 201, NewestMarked: true, Scheme: tip.Scheme}) || (tip.Scheme != [8]byte{}) != treetest.InGo {
				t.Errorf("%+v", tip)
			}
		}
	}
	if marked != 101 {
		t.Errorf("%d leaves are marked, want 101", marked)
	}
	for _, kind := range kvshard.RecordKinds() {
		if kinds[kind] == 0 {
			t.Errorf("no %s was seen", kind)
		}
	}
	if len(kinds) != len(kvshard.RecordKinds()) {
		t.Errorf("there are %v", kinds)
	}
}

// TestRecordsOfATreeWithAnOrigin: the tip tells where a tree began.
func TestRecordsOfATreeWithAnOrigin(t *testing.T) {
	first, mem := treetest.Open(t, kvtest.Strict(t)), kvtest.Strict(t)
	must(first.AppendBatch(treetest.LeavesAt(0, 100)))
	if err := treetest.Open(t, mem).InsertFrontier(must(first.Frontier()), 1); err != nil {
		t.Fatal(err)
	}
	tip, _, err := kvshard.ReadRecord(mem, kvshard.RecordName{Kind: kvshard.KindTip})
	if got := must(tip.Tip()); err != nil || got.Origin != 96 || got.Size != 100 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestUnknownRecords: a key in the tree's range that is none of its keys is there,
// without a name.
func TestUnknownRecords(t *testing.T) {
	mem := kvtest.NewMemStore()
	mem.Put([]byte("\x0fmine"), []byte("m"))
	records, err := listed(mem)
	if err != nil || len(records) != 1 || string(records[0].Key) != "\x0fmine" || records[0].Name() != (kvshard.RecordName{}) {
		t.Errorf("%+v, %v", records, err)
	}
}

// An endStore's iterators report an error when they are exhausted, as the SDK's do,
// or do not come to their end, or leave their range.
type endStore struct {
	store.KVStore
	err    error
	repeat bool
}

type endIterator struct {
	store.Iterator
	from endStore
}

func (s endStore) Iterator(start, end []byte) (store.Iterator, error) {
	it, err := s.KVStore.Iterator(start, end)
	return endIterator{it, s}, err
}

func (it endIterator) Next() {
	if !it.from.repeat {
		it.Iterator.Next()
	}
}

func (it endIterator) Error() error {
	if !it.Valid() {
		return it.from.err
	}
	return nil
}

// TestRecordsEndsOfIterators: the regular end is one, however the store puts it, and
// no failure looks like it.
func TestRecordsEndsOfIterators(t *testing.T) {
	mem := withAllKinds(t)
	all := must(listed(mem, kvshard.WithPrefix(recordsPrefix)))
	for _, text := range []string{"invalid cacheMergeIterator", "invalid prefixIterator", "invalid memIterator"} {
		records, err := listed(endStore{KVStore: mem, err: errors.New(text)}, kvshard.WithPrefix(recordsPrefix))
		if err != nil || len(records) != len(all) {
			t.Errorf("%s: %d records of %d, %v", text, len(records), len(all), err)
		}
	}
	disk := errors.New("disk")
	if records, err := listed(endStore{KVStore: mem, err: disk}, kvshard.WithPrefix(recordsPrefix)); !errors.Is(err, disk) || !errors.Is(err, kvshard.ErrStore) || len(records) != len(all) {
		t.Errorf("%d records of %d, %v", len(records), len(all), err)
	}
	if _, err := listed(endStore{KVStore: mem, repeat: true}, kvshard.WithPrefix(recordsPrefix)); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("an iterator that stays where it is: %v", err)
	}
}

// TestRecordsFail: whichever operation of the listing fails, in whatever way, the
// error or the panic comes out as itself, and no iterator stays open.
func TestRecordsFail(t *testing.T) {
	mem := withAllKinds(t)
	prefix := kvshard.WithPrefix(recordsPrefix)
	all := must(listed(mem, prefix))
	for _, mode := range []kvtest.FaultMode{kvtest.FaultError, kvtest.FaultBreak, kvtest.FaultPanic} {
		for at := 1; ; at++ {
			cause := fmt.Errorf("the store's own, %d", at)
			faulty := kvtest.NewFaultStore(mem, kvtest.Fault{At: at, Mode: mode, Err: cause, Panic: cause})
			var records []kvshard.Record
			var err error
			value, panicked := treetest.Recovered(func() { records, err = listed(faulty, prefix) })
			if !faulty.Fired() {
				if at < len(all) {
					t.Errorf("only %d faults of %d records", at, len(all))
				}
				break
			}
			if mode == kvtest.FaultPanic {
				if !panicked || value != cause {
					t.Errorf("%s: panic %v, want the identical value", faulty, value)
				}
			} else if panicked || !errors.Is(err, cause) || !errors.Is(err, kvshard.ErrStore) {
				t.Errorf("%s: %d records, %v", faulty, len(records), err)
			}
			for i, r := range records {
				if !bytes.Equal(r.Key, all[i].Key) || !bytes.Equal(r.Value, all[i].Value) {
					t.Errorf("%s: record %d is %x", faulty, i, r.Key)
				}
			}
			if open := mem.OpenIterators(); open != 0 {
				t.Fatalf("%s: %d iterators are open", faulty, open)
			}
		}
	}
}

// TestRecordsLeft: a loop that is left, by break or by a panic, takes no further step
// and leaves no iterator open; the observer is told what was done.
func TestRecordsLeft(t *testing.T) {
	mem := withAllKinds(t)
	prefix := kvshard.WithPrefix(recordsPrefix)
	all := must(listed(mem, prefix))
	for _, n := range []int{1, 2, len(all), len(all) + 1} {
		trace := kvtest.NewTraceStore(mem)
		var told []kvshard.Stats
		seen := 0
		for _, err := range kvshard.Records(trace, prefix, kvshard.WithObserver(func(s kvshard.Stats) {
			if mem.OpenIterators() != 0 {
				t.Error("the observer runs under an open iterator")
			}
			told = append(told, s)
		})) {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; seen == n {
				break
			}
		}
		counts := trace.Counts()
		if counts.IterCreates != 1 || int(counts.IterNexts) != min(n-1, len(all)) || mem.OpenIterators() != 0 {
			t.Errorf("left after %d of %d: %+v, %d iterators are open", n, len(all), counts, mem.OpenIterators())
		}
		if len(told) != 1 || told[0].Op != "Records" || told[0].IterCreates != uint64(counts.IterCreates) || told[0].IterNexts != uint64(counts.IterNexts) {
			t.Errorf("left after %d: told %+v, and it was %+v", n, told, counts)
		}
	}
	value, _ := treetest.Recovered(func() {
		for range kvshard.Records(mem, prefix) {
			panic("the loop's own")
		}
	})
	if value != "the loop's own" || mem.OpenIterators() != 0 {
		t.Errorf("panic %v, %d iterators are open", value, mem.OpenIterators())
	}
	// A panic of Close does not take the place of the loop's.
	value, _ = treetest.Recovered(func() {
		closing := func(kind kvtest.OpKind, _ []byte) bool { return kind == kvtest.OpClose }
		faulty := kvtest.NewFaultStore(mem, kvtest.Fault{At: 1, Mode: kvtest.FaultPanic, Match: closing})
		for range kvshard.Records(faulty, prefix) {
			panic("the loop's own")
		}
	})
	if value != "the loop's own" {
		t.Errorf("panic %v", value)
	}
}

// TestRecordsAreTheCallers: what was yielded may be kept and changed.
func TestRecordsAreTheCallers(t *testing.T) {
	mem := withAllKinds(t)
	prefix := kvshard.WithPrefix(recordsPrefix)
	before := mem.Clone()
	for r, err := range kvshard.Records(mem, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		clear(r.Key)
		clear(r.Value)
	}
	if !before.Equal(mem) {
		t.Error(before.Diff(mem))
	}
}

// TestRecordsMoveATree: records that are written into another store, under another
// prefix, are the tree, and are read there by name.
func TestRecordsMoveATree(t *testing.T) {
	mem, other := withAllKinds(t), kvtest.NewMemStore()
	from, to := kvshard.WithPrefix(recordsPrefix), kvshard.WithPrefix([]byte("p"))
	for r, err := range kvshard.Records(mem, from) {
		if err != nil {
			t.Fatal(err)
		}
		var told kvshard.Stats
		if err := kvshard.WriteRecord(other, r, to, kvshard.WithObserver(func(s kvshard.Stats) { told = s })); err != nil {
			t.Fatal(err)
		}
		if told.Op != "WriteRecord" || told.Sets != 1 || told.BytesWritten != uint64(1+len(r.Key)+len(r.Value)) {
			t.Errorf("%+v", told)
		}
		got, found, err := kvshard.ReadRecord(other, r.Name(), to)
		if err != nil || !found || !bytes.Equal(got.Value, r.Value) || !bytes.Equal(got.Key, r.Key) {
			t.Errorf("%s: %x, %v, %v", r.Name(), got.Value, found, err)
		}
		clear(r.Value)
		clear(got.Value)
	}
	copied := treetest.Open(t, other, to)
	if err := copied.Check(); err != nil {
		t.Error(err)
	}
	if must(copied.Root()) != must(treetest.Open(t, mem, from).Root()) {
		t.Error("another root")
	}
	if _, found, err := kvshard.ReadRecord(other, kvshard.RecordName{Kind: kvshard.KindShard, Index: 99}, to); found || err != nil {
		t.Errorf("a shard that is not there: %v, %v", found, err)
	}
}

// TestRecordsRefuse: what is no store, option, name or record is an error, and nothing
// is written.
func TestRecordsRefuse(t *testing.T) {
	mem := kvtest.Strict(t)
	tip := kvshard.Record{Key: kvshard.RecordName{Kind: kvshard.KindTip}.Key(), Value: []byte{1}}
	bad := kvshard.WithMaxCheckpoints(0)
	for what, c := range map[string]struct {
		err  error
		kind error
	}{
		"no store to list":   {discard(listed(nil)), kvshard.ErrStore},
		"no store to read":   {third(kvshard.ReadRecord(nil, tip.Name())), kvshard.ErrStore},
		"no store to write":  {kvshard.WriteRecord((*kvtest.MemStore)(nil), tip), kvshard.ErrStore},
		"an option to list":  {discard(listed(mem, bad)), kvshard.ErrInvalidArgument},
		"an option to read":  {third(kvshard.ReadRecord(mem, tip.Name(), bad)), kvshard.ErrInvalidArgument},
		"an option to write": {kvshard.WriteRecord(mem, tip, bad), kvshard.ErrInvalidArgument},
		"a name":             {third(kvshard.ReadRecord(mem, kvshard.RecordName{})), kvshard.ErrInvalidArgument},
		"a key":              {kvshard.WriteRecord(mem, kvshard.Record{Key: []byte("k"), Value: []byte{1}}), kvshard.ErrInvalidArgument},
		"no value":           {kvshard.WriteRecord(mem, kvshard.Record{Key: tip.Key}), kvshard.ErrInvalidArgument},
		"another kind":       {discard(tip.Shard()), kvshard.ErrInvalidArgument},
		"no checkpoint":      {discard(tip.Checkpoint()), kvshard.ErrInvalidArgument},
		"no tip":             {discard(kvshard.Record{Key: []byte("k")}.Tip()), kvshard.ErrInvalidArgument},
		"a short tip":        {discard(tip.Tip()), kvshard.ErrCorrupt},
		"another version":    {discard(kvshard.Record{Key: tip.Key, Value: []byte{9}}.Tip()), kvshard.ErrUnsupportedVersion},
	} {
		var e *kvshard.Error
		if !errors.As(c.err, &e) || e.Kind != c.kind || e.Op == "" {
			t.Errorf("%s: %v, want %v", what, c.err, c.kind)
		}
	}
	faulty := func() store.KVStore { return kvtest.NewFaultStore(mem, kvtest.Fault{At: 1}) }
	for what, err := range map[string]error{
		"read":  third(kvshard.ReadRecord(faulty(), tip.Name())),
		"write": kvshard.WriteRecord(faulty(), tip),
	} {
		if !errors.Is(err, kvtest.ErrInjected) || !errors.Is(err, kvshard.ErrStore) {
			t.Errorf("%s: %v, want the store's own", what, err)
		}
	}
	if mem.Len() != 0 {
		t.Errorf("%d records were written", mem.Len())
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }

// TestRecordValues reads the frozen records of testdata/format/v1, and every way in
// which one bit of them can be wrong, or their end be missing.
func TestRecordValues(t *testing.T) {
	files, err := filepath.Glob("testdata/format/v1/*.hex")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	read := map[string]int{}
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".hex")
		value, err := hex.DecodeString(strings.TrimSpace(string(must(os.ReadFile(file)))))
		if err != nil {
			t.Fatal(file, err)
		}
		kind, _, _ := strings.Cut(base, "-")
		var decode func(value []byte) (string, error)
		switch kind {
		case "shard":
			decode = func(value []byte) (string, error) {
				s, err := kvshard.Record{Key: kvshard.RecordName{Kind: kvshard.KindShard, Index: 2}.Key(), Value: value}.Shard()
				var positions []uint64
				marked := 0
				for _, leaf := range s.Leaves {
					positions = append(positions, leaf.Position)
					if leaf.Marked {
						marked++
					}
				}
				return fmt.Sprintf("%d, %d marked, whole %v", positions, marked, s.Whole), err
			}
		case "checkpoint":
			decode = func(value []byte) (string, error) {
				c, err := kvshard.Record{Key: kvshard.RecordName{Kind: kvshard.KindCheckpoint, Checkpoint: 7}.Key(), Value: value}.Checkpoint()
				return fmt.Sprintf("%+v", c), err
			}
		case "tip":
			decode = func(value []byte) (string, error) {
				tip, err := kvshard.Record{Key: kvshard.RecordName{Kind: kvshard.KindTip}.Key(), Value: value}.Tip()
				return fmt.Sprintf("%+v", tip), err
			}
		default:
			continue
		}
		read[kind]++
		got, err := decode(value)
		if want := wantedValues[base]; err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", base, got, err, want)
		}
		for n := range value {
			if _, err := decode(value[:n]); kind != "tip" && !errors.Is(err, kvshard.ErrCorrupt) {
				t.Errorf("%s, cut at %d: %v", base, n, err)
			}
			for bit := range 8 {
				other := bytes.Clone(value)
				other[n] ^= 1 << bit
				if _, err := decode(other); err != nil && !errors.Is(err, kvshard.ErrCorrupt) && !errors.Is(err, kvshard.ErrUnsupportedVersion) {
					t.Errorf("%s, bit %d of byte %d: %v", base, bit, n, err)
				}
			}
		}
		if _, err := decode(append(bytes.Clone(value), 0)); kind != "tip" && !errors.Is(err, kvshard.ErrCorrupt) {
			t.Errorf("%s, a byte too many: %v", base, err)
		}
	}
	if read["shard"] < 6 || read["checkpoint"] < 3 || read["tip"] < 3 {
		t.Errorf("there are only %v", read)
	}
}

var wantedValues = map[string]string{
	"shard-full-marked":                             "[32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47], 16 marked, whole true",
	"shard-partial-marked-12":                       "[32 33 34 35 36 37 38 39 40 41 42 43], 12 marked, whole true",
	"shard-full-ephemeral-checkpoint-at-5":          "[36 37], 0 marked, whole false",
	"shard-full-ephemeral-one-marked":               "[36 37], 1 marked, whole false",
	"shard-partial-ephemeral-checkpoint-and-newest": "[34 35 36], 0 marked, whole false",
	"shard-started":                                 "[46 47], 1 marked, whole false",
	"checkpoint-at-5":                               "{ID:7 Size:5 RemovedMarks:[]}",
	"checkpoint-empty-tree":                         "{ID:7 Size:0 RemovedMarks:[]}",
	"checkpoint-with-removed-marks":                 "{ID:7 Size:150 RemovedMarks:[3 149]}",
	"tip-300-leaves":                                "{Size:300 Origin:0 NewestMarked:true Scheme:[0 0 0 0 0 0 0 0]}",
	"tip-newest-not-marked":                         "{Size:37 Origin:0 NewestMarked:false Scheme:[0 0 0 0 0 0 0 0]}",
	"tip-of-a-vote-tree":                            "{Size:20 Origin:0 NewestMarked:true Scheme:[103 235 60 21 202 154 36 96]}",
	"tip-of-a-vote-tree-started":                    "{Size:53 Origin:32 NewestMarked:true Scheme:[103 235 60 21 202 154 36 96]}",
	"tip-started":                                   "{Size:5000300 Origin:4999984 NewestMarked:true Scheme:[0 0 0 0 0 0 0 0]}",
}

// TestTipOfAnotherScheme: the tip names the scheme behind size and origin, and what a
// further flag adds to it does not keep these from being read.
func TestTipOfAnotherScheme(t *testing.T) {
	key := kvshard.RecordName{Kind: kvshard.KindTip}.Key()
	size, origin := "\x28\x00\x00\x00\x00\x00\x00\x00", "\x20\x00\x00\x00\x00\x00\x00\x00"
	named := [8]byte([]byte("scheme 1"))
	for value, want := range map[string]kvshard.TipRecord{
		"\x01\x06" + size + origin + "scheme 1 and nodes": {Size: 40, Origin: 32, Scheme: named},
		"\x01\x05" + size + "scheme 1":                    {Size: 40, NewestMarked: true, Scheme: named},
		"\x01\x0c" + size + "scheme 1 and more":           {Size: 40, Scheme: named},
		"\x01\x02" + size + origin + "scheme 1":           {Size: 40, Origin: 32},
	} {
		if tip, err := (kvshard.Record{Key: key, Value: []byte(value)}).Tip(); err != nil || tip != want {
			t.Errorf("%q: %+v, %v", value, tip, err)
		}
	}
	cut := []byte("\x01\x04" + size + "scheme")
	if _, err := (kvshard.Record{Key: key, Value: cut}).Tip(); !errors.Is(err, kvshard.ErrCorrupt) {
		t.Errorf("a fingerprint that is cut: %v", err)
	}
}

// TestEntries: a range of any keys, with the same care.
func TestEntries(t *testing.T) {
	mem := kvtest.Strict(t)
	for _, key := range []string{"a", "b", "c", "d"} {
		mem.Put([]byte(key), []byte{})
	}
	for _, c := range []struct{ start, end, want string }{{"", "", "abcd"}, {"b", "", "bcd"}, {"", "c", "ab"}, {"b", "d", "bc"}} {
		var keys []string
		for e, err := range kvshard.Entries(endStore{KVStore: mem, err: errors.New("invalid memIterator")}, []byte(c.start), []byte(c.end)) {
			if err != nil || e.Value == nil {
				t.Errorf("%s: %q, %v", e.Key, e.Value, err)
			}
			keys = append(keys, string(e.Key))
			clear(e.Key)
		}
		if got := strings.Join(keys, ""); got != c.want {
			t.Errorf("from %q to %q: %s, want %s", c.start, c.end, got, c.want)
		}
	}
	disk := errors.New("disk")
	var failed []error
	for _, err := range kvshard.Entries(endStore{KVStore: mem, err: disk}, nil, nil) {
		failed = append(failed, err)
	}
	if i := slices.IndexFunc(failed, func(err error) bool { return err != nil }); i != 4 || len(failed) != 5 || !errors.Is(failed[4], disk) {
		t.Errorf("%v, want the store's own error last", failed)
	}
	for e, err := range kvshard.Entries(nil, nil, nil) {
		if e.Key != nil || !errors.Is(err, kvshard.ErrStore) {
			t.Errorf("no store: %q, %v", e.Key, err)
		}
	}
}

// xorHasher is no hash, and cheap.
type xorHasher struct{}

func (xorHasher) Canonical(hashtree.Node) bool { return true }

func (xorHasher) CombineBatch(level int, children, parents []hashtree.Node) error {
	for i := range parents {
		for j := range parents[i] {
			parents[i][j] = children[2*i][j] ^ children[2*i+1][j]<<1 ^ byte(level)
		}
	}
	return nil
}

// TestRecordsOfOtherSchemes: the records of a tree of another hash and depth are read
// and moved as those of Orchard's, also where the whole tree is less than a shard.
func TestRecordsOfOtherSchemes(t *testing.T) {
	for _, c := range []struct {
		depth, leaves int
	}{{1, 2}, {2, 3}, {3, 8}, {4, 16}, {7, 100}, {24, 300}} {
		scheme := must(hashtree.NewScheme("xor", c.depth, hashtree.Node{9}, xorHasher{}))
		mem, other := kvtest.Strict(t), kvtest.NewMemStore()
		tree := must(hashtree.Open(mem, scheme))
		var leaves []hashtree.Node
		for i := range c.leaves {
			leaves = append(leaves, hashtree.Node{byte(i), byte(i >> 8), 31: 0xFF}) // not below Orchard's modulus
		}
		must(tree.AppendBatch(leaves))
		if err := tree.Checkpoint(5); err != nil {
			t.Fatal(err)
		}
		position := uint64(0)
		for r, err := range kvshard.Records(mem) {
			if err == nil {
				err = kvshard.WriteRecord(other, r)
			}
			if err != nil {
				t.Fatal(err)
			}
			switch r.Name().Kind {
			case kvshard.KindShard:
				shard := must(r.Shard())
				for _, leaf := range shard.Leaves {
					if leaf.Position != position || hashtree.Node(leaf.Node) != leaves[position] || !leaf.Marked {
						t.Errorf("depth %d: %+v at %d", c.depth, leaf, position)
					}
					position++
				}
				if !shard.Whole {
					t.Errorf("depth %d: %s is not whole", c.depth, r.Name())
				}
			case kvshard.KindTip:
				if tip := must(r.Tip()); tip.Size != uint64(c.leaves) || tip.Origin != 0 || !tip.NewestMarked {
					t.Errorf("depth %d: %+v", c.depth, tip)
				}
			case kvshard.KindCheckpoint:
				if at := must(r.Checkpoint()); at.Size != uint64(c.leaves) {
					t.Errorf("depth %d: %+v", c.depth, at)
				}
			case 0:
				t.Errorf("depth %d: %x has no name", c.depth, r.Key)
			}
		}
		copied := must(hashtree.Open(other, scheme))
		if err := copied.Check(); err != nil || position != uint64(c.leaves) || must(copied.Root()) != must(tree.Root()) {
			t.Errorf("depth %d: %d leaves, %v", c.depth, position, err)
		}
	}
}
