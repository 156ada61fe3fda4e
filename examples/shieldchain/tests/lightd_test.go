package tests

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/examples/shieldchain/lightd"
	"github.com/kvshard/kvshard/examples/shieldchain/lightd/walletrpc"
	"github.com/kvshard/kvshard/x/commitment/client/light"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// A testNode is the node of a chain in this process. Its blocks are those that
// were made with block; their hashes are made up.
type testNode struct {
	chain  *story
	blocks map[uint64]lightd.Block
	first  uint64

	// lie changes what the node says, if it is set.
	lie func(answer any)
}

// watch makes a node that has the blocks from now on.
func watch(s *story) *testNode {
	return &testNode{chain: s, blocks: map[uint64]lightd.Block{}, first: uint64(s.Height()) + 1}
}

func (n *testNode) block(txs ...[]byte) {
	n.chain.T.Helper()
	r := n.chain.Block(txs...)
	height := uint64(n.chain.Height())
	hash := func(height uint64) []byte {
		h := sha256.Sum256(fmt.Appendf(nil, "block %d", height))
		return h[:]
	}
	n.blocks[height] = lightd.Block{
		Header: lightd.Header{Height: height, Hash: hash(height), PrevHash: hash(height - 1), Time: uint32(height)},
		Txs:    txs, Results: r.TxResults, Events: r.Events,
	}
}

func (n *testNode) Heights(context.Context) (first, last uint64, err error) {
	return n.first, uint64(n.chain.Height()), nil
}

func (n *testNode) Header(ctx context.Context, height uint64) (lightd.Header, error) {
	block, err := n.Block(ctx, height)
	return block.Header, err
}

func (n *testNode) Block(_ context.Context, height uint64) (lightd.Block, error) {
	block, found := n.blocks[height]
	if !found {
		return block, fmt.Errorf("no block %d", height)
	}
	// Copies, for lies.
	block.Txs = slices.Clone(block.Txs)
	block.Results = slices.Clone(block.Results)
	for i, r := range block.Results {
		copied := *r
		copied.Events = cloneEvents(r.Events)
		block.Results[i] = &copied
	}
	block.Events = cloneEvents(block.Events)
	if n.lie != nil {
		n.lie(&block)
	}
	return block, nil
}

func cloneEvents(events []abci.Event) []abci.Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].Attributes = slices.Clone(events[i].Attributes)
	}
	return events
}

func (n *testNode) Query(_ context.Context, method string, request, response light.Message) error {
	if err := n.chain.Query(0, method, request.(chaintest.Message), response.(chaintest.Message)); err != nil {
		return err
	}
	if n.lie != nil {
		n.lie(response)
	}
	return nil
}

// serve serves a node on loopback, and returns a wallet's connection to it.
func serve(t *testing.T, n *testNode, maxBlocks uint64) *grpc.ClientConn {
	t.Helper()
	listener := chaintest.Must(net.Listen("tcp", "127.0.0.1:0"))(t)
	server := grpc.NewServer()
	walletrpc.RegisterCompactTxStreamerServer(server, lightd.New(n, n.chain.App.TxConfig().TxDecoder(), chaintest.ChainID, maxBlocks))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn := chaintest.Must(grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())))(t)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// received reads a stream to its end.
func received[T any](recv func() (*T, error)) (all []*T, err error) {
	for {
		one, err := recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, one)
	}
}

type walletClient struct {
	walletrpc.CompactTxStreamerClient
	t *testing.T
}

func (c walletClient) blocks(from, to uint64, pools ...walletrpc.PoolType) ([]*walletrpc.CompactBlock, error) {
	c.t.Helper()
	stream := chaintest.Must(c.GetBlockRange(c.t.Context(), &walletrpc.BlockRange{Start: &walletrpc.BlockID{Height: from}, End: &walletrpc.BlockID{Height: to}, PoolTypes: pools}))(c.t)
	return received(stream.Recv)
}

