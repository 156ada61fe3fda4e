//go:build cgo

package kvshard

/*
#cgo CFLAGS: -std=gnu11 -Wall
#include "bridge.h"
*/
import "C"

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime/cgo"
	"strings"
	"unsafe"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard/internal/link"
	"github.com/kvshard/kvshard/internal/scheme"
	_ "github.com/kvshard/kvshard/lib/include" // kvshard.h: see there
)

// This file is the only one that calls the engine (C.kvshard_*). It has one
// function for each of the engine's, in the order of kvshard.h. Each turns Go
// values into C ones, makes the call, and turns the results back.
//
// Pointers to Go memory (leaves, results, the report) are passed for the time of
// a call. That memory holds no Go pointers, and the engine keeps none. The calls
// in the other direction, to the store, are in exports.go.

// abiVersion is the version of kvshard.h that this file is written for.
const abiVersion = 2

// libraryFault explains why the linked library cannot be used; "" if it can. It
// is found once, when the program starts: the linker has decided by then.
var libraryFault = findLibraryFault()

func findLibraryFault() string {
	if got := uint32(C.kvshard_abi()); got != abiVersion {
		return fmt.Sprintf("the linked library libkvshard %s has ABI version %d, this package needs %d: link the library of the same release", engineVersion(), got, abiVersion)
	}
	if got := engineVersion(); got != version {
		return fmt.Sprintf("the linked library is libkvshard %s, this package is kvshard %s: link the library of the same release", got, version)
	}
	return link.Fault()
}

// mismatch returns an error if the linked library is not this package's.
func mismatch(op string) error {
	if libraryFault != "" {
		return &Error{Op: op, Kind: ErrUnsupportedVersion, What: libraryFault}
	}
	return nil
}

func engineVersion() string { return C.GoString(C.kvshard_version()) }

// A status is the engine's answer to a call: C.KVSHARD_OK or another one.
type status C.int32_t

// sentinels has the error for each status except OK, STORE and HASH.
var sentinels = [...]error{
	C.KVSHARD_INVALID_NODE:         ErrInvalidNode,
	C.KVSHARD_TREE_FULL:            ErrTreeFull,
	C.KVSHARD_POSITION_NOT_FOUND:   ErrPositionNotFound,
	C.KVSHARD_PRUNED:               ErrPruned,
	C.KVSHARD_CHECKPOINT_NOT_FOUND: ErrCheckpointNotFound,
	C.KVSHARD_CHECKPOINT_ORDER:     ErrCheckpointOrder,
	C.KVSHARD_NOT_EMPTY:            ErrNotEmpty,
	C.KVSHARD_CORRUPT:              ErrCorrupt,
	C.KVSHARD_UNSUPPORTED_VERSION:  ErrUnsupportedVersion,
	C.KVSHARD_INTERNAL:             ErrInternal,
	C.KVSHARD_INVALID_ARGUMENT:     ErrInvalidArgument,
	C.KVSHARD_FOREIGN_STORE:        ErrForeignStore,
	C.KVSHARD_SCHEME_MISMATCH:      ErrSchemeMismatch,
	C.KVSHARD_ROOT_MISMATCH:        ErrRootMismatch,
}

// failure returns the error for a status and its report, nil for OK. Keys in the
// report get the prefix, because the store knows them with it.
func failure(op string, s status, report *C.KvshardReport, prefix []byte) error {
	if s == C.KVSHARD_OK {
		return nil
	}
	e := &Error{Op: op, What: reportText(report)}
	switch {
	case s == C.KVSHARD_STORE:
		// The view holds the store's failure, and call.err asked it before.
		e.Kind, e.What = ErrInternal, "the engine reports a failure of the store, which had none: "+e.What
	case s == C.KVSHARD_HASH:
		e.Kind, e.What = ErrInternal, "the engine reports a failure of the hasher, which had none: "+e.What
	case s > 0 && int(s) < len(sentinels) && sentinels[s] != nil:
		e.Kind = sentinels[s]
	default:
		e.Kind, e.What = ErrInternal, fmt.Sprintf("the engine returned the unknown status %d: %s", s, e.What)
	}
	switch e.Kind {
	case ErrInvalidNode:
		e.Index = uint64(report.index)
	case ErrCorrupt, ErrUnsupportedVersion, ErrForeignStore, ErrSchemeMismatch:
		e.Key, e.What = splitKey(e.What, prefix)
		// ErrCorrupt says it.
		e.What = strings.TrimPrefix(e.What, "the record is corrupt: ")
	}
	return e
}

