//go:build cgo

package kvshard

// Stats is what one call did, for [WithObserver].
//
// All of it follows from the arguments and the content of the store alone,
// not from the machine, the process or earlier calls. So a keeper may charge
// gas by it: for Hashes above all, since a store charges for the rest itself.
type Stats struct {
	// Op is the name of the method that was called, such as "AppendBatch".
	Op string

	// Hashes counts the hashes that were computed. One of Orchard's takes a few
	// microseconds of processor time: less in a batch, more without vector
	// instructions.
	Hashes uint64

	// HasherCalls counts how often a Hasher of package hashtree was called, with
	// a batch each; 0 with a hash that is built in.
	HasherCalls uint64

	// Operations on the store, those that failed included.
	Gets, Sets, Deletes, IterCreates, IterNexts uint64

	// BytesRead counts the bytes of keys and values: of each Get, the key and
	// what was found; of iterators, the entries that were looked at.
	// BytesWritten counts those of each Set. Keys count with the prefix of
	// WithPrefix, as the SDK's gas store charges them. (That store charges
	// for the entry that an iterator leaves: for the first one twice, for the
	// last one not at all; this counts each once.)
	BytesRead, BytesWritten uint64
}