func (c walletClient) subtrees(arg *walletrpc.GetSubtreeRootsArg) ([]*walletrpc.SubtreeRoot, error) {
	c.t.Helper()
	stream := chaintest.Must(c.GetSubtreeRoots(c.t.Context(), arg))(c.t)
	return received(stream.Recv)
}

// mixed makes a node with blocks of plain commitments and of bundles, good and
// bad, an empty one, and one in which the mode changes.
func mixed(t *testing.T, mode types.AppendMode) *testNode {
	n := watch(begin(t, chaintest.Config{Accounts: 6, Params: withMode(mode)}))
	tx := func(i int, msgs ...sdk.Msg) []byte { return n.chain.Tx(n.chain.Accounts[i], plenty, msgs...) }
	leaves := func(i, from, count int) sdk.Msg {
		return chaintest.Append(n.chain.Accounts[i], chaintest.Leaves(from, count)...)
	}
	n.block(tx(0, n.chain.msg("shield")))
	n.block()
	bad := n.chain.msg("unshield")
	bad.Recipient = n.chain.Accounts[0].Address().String()
	n.block(tx(3, leaves(3, 100, 5), leaves(3, 200, 1)), tx(1, bad), tx(1, n.chain.msg("unshield"), n.chain.msg("shield-b"), leaves(1, 300, 2)), tx(4, leaves(4, 400, 7)), tx(1, n.chain.msg("pay")))
	other := *withMode(types.Queue - mode)
	n.block(tx(3, leaves(3, 500, 3)), tx(0, &types.MsgUpdateParams{Authority: n.chain.Accounts[0].Address().String(), Params: other}), tx(4, leaves(4, 600, 4)))
	n.block(tx(5, leaves(5, 700, 1)))
	return n
}