// reportText returns the message of a report, as valid UTF-8.
func reportText(report *C.KvshardReport) string {
	message := unsafe.Slice((*byte)(&report.message[0]), len(report.message))
	n := min(uint64(report.message_len), uint64(len(message)))
	return strings.ToValidUTF8(string(message[:n]), "\uFFFD")
}

// splitKey takes the key off the front of a message about a record. It returns
// the key behind prefix, and the rest; or nil and the whole message if that names
// no key. The engine does not know the prefix. It begins such messages with
// "record at key 0f… ", see rust/src/error.rs.
func splitKey(message string, prefix []byte) (key []byte, rest string) {
	named, ok := strings.CutPrefix(message, "record at key ")
	if !ok {
		return nil, message
	}
	digits, rest, _ := strings.Cut(named, " ")
	key, err := hex.DecodeString(digits)
	if err != nil {
		return nil, message
	}
	return append(prefix[:len(prefix):len(prefix)], key...), "the record " + rest
}

// A call is one call of the engine over a store.
type call struct {
	view   view
	handle cgo.Handle       // of view: the ctx of the callbacks
	scheme *C.KvshardScheme // nil for Orchard's
	config C.KvshardConfig
	report C.KvshardReport

	canonical func([32]byte) bool // the scheme's Hasher's, nil if the hash is built in

	malformed string // what is wrong with a result of the engine, "" if nothing
}

// newCall prepares a call. The caller must end it.
func newCall(op string, kv store.KVStore, o *options) *call {
	c := &call{
		view:   view{kv: kv, prefix: o.prefix, stats: Stats{Op: op}},
		scheme: o.scheme.engine(),
		config: C.KvshardConfig{
			max_checkpoints: C.uint32_t(o.maxCheckpoints),
			retention:       C.uint32_t(o.retention), // Marked 0, Ephemeral 1, there too
			threads:         C.uint32_t(o.threads),
		},
	}
	if o.scheme != nil {
		c.view.combine, c.canonical = o.scheme.combine, o.scheme.canonical
	}
	c.handle = cgo.NewHandle(&c.view)
	return c
}

// end gives back everything that the call holds: first iterators, then the handle.
func (c *call) end() {
	c.view.close()
	c.handle.Delete()
}

// stats returns what the call did.
func (c *call) stats() Stats {
	s := c.view.stats
	s.Hashes = uint64(c.report.hashes)
	return s
}

// err returns the call's error. The store's own error comes first: it is the
// cause, whatever the engine made of it.
func (c *call) err(op string, s status) error {
	if e := c.view.failure; e != nil {
		e.Op = op
		return e
	}
	if c.malformed != "" {
		return &Error{Op: op, Kind: ErrInternal, What: c.malformed}
	}
	return failure(op, s, &c.report, c.view.prefix)
}

func (c *call) ctx() C.uintptr_t { return C.uintptr_t(c.handle) }

// statusRefused ends a call that the engine has not seen: its view has the failure.
const statusRefused status = C.KVSHARD_INVALID_NODE

// refuses keeps as the call's failure that the scheme's Hasher does not take one of
// the caller's nodes. Those of a hash that is built in the engine checks.
func (c *call) refuses(nodes ...Node) bool {
	if c.canonical == nil {
		return false
	}
	for i, node := range nodes {
		if !c.canonical(node) {
			what := fmt.Sprintf("node %d, %s, is not canonical in the tree's scheme", i, node)
			c.view.failure = &Error{Kind: ErrInvalidNode, What: what, Index: uint64(i)}
			return true
		}
	}
	return false
}

func (c *call) append(leaves []Node, first *uint64) status {
	if c.refuses(leaves...) {
		return statusRefused
	}
	return status(C.kvshard_go_append(c.ctx(), c.scheme, &c.config, nodeBytes(leaves), C.uintptr_t(len(leaves)), (*C.uint64_t)(first), &c.report))
}

