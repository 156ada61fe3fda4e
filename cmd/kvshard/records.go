package main

import (
	"encoding/binary"
	"fmt"

	"cosmossdk.io/core/store"
)

// The kinds of records by the first byte of their keys (FORMAT.md).
var kinds = []struct {
	first      byte
	name, what string
}{
	{0x0F, "shard", "16 leaves"},
	{0x10, "cap", "the edge above level 6"},
	{0x11, "checkpoint", "a state"},
	{0x12, "retained", "exempt from pruning"},
	{0x13, "tip", "size and edge"},
	{0x14, "summary", "of the checkpoints"},
	{0x15, "quad", "four complete nodes"},
}

// recordName tells what a key, without the prefix, stands for; "" if it is no
// key of a tree.
func recordName(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	switch rest := key[1:]; {
	case key[0] == 0x0F && len(rest) == 8:
		return fmt.Sprintf("shard(%d)", binary.BigEndian.Uint64(rest))
	case key[0] == 0x10 && len(rest) == 0:
		return "cap"
	case key[0] == 0x11 && len(rest) == 4:
		return fmt.Sprintf("checkpoint(%d)", binary.BigEndian.Uint32(rest))
	case key[0] == 0x12 && len(rest) == 4:
		return fmt.Sprintf("retained(%d)", binary.BigEndian.Uint32(rest))
	case key[0] == 0x13 && len(rest) == 0:
		return "tip"
	case key[0] == 0x14 && len(rest) == 0:
		return "summary"
	case key[0] == 0x15 && len(rest) == 9:
		return fmt.Sprintf("quad(%d,%d)", rest[0], binary.BigEndian.Uint64(rest[1:]))
	}
	return ""
}

// A record of the tree; its key has no prefix.
type record struct{ key, value []byte }

// records yields the tree's records in the order of their keys, until yield
// returns an error. What else the store holds is left out.
func records(kv store.KVStore, prefix []byte, yield func(record) error) error {
	for _, kind := range kinds {
		start := append(append([]byte{}, prefix...), kind.first)
		end := append(append([]byte{}, prefix...), kind.first+1)
		it, err := kv.Iterator(start, end)
		if err != nil {
			return err
		}
		for ; it.Valid(); it.Next() {
			if err := yield(record{it.Key()[len(prefix):], it.Value()}); err != nil {
				_ = it.Close()
				return err
			}
		}
		if err := it.Error(); err != nil {
			_ = it.Close()
			return err
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	return nil
}