// TestLightdBlocks: each leaf of the tree is a compact action at its place, in
// both modes, and each bundle's actions are there as they are.
func TestLightdBlocks(t *testing.T) {
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		t.Run(mode.String(), func(t *testing.T) {
			n := mixed(t, mode)
			c := walletClient{walletrpc.NewCompactTxStreamerClient(serve(t, n, 100)), t}
			last := chaintest.Must(c.GetLatestBlock(t.Context(), &walletrpc.ChainSpec{}))(t)
			if last.Height != uint64(n.chain.Height()) || !bytes.Equal(last.Hash, n.blocks[last.Height].Hash) {
				t.Errorf("latest %v", last)
			}
			blocks := chaintest.Must(c.blocks(n.first, last.Height))(t)
			position := uint64(10)
			bundles := map[string][]*walletrpc.CompactOrchardAction{}
			nullifiers := map[string]bool{}
			for i, b := range blocks {
				want := n.blocks[n.first+uint64(i)]
				if b.Height != want.Height || !bytes.Equal(b.Hash, want.Hash) || !bytes.Equal(b.PrevHash, want.PrevHash) || b.Time != want.Time {
					t.Errorf("block %d: %v", want.Height, b)
				}
				for _, tx := range b.Vtx {
					id := sha256.Sum256(want.Txs[tx.Index-1])
					if !bytes.Equal(tx.Txid, id[:]) {
						t.Errorf("block %d, transaction %d: id %x", b.Height, tx.Index, tx.Txid)
					}
					for _, action := range tx.Actions {
						var leaf types.QueryLeafResponse
						chaintest.Must0(t, n.chain.Query(0, "Leaf", &types.QueryLeafRequest{Position: position}, &leaf))
						if !bytes.Equal(action.Cmx, leaf.Leaf) || len(action.EphemeralKey) != 32 || len(action.Ciphertext) != 52 {
							t.Errorf("position %d: %v", position, action)
						}
						if _, err := kvshard.NodeFromBytes(action.Nullifier); err != nil || nullifiers[string(action.Nullifier)] {
							t.Errorf("position %d: nullifier %x, %v", position, action.Nullifier, err)
						}
						nullifiers[string(action.Nullifier)] = true
						bundles[string(action.Cmx)] = append(bundles[string(action.Cmx)], action)
						position++
					}
				}
				if got := uint64(b.ChainMetadata.OrchardCommitmentTreeSize); got != position {
					t.Errorf("block %d: size %d, want %d", b.Height, got, position)
				}
				n.compareState(c, b)
			}
			if _, size := n.chain.Root(); position != size {
				t.Errorf("%d actions, %d leaves", position, size)
			}
			for _, name := range []string{"shield", "unshield", "shield-b"} {
				for _, a := range chaintest.Must(bundle.Parse(n.chain.raw[name]))(t).Actions {
					got := bundles[string(a.Commitment[:])]
					if len(got) != 1 || !bytes.Equal(got[0].Nullifier, a.Nullifier[:]) || !bytes.Equal(got[0].EphemeralKey, a.EphemeralKey[:]) || !bytes.Equal(got[0].Ciphertext, a.Ciphertext[:]) {
						t.Errorf("%s: %v", name, got)
					}
				}
			}

			// The same from the end.
			falling := chaintest.Must(c.blocks(last.Height, n.first))(t)
			slices.Reverse(falling)
			if fmt.Sprint(falling) != fmt.Sprint(blocks) {
				t.Error("the blocks are others in falling order")
			}
			for _, b := range blocks {
				one := chaintest.Must(c.blocks(b.Height, b.Height))(t)
				if len(one) != 1 || one[0].String() != b.String() {
					t.Errorf("block %d alone: %v", b.Height, one)
				}
			}
			// Who asks for another pool gets no actions.
			sapling := chaintest.Must(c.blocks(n.first, n.first, walletrpc.PoolType_SAPLING, walletrpc.PoolType_TRANSPARENT))(t)
			both := chaintest.Must(c.blocks(n.first, n.first, walletrpc.PoolType_SAPLING, walletrpc.PoolType_ORCHARD))(t)
			if len(sapling) != 1 || len(sapling[0].Vtx) != 0 || sapling[0].ChainMetadata.OrchardCommitmentTreeSize != 12 || both[0].String() != blocks[0].String() {
				t.Errorf("Sapling alone: %v", sapling)
			}
		})
	}
}

// compareState compares a tree state with the chain's.
func (n *testNode) compareState(c walletClient, b *walletrpc.CompactBlock) {
	c.t.Helper()
	state := chaintest.Must(c.GetTreeState(c.t.Context(), &walletrpc.BlockID{Height: b.Height}))(c.t)
	hash := chaintest.Must(hex.DecodeString(state.Hash))(c.t)
	slices.Reverse(hash)
	frontier := chaintest.Must(kvshard.ParseTreestate(chaintest.Must(hex.DecodeString(state.OrchardTree))(c.t)))(c.t)
	var at types.QueryRootAtResponse
	chaintest.Must0(c.t, n.chain.Query(0, "RootAt", &types.QueryRootAtRequest{Height: uint32(b.Height)}, &at))
	if root := chaintest.Must(frontier.Root())(c.t); !bytes.Equal(root[:], at.Anchor.Root) || frontier.Size != uint64(b.ChainMetadata.OrchardCommitmentTreeSize) ||
		!bytes.Equal(hash, b.Hash) || state.Height != b.Height || state.Time != b.Time || state.Network != chaintest.ChainID || state.SaplingTree != "000000" {
		c.t.Errorf("tree state of %d: %v", b.Height, state)
	}
}

// TestLightdKnowsTransactions: leaves that a module brought outside of a transaction may
// be anyone's notes, and lightd has no ciphertext of them. It says so, and leaves no
// leaf out.
func TestLightdKnowsTransactions(t *testing.T) {
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		n := watch(begin(t, chaintest.Config{Params: withMode(mode)}))
		n.block()
		withPool(n.chain.Chain, appendsOwn(chaintest.Leaves(0, 2)...), nothing, false)
		n.block()
		c := walletClient{walletrpc.NewCompactTxStreamerClient(serve(t, n, 100)), t}
		blocks, err := c.blocks(n.first, n.first+1)
		if len(blocks) != 1 || status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "outside of a transaction") {
			t.Errorf("%v: %d blocks, %v", mode, len(blocks), err)
		}
	}
}

