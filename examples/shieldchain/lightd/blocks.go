package lightd

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	abci "github.com/cometbft/cometbft/abci/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
	"github.com/kvshard/kvshard/examples/shieldchain/lightd/walletrpc"
	shieldtypes "github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
	commitmenttypes "github.com/kvshard/kvshard/x/commitment/types"
)

// An appended is one message's part of the tree.
type appended struct {
	tx, msg      int
	first, count uint64
	actions      []*walletrpc.CompactOrchardAction
}

// leaves are what a block brought to the tree, in the tree's order.
type leaves []appended

func (l leaves) count() (n uint64) {
	for _, a := range l {
		n += a.count
	}
	return n
}

// actionsOf finds what a block brought. x/commitment's events tell which message
// has which positions: in the mode Direct a transaction's events, in the mode
// Queue those of the block's end.
func (s *Server) actionsOf(block Block) (leaves, error) {
	var found leaves
	for i, result := range block.Results {
		if result.Code != abci.CodeTypeOK {
			continue
		}
		for _, e := range result.Events {
			if e.Type != appendType {
				continue
			}
			a, err := readAppend(e)
			if err != nil {
				return nil, diverged("block %d, transaction %d: %v", block.Height, i, err)
			}
			a.tx = i
			found = append(found, a)
		}
	}
	for _, e := range block.Events {
		switch e.Type {
		case appendType:
			return nil, status.Errorf(codes.Unimplemented, "block %d: a module appended outside of a transaction, and lightd knows leaves of transactions alone", block.Height)
		case appendQueuedType:
			a, err := readAppendQueued(e)
			if err != nil {
				return nil, diverged("block %d: %v", block.Height, err)
			}
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b appended) int { return cmp.Compare(a.first, b.first) })
	for i := range found {
		if err := s.fill(block, &found[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

var (
	appendType       = commitmenttypes.EventType(&commitmenttypes.EventAppend{})
	appendQueuedType = commitmenttypes.EventType(&commitmenttypes.EventAppendQueued{})
)

// readAppend reads the event of a message that appended in its transaction. baseapp
// notes which message it was.
func readAppend(e abci.Event) (a appended, err error) {
	message, err := commitmenttypes.ParseEvent(e)
	if err != nil {
		return a, err
	}
	event := message.(*commitmenttypes.EventAppend)
	a.first, a.count = event.First, uint64(event.Count)
	i := slices.IndexFunc(e.Attributes, func(a abci.EventAttribute) bool { return a.Key == "msg_index" })
	if i < 0 {
		return a, fmt.Errorf("an event %s without msg_index", e.Type)
	}
	a.msg, err = strconv.Atoi(e.Attributes[i].Value)
	if err == nil && a.msg < 0 {
		err = fmt.Errorf("an event %s of message %d", e.Type, a.msg)
	}
	return a, err
}

// readAppendQueued reads the event of a message that the block's end appended.
func readAppendQueued(e abci.Event) (a appended, err error) {
	message, err := commitmenttypes.ParseEvent(e)
	if err != nil {
		return a, err
	}
	event := message.(*commitmenttypes.EventAppendQueued)
	return appended{tx: int(event.TxIndex), msg: int(event.MsgIndex), first: event.First, count: uint64(event.Count)}, nil
}

// fill reads the actions out of the message.
func (s *Server) fill(block Block, a *appended) error {
	if a.tx >= len(block.Txs) {
		return diverged("block %d: leaves of transaction %d, it has %d", block.Height, a.tx, len(block.Txs))
	}
	tx, err := s.decode(block.Txs[a.tx])
	if err != nil {
		return diverged("block %d, transaction %d: %v", block.Height, a.tx, err)
	}
	msgs := tx.GetMsgs()
	if a.msg >= len(msgs) {
		return diverged("block %d, transaction %d: leaves of message %d, it has %d", block.Height, a.tx, a.msg, len(msgs))
	}
	switch msg := msgs[a.msg].(type) {
	case *commitmenttypes.MsgAppend:
		for i, c := range msg.Commitments {
			a.actions = append(a.actions, bareAction(a.first+uint64(i), c))
		}
	case *shieldtypes.MsgBundle:
		b, err := bundle.Parse(msg.Bundle)
		if err != nil {
			return diverged("block %d, transaction %d: %v", block.Height, a.tx, err)
		}
		for i := range b.Actions {
			a.actions = append(a.actions, compactAction(&b.Actions[i]))
		}
	default:
		// A message inside another one, say: its leaves must not be left out, and
		// must not be sent as if nobody could decrypt them.
		return status.Errorf(codes.Unimplemented, "block %d, transaction %d: a message %s appended, and lightd knows MsgAppend and MsgBundle alone",
			block.Height, a.tx, sdk.MsgTypeURL(msgs[a.msg]))
	}
	if uint64(len(a.actions)) != a.count {
		return diverged("block %d, transaction %d: message %d has %d commitments, the event %d", block.Height, a.tx, a.msg, len(a.actions), a.count)
	}
	return nil
}

func compactAction(a *bundle.Action) *walletrpc.CompactOrchardAction {
	return &walletrpc.CompactOrchardAction{Nullifier: a.Nullifier[:], Cmx: a.Commitment[:], EphemeralKey: a.EphemeralKey[:], Ciphertext: a.Ciphertext[:]}
}

// bareAction is the action of a leaf that came without one. Its ephemeral key is
// all zeroes, the encoding of the point at infinity, which no note is encrypted
// with: so no key decrypts it. Its nullifier is
//
//	SHA-256("shieldchain leaf" ‖ u64 LE position), the two highest bits cleared
//
// which is an element of the field, as a wallet expects, different for each leaf,
// and no note's.
func bareAction(position uint64, commitment []byte) *walletrpc.CompactOrchardAction {
	nullifier := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("shieldchain leaf"), position))
	nullifier[31] &= 0x3F
	return &walletrpc.CompactOrchardAction{Nullifier: nullifier[:], Cmx: commitment, EphemeralKey: make([]byte, 32), Ciphertext: make([]byte, 52)}
}

// compare finds each commitment at its position in the tree.
func (s *Server) compare(ctx context.Context, height uint64, brought leaves, first uint64) error {
	next := first
	for _, a := range brought {
		if a.first != next {
			return diverged("block %d, transaction %d: leaves from position %d on, they should be from %d on", height, a.tx, a.first, next)
		}
		next += a.count
	}
	if next == first {
		return nil
	}
	tree, err := s.leavesOf(ctx, first, next)
	if err != nil {
		return err
	}
	for _, a := range brought {
		for i, action := range a.actions {
			if at := a.first + uint64(i); !bytes.Equal(tree[at-first], action.Cmx) {
				return diverged("block %d, transaction %d brings the commitment %x to position %d, the tree has %x there", height, a.tx, action.Cmx, at, tree[at-first])
			}
		}
	}
	return nil
}

// leavesOf reads leaves of the tree.
func (s *Server) leavesOf(ctx context.Context, first, end uint64) ([][]byte, error) {
	read := make([][]byte, 0, end-first)
	for next := first; next < end; next = first + uint64(len(read)) {
		var page commitmenttypes.QueryNodesResponse
		request := &commitmenttypes.QueryNodesRequest{First: next, Max: uint32(min(end-next, commitmenttypes.MaxPage))}
		if err := s.node.Query(ctx, "Nodes", request, &page); err != nil {
			return nil, unavailable(err)
		}
		if len(page.Nodes) == 0 || len(page.Nodes) > int(request.Max) {
			return nil, diverged("asked for %d leaves from %d on, the node has %d", request.Max, next, len(page.Nodes))
		}
		read = append(read, page.Nodes...)
	}
	return read, nil
}

// compact makes the block as wallets get it. An index of 0 is for Zcash's
// coinbase transaction, which this chain does not have: the transactions count
// from 1.
func (l leaves) compact(block Block, size uint64) *walletrpc.CompactBlock {
	out := &walletrpc.CompactBlock{
		Height:        block.Height,
		Hash:          block.Hash,
		PrevHash:      block.PrevHash,
		Time:          block.Time,
		ChainMetadata: &walletrpc.ChainMetadata{OrchardCommitmentTreeSize: uint32(size)},
	}
	for i, a := range l {
		if i == 0 || a.tx != l[i-1].tx {
			id := sha256.Sum256(block.Txs[a.tx])
			out.Vtx = append(out.Vtx, &walletrpc.CompactTx{Index: uint64(a.tx) + 1, Txid: id[:]})
		}
		tx := out.Vtx[len(out.Vtx)-1]
		tx.Actions = append(tx.Actions, a.actions...)
	}
	return out
}
