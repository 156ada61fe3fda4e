//go:build cgo

package kvshard

// Stats is what one call did, for [WithObserver].
//
// It depends on the arguments and the content of the store alone, not on the
// machine, the process or earlier calls. So a keeper can charge gas by it, for
// Hashes above all: the store itself charges for the rest.
type Stats struct {
	// Op is the name of the method that was called, such as "AppendBatch".
	Op string

	// Hashes counts the hashes that were computed. One of Orchard's takes a few
	// microseconds; less in a batch, more without vector instructions.
	Hashes uint64

	// HasherCalls counts the calls of a Hasher of package hashtree, each with a
	// batch; 0 with a hash that is built in.
	HasherCalls uint64

	// Operations on the store, including those that failed. IterNexts counts the
	// steps of iterators.
	Gets, Sets, Deletes, IterCreates, IterNexts uint64

	// BytesRead counts bytes of keys and values: for a Get, the key and the value
	// found; for an iterator, each entry that was read, once. BytesWritten counts
	// the key and the value of each Set. Keys count with the prefix of
	// WithPrefix. The SDK's gas store charges by the same bytes, except for
	// iterators: it charges twice for the first entry, and not for the last.
	BytesRead, BytesWritten uint64
}