// TestLightdWaitingLeaves: a leaf that waited is in the block that appended it, at its
// place in the tree, as an action of its transaction in an earlier block. The
// transactions of one block have different indexes, and no id is in two blocks: the
// second part of a transaction whose leaves are in two blocks has its own.
func TestLightdWaitingLeaves(t *testing.T) {
	n := watch(begin(t, chaintest.Config{Accounts: 6, Params: bounded()}))
	tx := func(i int, msgs ...sdk.Msg) []byte { return n.chain.Tx(n.chain.Accounts[i], plenty, msgs...) }
	leaves := func(i, from, count int) sdk.Msg {
		return chaintest.Append(n.chain.Accounts[i], chaintest.Leaves(from, count)...)
	}
	// Ten a block: 7 and 2 are appended, then 5, then 6 and 3, then 6.
	n.block(tx(3, leaves(3, 100, 7)), tx(0, n.chain.msg("shield")), tx(4, leaves(4, 200, 5), leaves(4, 300, 6)), tx(5, leaves(5, 400, 3)))
	n.block(tx(3, leaves(3, 500, 6)))
	n.block()
	n.block()
	n.block()
	first, last := n.first, uint64(n.chain.Height())
	id := func(height uint64, tx int) string { return fmt.Sprintf("%x", sha256.Sum256(n.blocks[height].Txs[tx])) }
	whole := sha256.Sum256(n.blocks[first].Txs[2])
	part := fmt.Sprintf("%x", sha256.Sum256(slices.Concat([]byte("shieldchain part"), whole[:], []byte{1, 0, 0, 0})))
	want := [][]string{
		{"1 " + id(first, 0) + " 7", "2 " + id(first, 1) + " 2"},
		{"2 " + id(first, 2) + " 5"}, // behind the block's own one
		{"1 " + part + " 6", "2 " + id(first, 3) + " 3"},
		{"1 " + id(first+1, 0) + " 6"},
		nil,
	}
	c := walletClient{walletrpc.NewCompactTxStreamerClient(serve(t, n, 100)), t}
	blocks := chaintest.Must(c.blocks(first, last))(t)
	position := uint64(10)
	for i, b := range blocks {
		var got []string
		for _, tx := range b.Vtx {
			got = append(got, fmt.Sprintf("%d %x %d", tx.Index, tx.Txid, len(tx.Actions)))
			for _, action := range tx.Actions {
				var leaf types.QueryLeafResponse
				chaintest.Must0(t, n.chain.Query(0, "Leaf", &types.QueryLeafRequest{Position: position}, &leaf))
				if !bytes.Equal(action.Cmx, leaf.Leaf) {
					t.Errorf("position %d: %v", position, action)
				}
				position++
			}
		}
		if !slices.Equal(got, want[i]) {
			t.Errorf("block %d: %q, want %q", b.Height, got, want[i])
		}
		if uint64(b.ChainMetadata.OrchardCommitmentTreeSize) != position {
			t.Errorf("block %d: size %d, want %d", b.Height, b.ChainMetadata.OrchardCommitmentTreeSize, position)
		}
		n.compareState(c, b)
		if one := chaintest.Must(c.blocks(b.Height, b.Height))(t); len(one) != 1 || one[0].String() != b.String() {
			t.Errorf("block %d alone: %v", b.Height, one)
		}
	}
	falling := chaintest.Must(c.blocks(last, first))(t)
	slices.Reverse(falling)
	if fmt.Sprint(falling) != fmt.Sprint(blocks) {
		t.Error("the blocks are others in falling order")
	}
	// A node that does not have the transactions' block says so, and leaves nothing out.
	n.first++
	if _, err := c.blocks(first+1, last); status.Code(err) != codes.OutOfRange || !strings.Contains(err.Error(), fmt.Sprintf("waited since block %d, and the node's first block is %d", first, first+1)) {
		t.Errorf("without the transactions' block: %v", err)
	}
	if got, err := c.blocks(first+3, last); err != nil || len(got) != 2 || got[0].String() != blocks[3].String() {
		t.Errorf("behind the last leaf that waited: %v, %v", got, err)
	}
}

