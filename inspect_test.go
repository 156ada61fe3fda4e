package kvshard

import (
	"errors"
	"testing"
)

func TestParseViolations(t *testing.T) {
	lines := "flags\t0f0000000000000003\tends after 5 bytes\n" +
		"keys\t1399\tno record of the tree: tab\there\n" +
		"summary\t-\tno tip\n" +
		"tip\t13\trecord at key 13 has version 9\n"
	got, err := parseViolations("Check", lines, []byte("p"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Violation{
		{"flags", append([]byte("p"), RecordName{Kind: KindShard, Index: 3}.Key()...), "shard(3)", "ends after 5 bytes"},
		{"keys", []byte("p\x13\x99"), "", "no record of the tree: tab\there"},
		{"summary", nil, "", "no tip"},
		{"tip", []byte("p\x13"), "tip", "the record has version 9"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d violations, want %d", len(got), len(want))
	}
	for i, w := range want {
		var v *Violation
		if !errors.As(got[i], &v) || v.Invariant != w.Invariant || string(v.Key) != string(w.Key) ||
			(v.Key == nil) != (w.Key == nil) || v.Record != w.Record || v.Detail != w.Detail {
			t.Errorf("got %+v, want %+v", v, w)
		}
		if !errors.Is(got[i], ErrCorrupt) {
			t.Errorf("%v does not wrap ErrCorrupt", got[i])
		}
	}
	if want := "kvshard: Check: flags: shard(3) (key 700f0000000000000003) ends after 5 bytes"; got[0].Error() != want {
		t.Errorf("got %q, want %q", got[0], want)
	}
	if err := errors.Join(got...); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v does not wrap ErrCorrupt", err)
	}
}

func TestParseViolationsOfNone(t *testing.T) {
	if got, err := parseViolations("Check", "", nil); len(got) != 0 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParseViolationsRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, lines := range []string{"one field\n", "two\tfields\n", "name\tnot hex\tdetail\n", "\n"} {
		if _, err := parseViolations("Check", lines, nil); !errors.Is(err, ErrInternal) {
			t.Errorf("%q: %v, want ErrInternal", lines, err)
		}
	}
}

func TestSplitKey(t *testing.T) {
	for message, want := range map[string]struct{ key, rest string }{
		"record at key 13 is corrupt: ends early":   {"p\x13", "the record is corrupt: ends early"},
		"record at key 1100000007 has version 9":    {"p\x11\x00\x00\x00\x07", "the record has version 9"},
		"record at key 1 is corrupt: odd":           {"", "record at key 1 is corrupt: odd"},
		"record at key zz is corrupt: no hex":       {"", "record at key zz is corrupt: no hex"},
		"the checkpoints contradict each other":     {"", "the checkpoints contradict each other"},
		"a message with record at key 13 inside it": {"", "a message with record at key 13 inside it"},
		"": {"", ""},
	} {
		key, rest := splitKey(message, []byte("p"))
		if string(key) != want.key || (key == nil) != (want.key == "") || rest != want.rest {
			t.Errorf("%q: key %q, rest %q; want %q, %q", message, key, rest, want.key, want.rest)
		}
	}
}
