package kvtest

import "fmt"

// OpKind names an operation on a store or on one of its iterators.
type OpKind uint8

// The operations. A TraceStore records those up to OpClose; a FaultStore counts
// all of them.
const (
	OpGet OpKind = iota + 1
	OpHas
	OpSet
	OpDelete
	OpIter  // Iterator and ReverseIterator
	OpNext  // Iterator.Next
	OpClose // Iterator.Close
	OpValid // Iterator.Valid
	OpKey   // Iterator.Key
	OpValue // Iterator.Value
	OpError // Iterator.Error
)

var opNames = [...]string{
	OpGet: "get", OpHas: "has", OpSet: "set", OpDelete: "delete",
	OpIter: "iter", OpNext: "next", OpClose: "close",
	OpValid: "valid", OpKey: "key", OpValue: "value", OpError: "error",
}

// String returns the name in lower case, as traces show it.
func (k OpKind) String() string {
	if k == 0 || int(k) >= len(opNames) {
		return fmt.Sprintf("OpKind(%d)", uint8(k))
	}
	return opNames[k]
}