// TestLightdKnowsTransactionsThatWaited: a module's own leaves that waited are no
// transaction's either.
func TestLightdKnowsTransactionsThatWaited(t *testing.T) {
	n := watch(begin(t, chaintest.Config{Accounts: 3, Params: bounded()}))
	var txs [][]byte
	for i, a := range n.chain.Accounts {
		txs = append(txs, n.chain.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 8)...)))
	}
	n.block(txs...)
	withPool(n.chain.Chain, appends(chaintest.Leaves(5000, 2)...), nothing, false)
	n.block() // the pool's wait behind 8
	withPool(n.chain.Chain, nothing, nothing, false)
	n.block()
	c := walletClient{walletrpc.NewCompactTxStreamerClient(serve(t, n, 100)), t}
	blocks, err := c.blocks(n.first, n.first+2)
	if len(blocks) != 2 || status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "outside of a transaction") {
		t.Errorf("%d blocks, %v", len(blocks), err)
	}
}

// TestLightdRefuses: what cannot be answered is an error that says so.
func TestLightdRefuses(t *testing.T) {
	n := watch(begin(t, chaintest.Config{}))
	for range 5 {
		n.block()
	}
	conn := serve(t, n, 3)
	c := walletClient{walletrpc.NewCompactTxStreamerClient(conn), t}
	is := func(what string, err error, code codes.Code, text string) {
		t.Helper()
		if status.Code(err) != code || !strings.Contains(fmt.Sprint(err), text) {
			t.Errorf("%s: %v, want %v: %s", what, err, code, text)
		}
	}
	_, err := c.blocks(1, 3)
	is("before the first block", err, codes.OutOfRange, "before the node's first block, 2: a wallet's birthday is 3 or later")
	_, err = c.blocks(5, 7)
	is("after the last", err, codes.OutOfRange, "height 7 is in the future: the newest block is 6")
	_, err = c.blocks(2, 5)
	is("too many", err, codes.InvalidArgument, "4 blocks: ask for 3")
	_, err = c.blocks(5, 2)
	is("too many, in falling order", err, codes.InvalidArgument, "4 blocks: ask for 3")
	_, err = c.blocks(0, 2)
	is("no start", err, codes.InvalidArgument, "needs the heights")
	stream := chaintest.Must(c.GetBlockRange(t.Context(), &walletrpc.BlockRange{Start: &walletrpc.BlockID{Height: 2}}))(t)
	_, err = stream.Recv()
	is("no end", err, codes.InvalidArgument, "needs the heights")
	_, err = c.blocks(2, 2, walletrpc.PoolType_POOL_TYPE_INVALID)
	is("an unknown pool", err, codes.InvalidArgument, "unknown pool 0")
	_, err = c.blocks(2, 2, 9)
	is("an unknown pool", err, codes.InvalidArgument, "unknown pool 9")
	for height, text := range map[uint64]string{0: "before the node's first block", 1: "before the node's first block", 7: "in the future"} {
		_, err = c.GetTreeState(t.Context(), &walletrpc.BlockID{Height: height})
		is(fmt.Sprint("tree state of ", height), err, codes.OutOfRange, text)
	}
	_, err = c.GetTreeState(t.Context(), &walletrpc.BlockID{Hash: n.blocks[3].Hash})
	is("by hash", err, codes.InvalidArgument, "by its height")
	_, err = c.subtrees(&walletrpc.GetSubtreeRootsArg{ShieldedProtocol: 7})
	is("an unknown protocol", err, codes.InvalidArgument, "unknown protocol 7")
	for _, method := range []string{"GetLightdInfo", "SendTransaction", "GetBlock"} {
		err = conn.Invoke(t.Context(), "/cash.z.wallet.sdk.rpc.CompactTxStreamer/"+method, &walletrpc.ChainSpec{}, &walletrpc.ChainSpec{})
		is(method, err, codes.Unimplemented, method)
	}
	// No subtree is complete.
	for _, start := range []uint32{0, 1, 1 << 31} {
		roots, err := c.subtrees(&walletrpc.GetSubtreeRootsArg{ShieldedProtocol: walletrpc.ShieldedProtocol_orchard, StartIndex: start})
		if err != nil || len(roots) != 0 {
			t.Errorf("subtrees from %d on: %v, %v", start, roots, err)
		}
	}
}

