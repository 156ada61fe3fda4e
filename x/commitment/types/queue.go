package types

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kvshard/kvshard"
)

const nodeSize = len(kvshard.Node{})

// Count returns the number of the call's commitments.
func (c *QueuedCall) Count() uint64 { return uint64(len(c.Commitments) / nodeSize) }

// Leaves returns the call's commitments.
func (c *QueuedCall) Leaves() []kvshard.Node {
	leaves := make([]kvshard.Node, c.Count())
	for i := range leaves {
		leaves[i] = kvshard.Node(c.Commitments[i*nodeSize:])
	}
	return leaves
}

// Whole returns an error unless the call has a whole number of commitments, at least one.
func (c *QueuedCall) Whole() error {
	if n := len(c.Commitments); n == 0 || n%nodeSize != 0 {
		return fmt.Errorf("commitments: %d bytes, want 32 for each and at least one", n)
	}
	return nil
}

// Validate checks the commitments of a call that comes from outside.
func (c *QueuedCall) Validate() error {
	if err := c.Whole(); err != nil {
		return err
	}
	for i := range int(c.Count()) {
		if _, err := kvshard.NodeFromBytes(c.Commitments[i*nodeSize : (i+1)*nodeSize]); err != nil {
			return fmt.Errorf("commitments: number %d: %w", i, err)
		}
	}
	return nil
}

// PackCall adds a call to the value of a block's queue: its length as an unsigned varint,
// and the message.
func PackCall(value []byte, call *QueuedCall) ([]byte, error) {
	message, err := call.Marshal()
	return append(binary.AppendUvarint(value, uint64(len(message))), message...), err
}

// UnpackCalls reads the value of a block's queue.
func UnpackCalls(value []byte) (calls []*QueuedCall, err error) {
	for len(value) > 0 {
		size, n := binary.Uvarint(value)
		if n <= 0 || size > uint64(len(value)-n) {
			return nil, errors.New("it is cut short")
		}
		call := new(QueuedCall)
		if err := call.Unmarshal(value[n : n+int(size)]); err != nil {
			return nil, err
		}
		if err := call.Whole(); err != nil {
			return nil, err
		}
		calls = append(calls, call)
		value = value[n+int(size):]
	}
	return calls, nil
}

// validateWaiting checks what waits: the calls, their order, and that a block will append
// them.
func (g GenesisState) validateWaiting() error {
	var last, total uint64
	for i := range g.Waiting {
		call := &g.Waiting[i]
		if err := call.Validate(); err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
		if call.Height < last {
			return fmt.Errorf("number %d: height: %d is below that of the call before, %d", i, call.Height, last)
		}
		last = call.Height
		total += call.Count()
	}
	switch {
	case total > 0 && g.Params.AppendMode == Direct:
		return fmt.Errorf("%d commitments wait, and params.append_mode is %s: set %s", total, Direct, Drain)
	case g.Tree.Size_ > 1<<kvshard.Depth || total > 1<<kvshard.Depth-g.Tree.Size_:
		return fmt.Errorf("%d commitments wait for a tree of %d leaves, which has no room for them", total, g.Tree.Size_)
	}
	return nil
}
