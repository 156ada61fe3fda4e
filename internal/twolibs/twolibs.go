//go:build twolibs

// Package twolibs is a Go program with two Rust static libraries in it: kvshard
// and another one. If both link, that proves little; the proof is that panics
// work in both. Each library has its own copy of the standard library, and a
// linker that mixes the two makes a program that crashes in its first panic.
//
// make test-panic builds kvshard with a checkpoint that panics, the other
// library, and runs the tests.
package twolibs

/*
#cgo LDFLAGS: -lother
#include <stdint.h>

int32_t other_panic(void (*back)(uint32_t));

extern void twolibsBack(uint32_t number);
static int32_t other(void) { return other_panic(twolibsBack); }
*/
import "C"

import "sync/atomic"

// called is the sum of what the other library called back with.
var called atomic.Uint32

//export twolibsBack
func twolibsBack(number C.uint32_t) { called.Add(uint32(number)) }

// otherPanics returns how many panics the other library caught.
func otherPanics() int { return int(C.other()) }