// TestLightdFindsLies: a node that contradicts itself is found out before a wallet
// gets a block of it.
func TestLightdFindsLies(t *testing.T) {
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		n := mixed(t, mode)
		c := walletClient{walletrpc.NewCompactTxStreamerClient(serve(t, n, 100)), t}
		last := uint64(n.chain.Height())
		set := func(height uint64, change func(e *abci.Event) (drop bool)) func(any) {
			return func(answer any) {
				block, ok := answer.(*lightd.Block)
				if !ok || block.Height != height {
					return
				}
				change := func(events []abci.Event) []abci.Event {
					return slices.DeleteFunc(events, func(e abci.Event) bool {
						return (e.Type == types.EventType(&types.EventAppend{}) || e.Type == types.EventType(&types.EventAppendQueued{})) && change(&e)
					})
				}
				for _, r := range block.Results {
					r.Events = change(r.Events)
				}
				block.Events = change(block.Events)
			}
		}
		attribute := func(key, value string) func(e *abci.Event) bool {
			return func(e *abci.Event) bool {
				for i := range e.Attributes {
					if e.Attributes[i].Key == key {
						e.Attributes[i].Value = value
					}
				}
				return false
			}
		}
		for name, lie := range map[string]func(answer any){
			"a leaf": func(answer any) {
				if nodes, ok := answer.(*types.QueryNodesResponse); ok {
					nodes.Nodes[0][3] ^= 1
				}
			},
			"no leaves": func(answer any) {
				if nodes, ok := answer.(*types.QueryNodesResponse); ok {
					nodes.Nodes = nil
				}
			},
			"a size": func(answer any) {
				if state, ok := answer.(*types.QueryTreeStateResponse); ok {
					state.Size_++
				}
			},
			"a height's size": func(answer any) {
				if heights, ok := answer.(*types.QueryHeightsResponse); ok {
					heights.Heights[0].Size_++
				}
			},
			"no heights": func(answer any) {
				if heights, ok := answer.(*types.QueryHeightsResponse); ok {
					heights.Heights = nil
				}
			},
			"the same page again": func(answer any) {
				if heights, ok := answer.(*types.QueryHeightsResponse); ok {
					heights.Next = n.first
				}
			},
			"another height": func(answer any) {
				if state, ok := answer.(*types.QueryTreeStateResponse); ok {
					state.Height--
				}
			},
			"a bundle's byte": func(answer any) {
				if block, ok := answer.(*lightd.Block); ok && block.Height == n.first {
					block.Txs[0] = n.blocks[n.first+2].Txs[0]
				}
			},
			"no transactions": func(answer any) {
				if block, ok := answer.(*lightd.Block); ok {
					block.Txs = nil
				}
			},
			"a dropped event":                 set(n.first, func(*abci.Event) bool { return true }),
			"a dropped event of the last":     set(last, func(*abci.Event) bool { return true }),
			"a position":                      set(n.first, attribute("first", `"11"`)),
			"a count":                         set(n.first, attribute("count", "1")),
			"a position that is no number":    set(n.first, attribute("first", `"x"`)),
			"a huge count":                    set(n.first, attribute("count", "4294967295")),
			"a message that is not there":     set(n.first, attribute("msg_index", "9")),
			"a transaction that is not there": set(n.first, attribute("tx_index", "4294967295")),
			"a height to come":                set(n.first, attribute("height", `"99"`)),
			"another block's transaction":     set(n.first+2, attribute("height", fmt.Sprintf(`"%d"`, n.first+1))),
		} {
			if mode == types.Direct && (strings.HasPrefix(name, "a transaction that") || strings.HasPrefix(name, "a height to") || strings.HasPrefix(name, "another block")) {
				continue // the event is the transaction's own
			}
			n.lie = lie
			for _, r := range [][2]uint64{{n.first, last}, {last, n.first}} {
				blocks, err := c.blocks(r[0], r[1])
				if status.Code(err) != codes.DataLoss || !strings.Contains(err.Error(), "contradicts itself") {
					t.Errorf("%s, %v: %d blocks, %v", name, r, len(blocks), err)
				}
			}
			n.lie = nil
			if _, err := c.blocks(n.first, last); err != nil {
				t.Errorf("%s: without it: %v", name, err)
			}
		}
	}
}

