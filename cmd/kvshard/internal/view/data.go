package view

import "github.com/kvshard/kvshard"

// data is what the page is given.
type data struct {
	Store state `json:"store"`
	Demo  demo  `json:"demo"`
}

// A state is what the page shows of a tree. Hashes are by "level:index".
type state struct {
	Where       string            `json:"where,omitempty"`
	Size        uint64            `json:"size"`
	Origin      uint64            `json:"origin"`    // leaves before a frontier that it started from
	FirstLeaf   uint64            `json:"firstLeaf"` // the first leaf that is there: that frontier's, or 0
	Root        string            `json:"root"`      // "" if the scheme is not known
	Scheme      string            `json:"scheme"`
	Depth       int               `json:"depth"`
	Lacking     string            `json:"lacking,omitempty"` // what is not shown, and why
	Prefix      string            `json:"prefix"`
	Checkpoints []checkpoint      `json:"checkpoints"` // oldest first
	Kinds       map[string]kind   `json:"kinds"`
	ShardRuns   [][3]uint64       `json:"shardRuns"` // first, last, bytes of each
	Windows     []window          `json:"windows"`
	Hashes      map[string]string `json:"hashes"`
	Ommers      [][3]any          `json:"ommers"` // level, index, hash
	Witness     *witness          `json:"witness"`
}

type checkpoint struct {
	ID       uint32 `json:"id"`
	Size     uint64 `json:"size"`
	Retained bool   `json:"retained"`
}

// A kind is the records whose keys begin alike.
type kind struct {
	Key      string `json:"key"` // how their keys begin, the prefix included
	Records  uint64 `json:"records"`
	Bytes    uint64 `json:"bytes"`
	KeyBytes uint64 `json:"keyBytes"`
}

// A window is some leaves: the first one's position, and the leaves.
type window [2]any

type witness struct {
	Position uint64         `json:"position"`
	Leaf     kvshard.Node   `json:"leaf"`
	Path     []kvshard.Node `json:"path"`
}

// A demo is a small chain, call by call.
type demo struct {
	Leaves []kvshard.Node `json:"leaves"` // by position, as they are at the end
	Steps  []step         `json:"steps"`
}

type step struct {
	Call    string            `json:"call"`
	Say     string            `json:"say"`
	Ops     []operation       `json:"ops"`
	Gas     uint64            `json:"gas"`
	Hashes  uint64            `json:"hashes"`
	Touched map[string]string `json:"touched"` // record: get, set or delete
	After   state             `json:"after"`
	Witness *uint64           `json:"witness,omitempty"`
}

type operation struct {
	Kind   string `json:"kind"`
	Record string `json:"record"`
	Key    string `json:"key"`
	Bytes  *int   `json:"bytes"` // -1: absent
}
