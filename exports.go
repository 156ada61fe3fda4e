//go:build cgo

package kvshard

/*
#include "bridge.h"
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// The engine calls the functions of this file, through bridge.c, when it needs
// the store. Each one decodes its arguments, asks the view of the running call,
// and encodes the answer.
//
// Nothing may unwind into C or Rust. So each function defers relay, which keeps a
// panic of the store in the view. The engine gets statusFailed and returns in the
// normal way; then [Tree.run] panics again with the identical value. (A
// runtime.Goexit inside a store cannot be stopped: it ends the goroutine, after
// the deferred functions have closed the iterators and released the handles.)
//
// Memory: keys and values that come in belong to the engine. They are copied into
// a fresh slice before a store sees them, because the SDK's stores keep and alias
// what they are given. Values that go out are copied into malloc'd memory at once,
// because a store may reuse what it returned. The engine frees them with C's free.

// The answers of a callback, as kvshard.h states them.
const (
	statusDone   = C.KV_OK     // also: found, an entry
	statusAbsent = C.KV_ABSENT // also: exhausted, C.KV_EXHAUSTED
	statusFailed = C.KV_ERROR

	// statusUnset is a callback's status until it has an answer. The engine never
	// sees it. relay takes it as proof of a panic, even when recover returns nil
	// (GODEBUG=panicnil=1).
	statusUnset = -2
)

//export kvshardGoGet
func kvshardGoGet(ctx C.uintptr_t, key *C.KvInputByte, keyLen C.uintptr_t, outVal **C.uint8_t, outValLen *C.uintptr_t) (status C.int32_t) {
	v := resolve[*view](ctx)
	if v == nil {
		return statusFailed
	}
	status = statusUnset
	defer relay(v, &status)
	value, found, ok := v.get(input(v.prefix, key, keyLen))
	switch {
	case !ok:
		return statusFailed
	case !found:
		return statusAbsent
	}
	*outVal, *outValLen = output(value)
	return statusDone
}

//export kvshardGoSet
func kvshardGoSet(ctx C.uintptr_t, key *C.KvInputByte, keyLen C.uintptr_t, val *C.KvInputByte, valLen C.uintptr_t) (status C.int32_t) {
	v := resolve[*view](ctx)
	if v == nil {
		return statusFailed
	}
	status = statusUnset
	defer relay(v, &status)
	if !v.set(inputRecord(v.prefix, key, keyLen, val, valLen)) {
		return statusFailed
	}
	return statusDone
}

//export kvshardGoDelete
func kvshardGoDelete(ctx C.uintptr_t, key *C.KvInputByte, keyLen C.uintptr_t) (status C.int32_t) {
	v := resolve[*view](ctx)
	if v == nil {
		return statusFailed
	}
	status = statusUnset
	defer relay(v, &status)
	if !v.delete(input(v.prefix, key, keyLen)) {
		return statusFailed
	}
	return statusDone
}

//export kvshardGoIterCreate
func kvshardGoIterCreate(ctx C.uintptr_t, prefix *C.KvInputByte, prefixLen C.uintptr_t, reverse C.uint8_t) (iter C.uintptr_t) {
	v := resolve[*view](ctx)
	if v == nil {
		return 0
	}
	status := C.int32_t(statusUnset)
	defer relay(v, &status)
	it := v.iterate(input(v.prefix, prefix, prefixLen), reverse != 0)
	if it == nil {
		status = statusFailed
		return 0
	}
	it.handle = cgo.NewHandle(it)
	status = statusDone
	return C.uintptr_t(it.handle)
}

//export kvshardGoIterNext
func kvshardGoIterNext(iter C.uintptr_t, outKey **C.uint8_t, outKeyLen *C.uintptr_t, outVal **C.uint8_t, outValLen *C.uintptr_t) (status C.int32_t) {
	it := resolve[*viewIterator](iter)
	if it == nil {
		return statusFailed
	}
	status = statusUnset
	defer relay(it.view, &status)
	key, value, found, ok := it.next()
	switch {
	case !ok:
		return statusFailed
	case !found:
		return statusAbsent
	}
	*outKey, *outKeyLen = output(key)
	*outVal, *outValLen = output(value)
	return statusDone
}

//export kvshardGoIterFree
func kvshardGoIterFree(iter C.uintptr_t) {
	it := resolve[*viewIterator](iter)
	if it == nil {
		return
	}
	status := C.int32_t(statusUnset)
	defer relay(it.view, &status)
	it.close()
	status = statusDone
}

//export kvshardGoCombine
func kvshardGoCombine(ctx C.uintptr_t, level C.uint32_t, children *C.KvInputByte, count C.uintptr_t, parents *C.uint8_t) (status C.int32_t) {
	v := resolve[*view](ctx)
	if v == nil {
		return statusFailed
	}
	status = statusUnset
	defer relay(v, &status)
	const node = len(Node{})
	combined, ok := v.hash(int(level), input(nil, children, 2*count*C.uintptr_t(node)))
	if !ok {
		return statusFailed
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(parents)), int(count)*node), combined)
	return statusDone
}

// relay is deferred by every callback. A callback without an answer has panicked,
// and the view keeps the value.
func relay(v *view, status *C.int32_t) {
	if *status == statusUnset {
		v.keepPanic(recover())
		*status = statusFailed
	}
}

// resolve returns what the handle stands for. It is nil if there is no such
// handle, because the engine used one that it had given back.
func resolve[T any](handle C.uintptr_t) (value T) {
	defer func() { _ = recover() }() // Handle.Value panics on an unknown handle
	value, _ = cgo.Handle(handle).Value().(T)
	return value
}

// input copies the engine's bytes behind prefix into a fresh slice, which is
// never nil.
func input(prefix []byte, ptr *C.KvInputByte, length C.uintptr_t) []byte {
	fresh := make([]byte, len(prefix)+int(length))
	copy(fresh, prefix)
	copy(fresh[len(prefix):], unsafe.Slice((*byte)(unsafe.Pointer(ptr)), int(length)))
	return fresh
}

// inputRecord copies a key behind prefix, and a value. Both are fresh, in one piece of
// memory: a store that keeps one keeps the other. The key's capacity ends where the
// value begins.
func inputRecord(prefix []byte, keyPtr *C.KvInputByte, keyLen C.uintptr_t, valPtr *C.KvInputByte, valLen C.uintptr_t) (key, value []byte) {
	behind := len(prefix) + int(keyLen)
	fresh := make([]byte, behind+int(valLen))
	key, value = fresh[:behind:behind], fresh[behind:]
	copy(key, prefix)
	copy(key[len(prefix):], unsafe.Slice((*byte)(unsafe.Pointer(keyPtr)), int(keyLen)))
	copy(value, unsafe.Slice((*byte)(unsafe.Pointer(valPtr)), int(valLen)))
	return key, value
}

// output copies the bytes into malloc'd memory. An empty slice gets an address
// too, so that an empty value is a value.
func output(b []byte) (*C.uint8_t, C.uintptr_t) {
	return (*C.uint8_t)(C.CBytes(b)), C.uintptr_t(len(b))
}
