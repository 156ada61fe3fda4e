package lightd

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

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
	height       uint64 // of the message's block: an earlier one, if it waited
	tx, msg      int
	first, count uint64
	id           [32]byte // of the transaction, or of a later part of it
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
// Queue those of the block itself, whose messages may be of earlier blocks.
func (w *walker) actionsOf(ctx context.Context, block Block) (leaves, error) {
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
			a.height, a.tx = block.Height, i
			found = append(found, a)
		}
	}
	for _, e := range block.Events {
		switch e.Type {
		case appendType:
			return nil, outsideTx(block.Height)
		case appendQueuedType:
			a, outside, err := readAppendQueued(e)
			switch {
			case err != nil:
				return nil, diverged("block %d: %v", block.Height, err)
			case outside:
				return nil, outsideTx(block.Height)
			case a.height > block.Height:
				return nil, diverged("block %d has leaves of block %d", block.Height, a.height)
			}
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b appended) int { return cmp.Compare(a.first, b.first) })
	for i := range found {
		from, err := w.source(ctx, block, found[i].height)
		if err != nil {
			return nil, err
		}
		if err := w.fill(from, &found[i]); err != nil {
			return nil, err
		}
	}
	w.keep(found)
	return found, nil
}

func outsideTx(height uint64) error {
	return status.Errorf(codes.Unimplemented, "block %d: a module appended outside of a transaction, and lightd knows leaves of transactions alone", height)
}

var (
	appendType       = commitmenttypes.EventType(&commitmenttypes.EventAppend{})
	appendQueuedType = commitmenttypes.EventType(&commitmenttypes.EventAppendQueued{})
)

// readAppend reads the event of a message that appended in its transaction.
func readAppend(e abci.Event) (a appended, err error) {
	message, err := commitmenttypes.ParseEvent(e)
	if err != nil {
		return a, err
	}
	event := message.(*commitmenttypes.EventAppend)
	a.first, a.count = event.First, uint64(event.Count)
	a.msg, err = messageOf(e)
	return a, err
}

// readAppendQueued reads the event of a call that was queued.
func readAppendQueued(e abci.Event) (a appended, outsideTx bool, err error) {
	message, err := commitmenttypes.ParseEvent(e)
	if err != nil {
		return a, false, err
	}
	event := message.(*commitmenttypes.EventAppendQueued)
	a = appended{height: event.Height, tx: int(event.TxIndex), msg: int(event.MsgIndex), first: event.First, count: uint64(event.Count)}
	return a, event.OutsideTx, nil
}

// fill reads the actions out of the message, which is in this block.
func (s *Server) fill(block Block, a *appended) error {
	if a.tx >= len(block.Txs) || a.tx >= len(block.Results) || block.Results[a.tx].Code != abci.CodeTypeOK {
		return diverged("block %d: leaves of transaction %d, which is not one of its %d, or failed", block.Height, a.tx, len(block.Txs))
	}
	tx, err := s.decode(block.Txs[a.tx])
	if err != nil {
		return diverged("block %d, transaction %d: %v", block.Height, a.tx, err)
	}
	if a.id, err = partID(block, a); err != nil {
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
	for i, a := range brought {
		if a.first != next {
			return diverged("block %d, transaction %d: leaves from position %d on, they should be from %d on", height, a.tx, a.first, next)
		}
		if i > 0 && a.height < brought[i-1].height {
			return diverged("block %d: leaves of block %d behind those of block %d", height, a.height, brought[i-1].height)
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
// from 1. Those of earlier blocks, whose leaves waited, count on behind the block's
// own: a wallet knows a block's transactions apart by their indexes.
func (l leaves) compact(block Block, size uint64) *walletrpc.CompactBlock {
	out := &walletrpc.CompactBlock{
		Height:        block.Height,
		Hash:          block.Hash,
		PrevHash:      block.PrevHash,
		Time:          block.Time,
		ChainMetadata: &walletrpc.ChainMetadata{OrchardCommitmentTreeSize: uint32(size)},
	}
	waited := uint64(len(block.Txs))
	for i, a := range l {
		if i == 0 || a.height != l[i-1].height || a.tx != l[i-1].tx {
			index := uint64(a.tx) + 1
			if a.height != block.Height {
				waited++
				index = waited
			}
			out.Vtx = append(out.Vtx, &walletrpc.CompactTx{Index: index, Txid: slices.Clone(a.id[:])})
		}
		tx := out.Vtx[len(out.Vtx)-1]
		tx.Actions = append(tx.Actions, a.actions...)
	}
	return out
}