func (c *call) checkpoint(id uint32) status {
	return status(C.kvshard_go_checkpoint(c.ctx(), c.scheme, &c.config, C.uint32_t(id), &c.report))
}

func (c *call) size(size *uint64) status {
	return status(C.kvshard_go_size(c.ctx(), c.scheme, (*C.uint64_t)(size), &c.report))
}

func (c *call) sizeAt(id uint32, size *uint64) status {
	return status(C.kvshard_go_size_at(c.ctx(), c.scheme, C.uint32_t(id), (*C.uint64_t)(size), &c.report))
}

func (c *call) root(root *Node) status {
	return status(C.kvshard_go_root(c.ctx(), c.scheme, (*C.uint8_t)(&root[0]), &c.report))
}

func (c *call) rootAt(id uint32, root *Node) status {
	return status(C.kvshard_go_root_at(c.ctx(), c.scheme, C.uint32_t(id), (*C.uint8_t)(&root[0]), &c.report))
}

func (c *call) leaf(position uint64, leaf *Node) status {
	return status(C.kvshard_go_leaf(c.ctx(), c.scheme, C.uint64_t(position), (*C.uint8_t)(&leaf[0]), &c.report))
}

// nodes sets list to the engine's list, 32 bytes each.
func (c *call) nodes(level uint32, first, count uint64, list *[]Node) status {
	var buffer C.KvshardBuffer
	s := status(C.kvshard_go_nodes(c.ctx(), c.scheme, C.uint32_t(level), C.uint64_t(first), C.uint64_t(count), &buffer, &c.report))
	data := takeBuffer(buffer)
	if s != C.KVSHARD_OK {
		return s
	}
	if uint64(len(data)) != count*uint64(len(Node{})) {
		c.malformed = fmt.Sprintf("the engine's list of %d nodes has %d bytes", count, len(data))
		return s
	}
	*list = unsafe.Slice((*Node)(unsafe.Pointer(unsafe.SliceData(data))), count)
	return s
}

func (c *call) witness(position uint64, path *[Depth]Node) status {
	return status(C.kvshard_go_witness(c.ctx(), c.scheme, C.uint64_t(position), nodeBytes(path[:]), &c.report))
}

func (c *call) witnessAt(position uint64, id uint32, path *[Depth]Node) status {
	return status(C.kvshard_go_witness_at(c.ctx(), c.scheme, C.uint64_t(position), C.uint32_t(id), nodeBytes(path[:]), &c.report))
}

func (c *call) rewind(id uint32) status {
	return status(C.kvshard_go_rewind(c.ctx(), c.scheme, C.uint32_t(id), &c.report))
}

// checkpoints sets list to all checkpoints, oldest first. The engine's list is
// 13 bytes each: id u32 LE, size u64 LE, retained u8.
func (c *call) checkpoints(list *[]Checkpoint) status {
	const entry = 13
	var buffer C.KvshardBuffer
	s := status(C.kvshard_go_checkpoints(c.ctx(), c.scheme, &buffer, &c.report))
	data := takeBuffer(buffer)
	if s != C.KVSHARD_OK {
		return s
	}
	if len(data)%entry != 0 {
		c.malformed = fmt.Sprintf("the engine's list of checkpoints has %d bytes, not a multiple of %d", len(data), entry)
		return s
	}
	*list = make([]Checkpoint, 0, len(data)/entry)
	for ; len(data) > 0; data = data[entry:] {
		*list = append(*list, Checkpoint{
			ID:       binary.LittleEndian.Uint32(data),
			Size:     binary.LittleEndian.Uint64(data[4:]),
			Retained: data[12] != 0,
		})
	}
	return s
}

func (c *call) newest(newest *Checkpoint, found *bool) status {
	var raw C.KvshardNewest
	s := status(C.kvshard_go_newest(c.ctx(), c.scheme, &raw, &c.report))
	*newest = Checkpoint{ID: uint32(raw.id), Size: uint64(raw.size), Retained: raw.retained != 0}
	*found = raw.found != 0
	return s
}

