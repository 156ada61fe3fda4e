package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/stream"
)

// progressKey is not one of the tree's keys: its first byte is not that of the prefix,
// or of any record.
func (j *importJob) progressKey() []byte {
	first := byte('i')
	if len(j.s.Prefix) > 0 && j.s.Prefix[0] == first {
		first++
	}
	return append([]byte{first}, "mport"...)
}

// A recordImport writes the records of a stream in batches. Each batch also says how
// many records there are by then.
type recordImport struct {
	*importJob
	progress *progress
	there    uint64 // records that an earlier run wrote
	read     uint64 // from the stream
	pending  []kvshard.Record
	bytes    int // of these
}

// records writes the records, and compares those of an earlier run.
func (j *importJob) records() error {
	r := &recordImport{importJob: j, progress: j.e.newProgress("import", "records", int64(j.stream.Header.Records), 0)}
	defer r.progress.end()
	if raw, err := j.s.DB.Get(j.progressKey()); err != nil {
		return err
	} else if len(raw) == 8 {
		r.there = binary.LittleEndian.Uint64(raw)
	}
	for {
		next, err := j.stream.Next()
		switch {
		case errors.Is(err, io.EOF):
			return r.flush()
		case errors.Is(err, stream.ErrCut):
			return cmp.Or(r.flush(), err) // to go on from here
		case err != nil:
			return err
		}
		if err := r.take(*next.Record); err != nil {
			return err
		}
	}
}

// take compares a record with the one that is there, or keeps it for the next batch.
func (r *recordImport) take(next kvshard.Record) error {
	r.read++
	if r.read <= r.there {
		r.progress.add(1)
		return r.compare(next)
	}
	const most, mostBytes = 4096, 4 << 20
	r.pending = append(r.pending, next)
	r.bytes += len(next.Key) + len(next.Value)
	if len(r.pending) == most || r.bytes >= mostBytes {
		return r.flush()
	}
	return nil
}

// compare refuses a record that is not the one that an earlier run wrote.
func (r *recordImport) compare(next kvshard.Record) error {
	there, _, err := kvshard.ReadRecord(r.s.DB, next.Name(), r.s.Options...)
	if err == nil && !bytes.Equal(there.Value, next.Value) {
		err = badStream(nil, "%s is another one than when the import was begun", next.Name())
	}
	return err
}

// flush writes what is pending.
func (r *recordImport) flush() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	err := r.s.Commit(func(kv store.KVStore) error {
		for _, one := range r.pending {
			if err := kvshard.WriteRecord(kv, one, r.s.Options...); err != nil {
				return err
			}
		}
		return kv.Set(r.progressKey(), binary.LittleEndian.AppendUint64(nil, r.read))
	})
	if err != nil {
		return err
	}
	r.progress.add(int64(len(r.pending)))
	clear(r.pending)
	r.pending, r.bytes = r.pending[:0], 0
	return nil
}
