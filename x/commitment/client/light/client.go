package light

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cometbft/cometbft/crypto/merkle"
	cmtbytes "github.com/cometbft/cometbft/libs/bytes"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// ErrUnproven is the error for an answer that does not follow from the application hash:
// the node lies, or its disk is damaged.
var ErrUnproven = errors.New("the node's answer is not proven")

// A Node answers queries. CometBFT's RPC clients are such.
type Node interface {
	ABCIQueryWithOptions(ctx context.Context, path string, data cmtbytes.HexBytes, opts rpcclient.ABCIQueryOptions) (*coretypes.ResultABCIQuery, error)
}

// A Client asks a node about its state after one height. Its methods return
// [ErrUnproven], or the node's own error.
type Client struct {
	node    Node
	height  int64
	appHash []byte
	proofs  *merkle.ProofRuntime
}

// At returns a client of the state after a height, which has this application hash. The
// node must still have that state. proofs are those of the chain's stores: what
// rootmulti.DefaultProofRuntime of its SDK returns.
func At(node Node, height int64, appHash []byte, proofs *merkle.ProofRuntime) *Client {
	return &Client{node: node, height: height, appHash: appHash, proofs: proofs}
}

// Message is a generated message.
type Message interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

// Query asks a query of x/commitment by its name, on the state after a height, or on the
// newest for 0. Nothing of the answer is proven.
func Query(ctx context.Context, node Node, height int64, method string, request, response Message) error {
	data, err := request.Marshal()
	if err != nil {
		return err
	}
	answer, err := node.ABCIQueryWithOptions(ctx, "/kvshard.commitment.v1.Query/"+method, data, rpcclient.ABCIQueryOptions{Height: height})
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if answer.Response.Code != 0 {
		return fmt.Errorf("%s: code %d: %s", method, answer.Response.Code, answer.Response.Log)
	}
	return response.Unmarshal(answer.Response.Value)
}

func (c *Client) query(ctx context.Context, method string, request, response Message) error {
	return Query(ctx, c.node, c.height, method, request, response)
}

// record returns the value of a key of x/commitment, nil if there is none, as the
// application hash proves it.
func (c *Client) record(ctx context.Context, key []byte) ([]byte, error) {
	answer, err := c.node.ABCIQueryWithOptions(ctx, "/store/"+types.StoreKey+"/key", key, rpcclient.ABCIQueryOptions{Height: c.height, Prove: true})
	if err != nil {
		return nil, fmt.Errorf("record %x: %w", key, err)
	}
	if answer.Response.Code != 0 {
		return nil, fmt.Errorf("record %x: code %d: %s", key, answer.Response.Code, answer.Response.Log)
	}
	path := merkle.KeyPath{}.AppendKey([]byte(types.StoreKey), merkle.KeyEncodingURL).AppendKey(key, merkle.KeyEncodingURL).String()
	value := answer.Response.Value
	if answer.Response.ProofOps == nil {
		return nil, fmt.Errorf("%w: record %x comes without a proof: %s", ErrUnproven, key, answer.Response.Log)
	}
	if len(value) == 0 {
		value, err = nil, c.proofs.VerifyAbsence(answer.Response.ProofOps, c.appHash, path)
	} else {
		err = c.proofs.VerifyValue(answer.Response.ProofOps, c.appHash, path, value)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: record %x: %w", ErrUnproven, key, err)
	}
	return value, nil
}

// Anchor returns the anchor that held after the client's height; the empty tree's, of
// height 0, if nothing was appended yet.
func (c *Client) Anchor(ctx context.Context) (types.Anchor, error) {
	value, err := c.record(ctx, types.NewestKey())
	if err != nil {
		return types.Anchor{}, err
	}
	if value == nil {
		root, err := kvshard.EmptyRoot(kvshard.Depth)
		return types.Anchor{Root: root[:]}, err
	}
	var newest types.Newest
	if err := newest.Unmarshal(value); err != nil {
		return types.Anchor{}, fmt.Errorf("record %x: %w", types.NewestKey(), err)
	}
	var said types.QueryRootAtResponse
	if err := c.query(ctx, "RootAt", &types.QueryRootAtRequest{Height: uint32(c.height)}, &said); err != nil {
		return types.Anchor{}, err
	}
	if value, err = c.record(ctx, said.Anchor.Key()); err != nil {
		return types.Anchor{}, err
	}
	var anchor types.Anchor
	if err := anchor.Unmarshal(value); err != nil || len(anchor.Root) != len(kvshard.Node{}) {
		return types.Anchor{}, fmt.Errorf("%w: the record %x is no anchor", ErrUnproven, said.Anchor.Key())
	}
	// Sizes grow, so no other height has this one.
	if anchor.Size_ != newest.Size_ {
		return types.Anchor{}, fmt.Errorf("%w: the anchor of height %d has %d leaves, and after height %d there are %d", ErrUnproven, anchor.Height, anchor.Size_, c.height, newest.Size_)
	}
	return anchor, nil
}

// TreeState returns the tree after the client's height.
func (c *Client) TreeState(ctx context.Context) (kvshard.Frontier, types.Anchor, error) {
	anchor, err := c.Anchor(ctx)
	if err != nil {
		return kvshard.Frontier{}, anchor, err
	}
	var state types.QueryTreeStateResponse
	if err := c.query(ctx, "TreeState", &types.QueryTreeStateRequest{Height: uint64(c.height)}, &state); err != nil {
		return kvshard.Frontier{}, anchor, err
	}
	frontier, err := kvshard.ParseTreestate(state.TreeState)
	if err != nil {
		return frontier, anchor, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	return frontier, anchor, isFrontierOf(frontier, anchor)
}

func isFrontierOf(frontier kvshard.Frontier, anchor types.Anchor) error {
	root, err := frontier.Root()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	if frontier.Size != anchor.Size_ || !bytes.Equal(root[:], anchor.Root) {
		return fmt.Errorf("%w: the tree state has %d leaves and root %s, and the anchor of height %d has %d and %x", ErrUnproven, frontier.Size, root, anchor.Height, anchor.Size_, anchor.Root)
	}
	return nil
}

// Leaf checks that a leaf is at a position, and returns the anchor that proves it. The
// query names the leaf: see docs/wallets.md before a wallet asks about its own.
func (c *Client) Leaf(ctx context.Context, position uint64, leaf kvshard.Node) (types.Anchor, error) {
	anchor, err := c.Anchor(ctx)
	if err != nil {
		return anchor, err
	}
	var said types.QueryWitnessResponse
	if err := c.query(ctx, "Witness", &types.QueryWitnessRequest{Position: position, Height: anchor.Height}, &said); err != nil {
		return anchor, err
	}
	path, err := parseNodes(said.Path)
	if err != nil {
		return anchor, err
	}
	w := kvshard.Witness{Position: position}
	if copy(w.Path[:], path) != len(w.Path) || len(path) != len(w.Path) {
		return anchor, fmt.Errorf("%w: a path of %d nodes", ErrUnproven, len(path))
	}
	if err := w.Verify(kvshard.Node(anchor.Root), leaf); err != nil {
		return anchor, fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	return anchor, nil
}

func parseNodes(raw [][]byte) ([]kvshard.Node, error) {
	nodes := make([]kvshard.Node, len(raw))
	for i := range raw {
		node, err := kvshard.NodeFromBytes(raw[i])
		if err != nil {
			return nil, fmt.Errorf("%w: node %d: %w", ErrUnproven, i, err)
		}
		nodes[i] = node
	}
	return nodes, nil
}