func (c *call) retainCheckpoint(id uint32) status {
	return status(C.kvshard_go_retain_checkpoint(c.ctx(), c.scheme, C.uint32_t(id), &c.report))
}

func (c *call) releaseCheckpoint(id uint32) status {
	return status(C.kvshard_go_release_checkpoint(c.ctx(), c.scheme, C.uint32_t(id), &c.report))
}

func (c *call) removeMark(position uint64, asOf uint32, removed *bool) status {
	var flag C.uint8_t
	s := status(C.kvshard_go_remove_mark(c.ctx(), c.scheme, C.uint64_t(position), C.uint32_t(asOf), &flag, &c.report))
	*removed = flag != 0
	return s
}

func (c *call) frontier(f *Frontier) status {
	var raw C.KvshardFrontier
	return c.frontierFrom(&raw, status(C.kvshard_go_frontier(c.ctx(), c.scheme, &raw, &c.report)), f)
}

func (c *call) frontierAt(id uint32, f *Frontier) status {
	var raw C.KvshardFrontier
	return c.frontierFrom(&raw, status(C.kvshard_go_frontier_at(c.ctx(), c.scheme, C.uint32_t(id), &raw, &c.report)), f)
}

func (c *call) frontierAtSize(size uint64, f *Frontier) status {
	var raw C.KvshardFrontier
	return c.frontierFrom(&raw, status(C.kvshard_go_frontier_at_size(c.ctx(), c.scheme, C.uint64_t(size), &raw, &c.report)), f)
}

// frontierFrom sets f to the engine's frontier, if there is one.
func (c *call) frontierFrom(raw *C.KvshardFrontier, s status, f *Frontier) status {
	if s != C.KVSHARD_OK {
		return s
	}
	if uint64(raw.ommer_count) > uint64(len(raw.ommers)) {
		c.malformed = fmt.Sprintf("the engine's frontier has %d ommers", raw.ommer_count)
		return s
	}
	f.Size = uint64(raw.size)
	copy(f.Leaf[:], unsafe.Slice((*byte)(&raw.leaf[0]), len(f.Leaf)))
	for i := range int(raw.ommer_count) {
		f.Ommers = append(f.Ommers, *(*Node)(unsafe.Pointer(&raw.ommers[i])))
	}
	return s
}

// rawFrontier takes a frontier of the right shape (Frontier.check).
func rawFrontier(size uint64, leaf [32]byte, ommers []byte) C.KvshardFrontier {
	raw := C.KvshardFrontier{size: C.uint64_t(size), ommer_count: C.uintptr_t(len(ommers) / len(Node{}))}
	*(*[32]byte)(unsafe.Pointer(&raw.leaf)) = leaf
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&raw.ommers)), unsafe.Sizeof(raw.ommers)), ommers)
	return raw
}

// insertFrontier takes a frontier of the right shape (Frontier.check).
func (c *call) insertFrontier(f Frontier, id uint32) status {
	if f.Size > 0 && c.refuses(append([]Node{f.Leaf}, f.Ommers...)...) {
		return statusRefused
	}
	raw := rawFrontier(f.Size, f.Leaf, nodesBytes(f.Ommers))
	return status(C.kvshard_go_insert_frontier(c.ctx(), c.scheme, &c.config, &raw, C.uint32_t(id), &c.report))
}

func (c *call) adopt(root Node, size *uint64) status {
	if c.refuses(root) {
		return statusRefused
	}
	return status(C.kvshard_go_adopt(c.ctx(), c.scheme, &c.config, (*C.uint8_t)(&root[0]), (*C.uint64_t)(size), &c.report))
}

func (c *call) check(lines *[]byte) status {
	var buffer C.KvshardBuffer
	s := status(C.kvshard_go_check(c.ctx(), c.scheme, &buffer, &c.report))
	*lines = takeBuffer(buffer)
	return s
}

func (c *call) dump(text *[]byte) status {
	var buffer C.KvshardBuffer
	s := status(C.kvshard_go_dump(c.ctx(), c.scheme, &buffer, &c.report))
	*text = takeBuffer(buffer)
	return s
}

