// Package link links a program with libkvshard.a, the Rust half of kvshard: one
// file a platform, chosen by the go command, each with the linker flags and an
// error that says what to do where there is no library. The package kvshard
// imports it, and calls the library; nothing else does.
//
// It is a package of its own so that the flags of twelve platforms are not what
// a reader of kvshard meets first. The linker takes the flags of all packages
// of a program together, so it makes no difference to the program.
package link
