package treetest

import (
	"os"
	"sync"
	"unsafe"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/scheme"
)

// GoOrchard opens a tree with Orchard's shape and hash as a scheme of package
// hashtree: the hash is called through Go, and the tip names the scheme. So
// everything that tests know of Orchard's tree holds for this tree as well.
func GoOrchard() kvshard.Option { return goOrchard() }

var goOrchard = sync.OnceValue(func() kvshard.Option {
	s := &scheme.Scheme{Kind: scheme.Hasher, Depth: kvshard.Depth, Combine: combineOrchard}
	for level := range s.EmptyRoots {
		root, err := kvshard.EmptyRoot(level)
		if err != nil {
			panic(err)
		}
		s.EmptyRoots[level] = root
	}
	s.Fingerprint = scheme.Fingerprint("orchard in Go", s.Depth, s.EmptyRoots[0], s.EmptyRoots[1])
	return scheme.Option.(func(*scheme.Scheme) kvshard.Option)(s)
})

func combineOrchard(level int, children, parents []byte) error {
	pairs := unsafe.Slice((*[2]kvshard.Node)(unsafe.Pointer(&children[0])), len(children)/64)
	combined, err := kvshard.CombineBatch(level, pairs)
	for i, node := range combined {
		copy(parents[32*i:], node[:])
	}
	return err
}

// InGo tells whether the suites run on GoOrchard instead of Orchard itself:
// KVSHARD_TEST_SCHEME=go, as make test-scheme sets it.
var InGo = os.Getenv("KVSHARD_TEST_SCHEME") == "go"

// TryOpen opens a Tree over the store, with the scheme that the suites run on.
func TryOpen(kv store.KVStore, opts ...kvshard.Option) (*kvshard.Tree, error) {
	return kvshard.Open(kv, inScheme(opts)...)
}

// TryNew makes a Tree over the proxy's store, with that scheme.
func TryNew(p *kvshard.StoreProxy, opts ...kvshard.Option) (*kvshard.Tree, error) {
	return kvshard.New(p, inScheme(opts)...)
}

func inScheme(opts []kvshard.Option) []kvshard.Option {
	if InGo {
		return append([]kvshard.Option{GoOrchard()}, opts...)
	}
	return opts
}
