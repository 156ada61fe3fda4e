package simulation

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cosmos/gogoproto/proto"

	"github.com/cosmos/cosmos-sdk/types/kv"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// DecodeStore says what two records of the module's store are, each on a line of its own.
// A record without a value is one that its store does not have.
func DecodeStore(a, b kv.Pair) string {
	return fmt.Sprintf("A: %s\nB: %s\n", describe(a), describe(b))
}

func describe(p kv.Pair) string {
	name, value, err := decode(p)
	switch {
	case len(p.Value) == 0:
		value = "none"
	case err != nil:
		value = fmt.Sprintf("%x (%v)", p.Value, err)
	}
	return name + ": " + value
}

// decode returns what a record's key stands for, and what its value says.
func decode(p kv.Pair) (name, value string, err error) {
	record := kvshard.Record{Key: p.Key, Value: p.Value}
	if name := record.Name(); name != (kvshard.RecordName{}) {
		value, err := decodeTree(record)
		return "tree: " + name.String(), value, err
	}
	for _, kind := range kinds {
		if rest, ok := strings.CutPrefix(string(p.Key), string(kind.prefix)); ok {
			value, err := kind.value(p.Value)
			return kind.name(rest), value, err
		}
	}
	return fmt.Sprintf("unknown key %x", p.Key), fmt.Sprintf("%x", p.Value), nil
}

// decodeTree reads those records that say more than their bytes.
func decodeTree(r kvshard.Record) (value string, err error) {
	var read any
	switch r.Name().Kind {
	case kvshard.KindShard:
		read, err = r.Shard()
	case kvshard.KindCheckpoint:
		read, err = r.Checkpoint()
	case kvshard.KindTip:
		read, err = r.Tip()
	default:
		return fmt.Sprintf("%x", r.Value), nil
	}
	// The bytes as well: what is read leaves some out.
	return fmt.Sprintf("%+v = %x", read, r.Value), err
}

// A kind is one of the module's own kinds of records.
type kind struct {
	prefix []byte
	name   func(key string) string
	value  func([]byte) (string, error)
}

var kinds = []kind{
	{types.ParamsPrefix, only("params"), message[types.Params]},
	{types.AnchorPrefix, numbered("anchor of height"), message[types.Anchor]},
	{types.RootPrefix, func(key string) string { return fmt.Sprintf("height of root %x", key) }, number},
	{types.NewestPrefix, only("newest"), message[types.Newest]},
	{types.RetainedPrefix, numbered("retained anchor of height"), message[types.Anchor]},
	{types.SizePrefix, numbered("size after height"), number},
	{types.SubtreePrefix, numbered("height that completed subtree"), number},
	{types.KnownFromPrefix, only("sizes are known from"), number},
	{types.WaitingPrefix, only("waiting"), number},
	{types.QueuedPrefix, numbered("queued for position"), message[types.QueuedCall]},
}

func only(what string) func(string) string {
	return func(key string) string {
		if key != "" {
			return fmt.Sprintf("%s %x", what, key)
		}
		return what
	}
}

func numbered(what string) func(string) string {
	return func(key string) string {
		if len(key) != 8 {
			return fmt.Sprintf("%s %x", what, key)
		}
		return fmt.Sprintf("%s %d", what, binary.BigEndian.Uint64([]byte(key)))
	}
}

func number(value []byte) (string, error) {
	if len(value) != 8 {
		return "", fmt.Errorf("%d bytes, a number has 8", len(value))
	}
	return fmt.Sprint(binary.BigEndian.Uint64(value)), nil
}

// message reads a message of protobuf, of which M is the struct.
func message[M any, P interface {
	*M
	proto.Message
}](value []byte) (string, error) {
	read := P(new(M))
	err := proto.Unmarshal(value, read)
	return proto.CompactTextString(read), err
}
