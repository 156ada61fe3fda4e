package bench

import (
	"slices"
	"time"

	"github.com/kvshard/kvshard"
)

// The calls that are measured, in this order.
const (
	CallBuild   = "build"
	CallBlock   = "block"
	CallRoot    = "root"
	CallWitness = "witness"
	CallAppend  = "append"
	CallOpen    = "cold open"
)

var (
	Calls       = []string{CallBlock, CallRoot, CallWitness, CallAppend, CallOpen}
	TimeColumns = append(slices.Clone(Calls), CallBuild)
)

// A cost is what was counted in a call; a table has the mean over many.
type cost struct {
	Gas     float64 `json:"gas"`
	Ops     float64 `json:"kv_operations"`
	Read    float64 `json:"bytes_read"`
	Written float64 `json:"bytes_written"`
	Hashes  float64 `json:"hashes"`
}

func (c *cost) add(other cost) {
	c.Gas += other.Gas
	c.Ops += other.Ops
	c.Read += other.Read
	c.Written += other.Written
	c.Hashes += other.Hashes
}

func (c *cost) divide(by float64) {
	for _, v := range []*float64{&c.Gas, &c.Ops, &c.Read, &c.Written, &c.Hashes} {
		*v /= by
	}
}

// A sample is one call.
type sample struct {
	taken time.Duration
	root  kvshard.Node // of a call that takes one
	cost  cost
}

// A competitor is a tree in some store.
type competitor interface {
	// build makes the tree of the first leaves, and takes its root. It returns how
	// many they are: fewer than n if there is a limit.
	build(n uint64) (sample, uint64, error)
	// checkpoints makes so many, so that each further one prunes one.
	checkpoints(n int) error
	// call does one of calls with what it needs.
	call(name string, leaves []kvshard.Node, position uint64) (sample, error)
	can(name string) bool
	close() error
}
