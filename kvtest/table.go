package kvtest

import "sort"

// record is one entry of a MemStore. The store reads the strings, which are its own
// copies. The loans are the caller's slices that they came from. They are kept as
// an SDK store would keep them, to see whether the caller changes them.
type record struct {
	key, value         string
	lentKey, lentValue *lent
}

// table holds records in the order of their keys, in chunks of bounded length,
// so that an insertion moves little. No chunk is empty.
type table struct {
	chunks [][]*record
	length int
}

const maxChunk = 256

// place is where a record is in a table; the end is {len(chunks), 0}.
type place struct{ chunk, index int }

// seek returns the place of the first record whose key is at least key.
func (t *table) seek(key string) place {
	c := sort.Search(len(t.chunks), func(i int) bool {
		chunk := t.chunks[i]
		return chunk[len(chunk)-1].key >= key
	})
	if c == len(t.chunks) {
		return place{c, 0}
	}
	chunk := t.chunks[c]
	return place{c, sort.Search(len(chunk), func(i int) bool { return chunk[i].key >= key })}
}

// at returns the record at p, nil at the end.
func (t *table) at(p place) *record {
	if p.chunk == len(t.chunks) {
		return nil
	}
	return t.chunks[p.chunk][p.index]
}

func (t *table) get(key string) *record {
	if r := t.at(t.seek(key)); r != nil && r.key == key {
		return r
	}
	return nil
}

// from returns the first record with a key of at least key, nil if there is none.
func (t *table) from(key string) *record { return t.at(t.seek(key)) }

// after returns the first record with a key above key, nil if there is none.
func (t *table) after(key string) *record { return t.from(key + "\x00") }

// before returns the last record with a key below key, nil if there is none.
func (t *table) before(key string) *record {
	p := t.seek(key)
	if p.index > 0 {
		return t.chunks[p.chunk][p.index-1]
	}
	if p.chunk == 0 {
		return nil
	}
	chunk := t.chunks[p.chunk-1]
	return chunk[len(chunk)-1]
}

// last returns the record with the highest key, nil if the table is empty.
func (t *table) last() *record {
	if len(t.chunks) == 0 {
		return nil
	}
	chunk := t.chunks[len(t.chunks)-1]
	return chunk[len(chunk)-1]
}

// put inserts r, in the place of a record with the same key if there is one.
func (t *table) put(r *record) {
	p := t.seek(r.key)
	if old := t.at(p); old != nil && old.key == r.key {
		t.chunks[p.chunk][p.index] = r
		return
	}
	t.length++
	if len(t.chunks) == 0 {
		t.chunks = [][]*record{{r}}
		return
	}
	if p.chunk == len(t.chunks) { // behind all others
		p.chunk--
		p.index = len(t.chunks[p.chunk])
	}
	chunk := append(t.chunks[p.chunk], nil)
	copy(chunk[p.index+1:], chunk[p.index:])
	chunk[p.index] = r
	t.chunks[p.chunk] = chunk
	if len(chunk) > maxChunk {
		t.split(p.chunk)
	}
}

func (t *table) split(c int) {
	chunk := t.chunks[c]
	half := len(chunk) / 2
	right := append(make([]*record, 0, maxChunk+1), chunk[half:]...)
	clear(chunk[half:])
	t.chunks = append(t.chunks, nil)
	copy(t.chunks[c+2:], t.chunks[c+1:])
	t.chunks[c], t.chunks[c+1] = chunk[:half], right
}

// remove deletes the record with the given key, if there is one.
func (t *table) remove(key string) {
	p := t.seek(key)
	if r := t.at(p); r == nil || r.key != key {
		return
	}
	t.length--
	chunk := t.chunks[p.chunk]
	copy(chunk[p.index:], chunk[p.index+1:])
	chunk[len(chunk)-1] = nil
	chunk = chunk[:len(chunk)-1]
	if len(chunk) > 0 {
		t.chunks[p.chunk] = chunk
		return
	}
	t.chunks = append(t.chunks[:p.chunk], t.chunks[p.chunk+1:]...)
}

// all calls f for each record in the order of the keys.
func (t *table) all(f func(*record)) {
	for _, chunk := range t.chunks {
		for _, r := range chunk {
			f(r)
		}
	}
}
