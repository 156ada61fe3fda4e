package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/kvshard/kvshard/stream"
	"github.com/kvshard/kvshard/testdata"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// old makes a genesis of the program before into one that begins with a tree of old
// records, names the authority and appends as the network does. It returns the first
// height, which is above the tree's checkpoints.
func (n *network) old(file string, authority *account) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var genesis map[string]any
	if err := decoder.Decode(&genesis); err != nil {
		return 0, err
	}
	tree, last, err := oldTree()
	if err != nil {
		return 0, err
	}
	genesis["initial_height"] = last + 1
	commitment, err := object(genesis, "app_state", types.ModuleName)
	if err != nil {
		return 0, err
	}
	commitment["tree"] = tree
	params, err := object(genesis, "consensus", "params")
	if err != nil {
		return 0, err
	}
	params["authority"] = map[string]string{"authority": authority.address().String()}
	if n.queue {
		if params, err = object(commitment, "params"); err != nil {
			return 0, err
		}
		params["append_mode"] = types.Queue.String()
	}
	if text, err = json.MarshalIndent(genesis, "", " "); err != nil {
		return 0, err
	}
	return last + 1, os.WriteFile(file, text, 0o644)
}

func object(in map[string]any, path ...string) (map[string]any, error) {
	for _, name := range path {
		next, ok := in[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("genesis: no object %q", name)
		}
		in = next
	}
	return in, nil
}

// oldTree is the tree in genesis, as the program before writes it: 60 leaves in the
// records of the first version of "kvshard export". It has checkpoints up to the height
// that comes with it.
func oldTree() (tree map[string]any, last int64, err error) {
	data, err := testdata.Streams.ReadFile("streams/v1-records.kvx")
	if err != nil {
		return nil, 0, err
	}
	in, err := stream.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, 0, err
	}
	h := in.Header
	if len(h.Checkpoints) == 0 {
		return nil, 0, errors.New("the stream has no checkpoints")
	}
	sum := sha256.Sum256(data)
	return map[string]any{
		"root": h.Root.String(), "size": h.Size, "records": h.Records,
		"sha256": hex.EncodeToString(sum[:]), "data": data,
	}, int64(h.Checkpoints[len(h.Checkpoints)-1].ID), nil
}
