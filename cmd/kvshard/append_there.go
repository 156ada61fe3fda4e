package main

import (
	"errors"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// keptCheckpoints are the checkpoints that a tree keeps, oldest first, and how many
// it may keep.
type keptCheckpoints struct {
	list []kvshard.Checkpoint
	most uint32
}

func keptBy(tree *kvshard.Tree, most uint32) (k keptCheckpoints, err error) {
	k.most = most
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return k, err
		}
		k.list = append(k.list, checkpoint)
	}
	return k, nil
}

func (k keptCheckpoints) newest() *kvshard.Checkpoint {
	if len(k.list) == 0 {
		return nil
	}
	return &k.list[len(k.list)-1]
}

// oldest is the oldest checkpoint that is not retained, or else the newest. Before
// it, only retained ones are kept.
func (k keptCheckpoints) oldest() *kvshard.Checkpoint {
	for i := range k.list {
		if !k.list[i].Retained {
			return &k.list[i]
		}
	}
	return k.newest()
}

func (k keptCheckpoints) find(id uint32) *kvshard.Checkpoint {
	for i := range k.list {
		if k.list[i].ID == id {
			return &k.list[i]
		}
	}
	return nil
}

// maybePruned tells whether a checkpoint that is not kept can have existed: it is
// older than the oldest, and its size fits among the others.
func (k keptCheckpoints) maybePruned(id uint32, size uint64) bool {
	oldest := k.oldest()
	if oldest == nil || id >= oldest.ID {
		return false
	}
	for _, other := range k.list {
		if other.ID < id && other.Size > size || other.ID > id && other.Size < size {
			return false
		}
	}
	return true
}

// pruned tells whether such a checkpoint, made in its turn, would have been pruned by
// now. Then the tree is the same with it as without it.
func (k keptCheckpoints) pruned(id uint32, size uint64) bool {
	prunable := uint32(0)
	for _, other := range k.list {
		if !other.Retained {
			prunable++
		}
	}
	return prunable >= k.most && k.maybePruned(id, size)
}

// there is what an append found in the tree already.
type there struct {
	size        uint64 // of the tree, as it is on disk
	before      keptCheckpoints
	skipped     uint64
	notCompared uint64              // of these, leaves that the tree did not keep
	pruned      int                 // checkpoints that are not kept any more
	unproven    *kvshard.Checkpoint // the first of them that may never have been
}

// skip makes sure that the leaf is the one that the tree has there.
func (t *there) skip(tree *source.LeafReader, position uint64, leaf kvshard.Node) error {
	found, err := tree.Leaf(position)
	switch {
	case errors.Is(err, kvshard.ErrPruned):
		t.notCompared++
	case err != nil:
		return err
	case found != leaf:
		return exit.Errorf(exit.State, "give the --start that the input was begun with, or another tree",
			"position %d has the leaf %s, but the input has %s", position, found, leaf)
	}
	t.skipped++
	return nil
}

// passBlock makes sure that the checkpoint of a block that ends here is there, or
// was pruned.
//
// After a rewind, fewer checkpoints are kept than may be, and those that were pruned
// before are still gone. Then the input must have the oldest kept one, at its size:
// that shows that the tree was made from this input.
func (t *there) passBlock(id uint32, end uint64) error {
	if t.before.find(id) == nil && !t.before.pruned(id, end) && t.before.maybePruned(id, end) {
		if t.unproven == nil {
			t.unproven = &kvshard.Checkpoint{ID: id, Size: end}
		}
		t.pruned++
		return nil
	}
	if _, err := t.passCheckpoint(t.before, id, end); err != nil {
		return err
	}
	if id == t.before.oldest().ID {
		t.unproven = nil
	}
	if id > t.before.oldest().ID {
		return t.proven()
	}
	return nil
}

// proven refuses what passBlock could not make sure of.
func (t *there) proven() error {
	if t.unproven == nil {
		return nil
	}
	return exit.Errorf(exit.State, "give the input that the tree was made from, or an input that begins behind the tree's oldest checkpoint",
		"checkpoint %d at size %d is not there, and the input does not have the tree's oldest, %d", t.unproven.ID, t.unproven.Size, t.before.oldest().ID)
}

// passCheckpoint tells whether the checkpoint that ends here is there, or was
// pruned. It refuses one that can never be made.
func (t *there) passCheckpoint(now keptCheckpoints, id uint32, end uint64) (done bool, err error) {
	if found := now.find(id); found != nil {
		if found.Size != end {
			return false, exit.Errorf(exit.State, "give the --start that the input was begun with, or another tree",
				"checkpoint %d has %d leaves, but the input has it at %d", id, found.Size, end)
		}
		return true, nil
	}
	if now.pruned(id, end) {
		t.pruned++
		return true, nil
	}
	if newest := now.newest(); newest != nil && id < newest.ID {
		return false, exit.Errorf(exit.State, "run \"kvshard checkpoint\" to list what is there",
			"checkpoint %d is not there, and cannot be made any more: the newest is %d", id, newest.ID)
	}
	if end < t.size {
		return false, exit.Errorf(exit.State, "give the whole input, or go back with \"kvshard rewind\"",
			"the input ends at position %d, and the tree has %d leaves and no checkpoint %d there", end, t.size, id)
	}
	return false, nil
}
