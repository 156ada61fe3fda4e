// Package bundle parses and verifies Orchard bundles: the private part of a
// payment on shieldchain. It is an example, and has not been audited.
//
// The work is done by a Rust library of its own, with the crate orchard, that lies
// beside libkvshard in the program. make bundle builds it.
//
// A bundle has the encoding of a version 5 transaction of Zcash (ZIP 225), under the
// rules of its upgrade NU6.2. Its signatures sign
//
//	BLAKE2b-256, personalisation "shieldchain_orch", of commitment ‖ bound
//
// where commitment is the bundle's (ZIP 244), which covers all that the bundle does,
// and bound is what [Bound] returns.
//
// Parse and Verify give the same answer on every machine: nothing in them is random.
// They check neither the anchor, nor the nullifiers, nor the value balance: what
// these may be depends on the chain's state.
//
// All functions may be called from any goroutine, at the same time.
package bundle

// #include "shieldbundle.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// Bounds of one bundle.
const (
	MaxActions = C.SHIELDBUNDLE_MAX_ACTIONS
	MaxBytes   = C.SHIELDBUNDLE_MAX_BYTES // of a bundle of MaxActions actions
)

var (
	// ErrMalformed: the bytes are no bundle, or not in the one encoding that a
	// bundle has. Bytes are missing or left over, there is no action or more than
	// MaxActions, or a field is not canonical.
	ErrMalformed = errors.New("malformed bundle")
	// ErrInvalid: the proof or a signature is wrong; or it was made for another
	// chain, sender or recipient.
	ErrInvalid = errors.New("invalid bundle")
	// ErrInternal: a panic in the library was caught. The bundle is not accepted.
	ErrInternal = errors.New("fault of libshieldbundle")
)

// A Bundle is what a bundle does.
type Bundle struct {
	// Anchor is the root of the tree that the spent notes lie in, in the encoding of
	// kvshard.Node. A bundle without spends has one too: the root of the empty tree.
	Anchor [32]byte
	// ValueBalance is what leaves the pool; below 0, what enters it. Its absolute
	// value is at most 21,000,000 * 100,000,000.
	ValueBalance int64
	// SpendsEnabled and OutputsEnabled are the bundle's flags. Without spends, no
	// action spends a note of value; without outputs, none makes one.
	SpendsEnabled, OutputsEnabled bool
	// Actions are in the bundle's order; at least one.
	Actions []Action
}

// An Action spends one note and makes one. Which of the two has no value, nobody can
// tell.
type Action struct {
	Nullifier    [32]byte // of the note that it spends
	Commitment   [32]byte // of the note that it makes: the leaf, as a kvshard.Node
	EphemeralKey [32]byte // the key that the new note is encrypted with, and the receiver's
	Ciphertext   [52]byte // the compact part of the encrypted note
}

// Parse reads a bundle. It costs some hundred microseconds: no proof and no signature
// is verified. The error is ErrMalformed or ErrInternal.
func Parse(raw []byte) (*Bundle, error) {
	var effects C.ShieldbundleEffects
	var report C.ShieldbundleReport
	status := C.shieldbundle_parse(pointer(raw), C.uintptr_t(len(raw)), &effects, &report)
	if err := failure(status, &report); err != nil {
		return nil, err
	}
	b := &Bundle{
		Anchor:         array[[32]byte](&effects.anchor),
		ValueBalance:   int64(effects.value_balance),
		SpendsEnabled:  effects.spends_enabled != 0,
		OutputsEnabled: effects.outputs_enabled != 0,
		Actions:        make([]Action, effects.action_count),
	}
	for i := range b.Actions {
		from := &effects.actions[i]
		b.Actions[i] = Action{
			Nullifier:    array[[32]byte](&from.nullifier),
			Commitment:   array[[32]byte](&from.commitment),
			EphemeralKey: array[[32]byte](&from.ephemeral_key),
			Ciphertext:   array[[52]byte](&from.ciphertext),
		}
	}
	return b, nil
}

// Verify reads a bundle, and verifies its proof and its signatures, which bind the
// bytes of bound. It costs some 40 ms of processor time for two actions. The first
// call waits for Warm. The error is ErrMalformed, ErrInvalid or ErrInternal.
func Verify(raw, bound []byte) error {
	var report C.ShieldbundleReport
	status := C.shieldbundle_verify(pointer(raw), C.uintptr_t(len(raw)), pointer(bound), C.uintptr_t(len(bound)), &report)
	return failure(status, &report)
}

// Warm builds the key that proofs are verified with, once for a process: some 3 s of
// processor time. Verify does it if nobody did; a node calls it when it starts.
func Warm() {
	var report C.ShieldbundleReport
	if err := failure(C.shieldbundle_warm(&report), &report); err != nil {
		panic(err) // the key is a constant
	}
}

// failure is the error of a status.
func failure(status C.int32_t, report *C.ShieldbundleReport) error {
	if status == C.SHIELDBUNDLE_OK {
		return nil
	}
	message := C.GoStringN((*C.char)(unsafe.Pointer(&report.message)), C.int(report.message_len))
	switch status {
	case C.SHIELDBUNDLE_MALFORMED:
		return fmt.Errorf("%w: %s", ErrMalformed, message)
	case C.SHIELDBUNDLE_INVALID:
		return fmt.Errorf("%w: %s", ErrInvalid, message)
	}
	return fmt.Errorf("%w: status %d: %s", ErrInternal, status, message)
}

func pointer(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

// array copies bytes of C into an array of the same length.
func array[Go, C any](from *C) Go {
	var to Go
	if unsafe.Sizeof(to) != unsafe.Sizeof(*from) {
		panic("arrays of different lengths")
	}
	return *(*Go)(unsafe.Pointer(from))
}