// An engineScheme is a scheme in the engine's form, and the hasher that its
// callback reaches. A nil one is Orchard's.
type engineScheme struct {
	raw       *C.KvshardScheme // memory of its own, which holds no pointer: cgo looks at all of it
	combine   combineFunc
	canonical func([32]byte) bool // nil if the engine knows
}

func newEngineScheme(s *scheme.Scheme) *engineScheme {
	e := &engineScheme{raw: new(C.KvshardScheme), combine: s.Combine, canonical: s.Canonical}
	e.raw.kind = C.uint32_t(s.Kind)
	e.raw.depth = C.uint32_t(s.Depth)
	*(*[8]byte)(unsafe.Pointer(&e.raw.fingerprint)) = s.Fingerprint
	*(*[scheme.MaxDepth + 1][32]byte)(unsafe.Pointer(&e.raw.empty_roots)) = s.EmptyRoots
	return e
}

func (s *engineScheme) engine() *C.KvshardScheme {
	if s == nil {
		return nil
	}
	return s.raw
}

// The hash alone, of Orchard's and of built-in schemes (scheme.BuiltIn): a hasher of
// Go is called by Go.

// orchard is Orchard's scheme.
var orchard *engineScheme

// CombineBatch hashes children in pairs, of which there is at least one, all at
// level.
func (s *engineScheme) CombineBatch(op string, level int, children, parents []byte) error {
	pairs := C.uintptr_t(len(children) / (2 * len(Node{})))
	return hashCall(op, func(report *C.KvshardReport) C.int32_t {
		return C.kvshard_combine(s.engine(), C.uint32_t(level), (*C.uint8_t)(&children[0]), pairs, (*C.uint8_t)(&parents[0]), report)
	})
}

// EmptyRoot returns the root of an empty tree of level levels.
func (s *engineScheme) EmptyRoot(op string, level int) (root [32]byte, err error) {
	err = hashCall(op, func(report *C.KvshardReport) C.int32_t {
		return C.kvshard_empty_root(s.engine(), C.uint32_t(level), (*C.uint8_t)(&root[0]), report)
	})
	return root, err
}

// WitnessRoot climbs a path, which has a node for each level of the scheme.
func (s *engineScheme) WitnessRoot(op string, position uint64, path []byte, leaf [32]byte) (root [32]byte, err error) {
	err = hashCall(op, func(report *C.KvshardReport) C.int32_t {
		return C.kvshard_witness_root(s.engine(), C.uint64_t(position), (*C.uint8_t)(&path[0]), (*C.uint8_t)(&leaf[0]), (*C.uint8_t)(&root[0]), report)
	})
	return root, err
}

// FrontierRoot takes a frontier of the right shape (Frontier.check).
func (s *engineScheme) FrontierRoot(op string, size uint64, leaf [32]byte, ommers []byte) (root [32]byte, err error) {
	raw := rawFrontier(size, leaf, ommers)
	err = hashCall(op, func(report *C.KvshardReport) C.int32_t {
		return C.kvshard_frontier_root(s.engine(), &raw, (*C.uint8_t)(&root[0]), report)
	})
	return root, err
}

// hashCall makes a call of the engine that needs no store.
func hashCall(op string, f func(*C.KvshardReport) C.int32_t) error {
	if err := mismatch(op); err != nil {
		return err
	}
	var report C.KvshardReport
	return failure(op, status(f(&report)), &report, nil)
}

// nodeBytes returns the address of the first byte of nodes, at least one. They lie
// in memory one behind the other.
func nodeBytes(nodes []Node) *C.uint8_t { return (*C.uint8_t)(&nodes[0][0]) }

// nodesBytes returns the bytes of nodes, in the same memory.
func nodesBytes(nodes []Node) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(nodes))), len(nodes)*len(Node{}))
}

// takeBuffer copies the engine's buffer and gives it back.
func takeBuffer(buffer C.KvshardBuffer) []byte {
	if buffer.ptr == nil {
		return nil
	}
	defer C.kvshard_buffer_free(buffer)
	return append([]byte(nil), unsafe.Slice((*byte)(buffer.ptr), int(buffer.len))...)
}
