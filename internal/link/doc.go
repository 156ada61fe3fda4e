// Package link links a program with libkvshard.a, the Rust half of kvshard.
// Each platform has one file, chosen by the go command, with the linker flags
// and an error that says what to do if there is no library. Only the package
// kvshard imports it, and calls the library.
//
// It is a separate package so that a reader of kvshard does not meet the flags
// of seven platforms first. The linker takes the flags of all packages of a
// program together, so the program is the same.
package link