// TestLightdSubtrees has a tree with two complete subtrees, and more.
func TestLightdSubtrees(t *testing.T) {
	n := watch(begin(t, chaintest.Config{}))
	a := n.chain.Accounts[0]
	at, completed := 10, map[int]uint64{}
	for block := 0; at < 2<<16+100; block++ {
		var txs [][]byte
		for range 20 {
			txs = append(txs, n.chain.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(at, 1000)...)))
			if at += 1000; at/(1<<16) > (at-1000)/(1<<16) {
				completed[at/(1<<16)-1] = uint64(n.chain.Height()) + 1
			}
		}
		n.block(txs...)
	}
	c := walletClient{walletrpc.NewCompactTxStreamerClient(serve(t, n, 100)), t}
	for arg, want := range map[[2]uint32][]int{{0, 0}: {0, 1}, {0, 1}: {0}, {1, 0}: {1}, {1, 9}: {1}, {2, 0}: nil, {9, 9}: nil} {
		roots := chaintest.Must(c.subtrees(&walletrpc.GetSubtreeRootsArg{ShieldedProtocol: walletrpc.ShieldedProtocol_orchard, StartIndex: arg[0], MaxEntries: arg[1]}))(t)
		if len(roots) != len(want) {
			t.Errorf("%v: %d roots", arg, len(roots))
			continue
		}
		for i, r := range roots {
			var nodes types.QueryNodesResponse
			chaintest.Must0(t, n.chain.Query(0, "Nodes", &types.QueryNodesRequest{Level: 16, First: uint64(want[i]), Max: 1}, &nodes))
			if height := completed[want[i]]; !bytes.Equal(r.RootHash, nodes.Nodes[0]) || r.CompletingBlockHeight != height || !bytes.Equal(r.CompletingBlockHash, n.blocks[height].Hash) {
				t.Errorf("%v: subtree %d: %v, completed at %d", arg, want[i], r, height)
			}
		}
	}
	for _, other := range []walletrpc.ShieldedProtocol{walletrpc.ShieldedProtocol_sapling, walletrpc.ShieldedProtocol_ironwood} {
		if roots := chaintest.Must(c.subtrees(&walletrpc.GetSubtreeRootsArg{ShieldedProtocol: other}))(t); len(roots) != 0 {
			t.Errorf("%v: %v", other, roots)
		}
	}
	// A block of 20,000 leaves is read in pages.
	blocks := chaintest.Must(c.blocks(n.first, n.first))(t)
	if len(blocks) != 1 || len(blocks[0].Vtx) != 20 || blocks[0].ChainMetadata.OrchardCommitmentTreeSize != 20_010 {
		t.Errorf("%d blocks", len(blocks))
	}
}
