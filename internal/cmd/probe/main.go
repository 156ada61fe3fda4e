// Command probe prints what a program linked with kvshard finds: the library's
// version, and the root of a tree with one leaf. It fails if kvshard does. The
// scripts in build/ run it.
package main

import (
	"fmt"
	"os"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if err := kvshard.CheckLinked(); err != nil {
		return err
	}
	tree, err := kvshard.Open(kvtest.NewMemStore())
	if err != nil {
		return err
	}
	if _, err := tree.Append(kvshard.Node{1}); err != nil {
		return err
	}
	root, err := tree.Root()
	if err != nil {
		return err
	}
	fmt.Println(kvshard.Version(), root)
	return nil
}
