package lightd

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	abci "github.com/cometbft/cometbft/abci/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	commitmenttypes "github.com/kvshard/kvshard/x/commitment/types"
)

// A walker makes the blocks of one range. Leaves may have waited for their block, which
// then has leaves of earlier blocks' transactions. It holds those blocks as long as their
// leaves may go on in the range's next block: the leaves are in the order of the blocks
// that brought them.
type walker struct {
	*Server
	earlier map[uint64]Block
}

// source returns the block with a height: the one that is made, or an earlier one.
func (w *walker) source(ctx context.Context, block Block, height uint64) (Block, error) {
	if height == block.Height {
		return block, nil
	}
	if earlier, found := w.earlier[height]; found {
		return earlier, nil
	}
	first, _, err := w.node.Heights(ctx)
	if err != nil {
		return Block{}, unavailable(err)
	}
	if height < first {
		return Block{}, status.Errorf(codes.OutOfRange, "block %d has leaves that waited since block %d, and the node's first block is %d: ask a node that has it, or for blocks without such leaves",
			block.Height, height, first)
	}
	earlier, err := w.node.Block(ctx, height)
	if err != nil {
		return Block{}, unavailable(err)
	}
	w.earlier[height] = earlier
	return earlier, nil
}

// keep lets go of the blocks that had none of these leaves.
func (w *walker) keep(found leaves) {
	for height := range w.earlier {
		if !slices.ContainsFunc(found, func(a appended) bool { return a.height == height }) {
			delete(w.earlier, height)
		}
	}
}

var queueType = commitmenttypes.EventType(&commitmenttypes.EventQueue{})

// partID returns what wallets get as the id of a transaction: the SHA-256 of its bytes.
// A wallet keeps one transaction under one id, in one block. So if a transaction's
// leaves are in several blocks, because a block took no more, those from a later message
// on have an id of their own,
//
//	SHA-256("shieldchain part" ‖ id ‖ u32 LE message)
//
// for the first message of each part. Within a block the part is one transaction, with
// the id of its first message.
func partID(block Block, a *appended) ([32]byte, error) {
	id := sha256.Sum256(block.Txs[a.tx])
	first, err := firstMessage(block.Results[a.tx].Events)
	if err != nil || a.msg <= first {
		return id, err
	}
	part := append([]byte("shieldchain part"), id[:]...)
	return sha256.Sum256(binary.LittleEndian.AppendUint32(part, uint32(a.msg))), nil
}

// firstMessage returns the index of a transaction's first message that brought leaves.
func firstMessage(events []abci.Event) (int, error) {
	for _, e := range events {
		if e.Type == appendType || e.Type == queueType {
			return messageOf(e)
		}
	}
	return 0, nil
}

// messageOf returns the index of the message that emitted an event, which baseapp notes.
func messageOf(e abci.Event) (int, error) {
	i := slices.IndexFunc(e.Attributes, func(a abci.EventAttribute) bool { return a.Key == "msg_index" })
	if i < 0 {
		return 0, fmt.Errorf("an event %s without msg_index", e.Type)
	}
	msg, err := strconv.Atoi(e.Attributes[i].Value)
	if err != nil || msg < 0 {
		return 0, fmt.Errorf("an event %s of message %q", e.Type, e.Attributes[i].Value)
	}
	return msg, nil
}
