// Package include holds the generated C header of the Rust engine and no Go
// code. The kvshard package imports it so that go mod vendor, which copies
// only folders that are packages, takes the header along.
package include
