package kvtest

import "fmt"

// Counts says how many operations reached a store, including failed ones, and how
// many bytes the successful ones moved.
type Counts struct {
	Gets, Has, Sets, Deletes uint64
	IterCreates              uint64 // Iterator and ReverseIterator
	IterNexts                uint64 // Iterator.Next

	// BytesRead counts what gas counts: the key and the value of each Get (the
	// key alone if the record is absent), and what the caller read of each record
	// at which an iterator stood: key, value or both, each once.
	BytesRead uint64
	// BytesWritten is the key and the value of each Set.
	BytesWritten uint64
}

// Ops returns the number of operations. Close does not count, nor does a look at
// where an iterator stands.
func (c Counts) Ops() uint64 {
	return c.Gets + c.Has + c.Sets + c.Deletes + c.IterCreates + c.IterNexts
}

// Sub returns what was counted since earlier.
func (c Counts) Sub(earlier Counts) Counts {
	return Counts{
		Gets: c.Gets - earlier.Gets, Has: c.Has - earlier.Has,
		Sets: c.Sets - earlier.Sets, Deletes: c.Deletes - earlier.Deletes,
		IterCreates: c.IterCreates - earlier.IterCreates, IterNexts: c.IterNexts - earlier.IterNexts,
		BytesRead: c.BytesRead - earlier.BytesRead, BytesWritten: c.BytesWritten - earlier.BytesWritten,
	}
}

// String returns all figures in one line.
func (c Counts) String() string {
	return fmt.Sprintf("%d gets, %d has, %d sets, %d deletes, %d iterators, %d nexts, %d bytes read, %d written",
		c.Gets, c.Has, c.Sets, c.Deletes, c.IterCreates, c.IterNexts, c.BytesRead, c.BytesWritten)
}
