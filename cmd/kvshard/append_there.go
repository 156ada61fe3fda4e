package main

import (
	"errors"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// kept is the checkpoints that a tree keeps, oldest first, and how many it may.
type kept struct {
	list []kvshard.Checkpoint
	most uint32
}

func keptBy(tree *kvshard.Tree, most uint32) (k kept, err error) {
	k.most = most
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return k, err
		}
		k.list = append(k.list, checkpoint)
	}
	return k, nil
}

func (k kept) newest() *kvshard.Checkpoint {
	if len(k.list) == 0 {
		return nil
	}
	return &k.list[len(k.list)-1]
}

// oldest is the one before which nothing is kept but what is retained: the
// oldest that is not retained, or else the newest.
func (k kept) oldest() *kvshard.Checkpoint {
	for i := range k.list {
		if !k.list[i].Retained {
			return &k.list[i]
		}
	}
	return k.newest()
}

func (k kept) find(id uint32) *kvshard.Checkpoint {
	for i := range k.list {
		if k.list[i].ID == id {
			return &k.list[i]
		}
	}
	return nil
}

// maybePruned tells whether a checkpoint that is not kept can have been here: it
// is older than the oldest, and its size fits among the others.
func (k kept) maybePruned(id uint32, size uint64) bool {
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

// pruned tells whether such a checkpoint, made in its turn, would have been
// pruned by now, so that the tree is the same with it as without it.
func (k kept) pruned(id uint32, size uint64) bool {
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
	skipped     uint64
	notCompared uint64              // of these, leaves that the tree did not keep
	pruned      int                 // checkpoints that are not kept any more
	unproven    *kvshard.Checkpoint // the first of them that may never have been
}

// skip makes sure that the leaf is the one that the tree has there.
func (j *appendJob) skip(tree *source.LeafReader, position uint64, leaf kvshard.Node) error {
	found, err := tree.Leaf(position)
	switch {
	case errors.Is(err, kvshard.ErrPruned):
		j.notCompared++
	case err != nil:
		return err
	case found != leaf:
		return exit.Errorf(exit.State, "give the --start that the input was begun with, or another tree",
			"position %d has the leaf %s, and the input %s", position, found, leaf)
	}
	j.skipped++
	j.progress.add(1)
	return j.ctx.Err()
}

// passBlock makes sure that a block's checkpoint is there, or was pruned.
//
// After a rewind fewer are kept than may be, and those that had been pruned are
// gone all the same. Then the input must have the oldest that is kept, at its
// size: it is the input that the tree was made from.
func (j *appendJob) passBlock(id uint32) error {
	if j.before.find(id) == nil && !j.before.pruned(id, j.end()) && j.before.maybePruned(id, j.end()) {
		if j.unproven == nil {
			j.unproven = &kvshard.Checkpoint{ID: id, Size: j.end()}
		}
		j.pruned++
		return nil
	}
	if _, err := j.passCheckpoint(j.before, id); err != nil {
		return err
	}
	if id == j.before.oldest().ID {
		j.unproven = nil
	}
	if id > j.before.oldest().ID {
		return j.proven()
	}
	return nil
}

// proven refuses what passBlock could not make sure of.
func (j *appendJob) proven() error {
	if j.unproven == nil {
		return nil
	}
	return exit.Errorf(exit.State, "give the input that the tree was made from, or begin it behind the tree's oldest checkpoint",
		"checkpoint %d at size %d is not there, and the tree's oldest, %d, is not the input's", j.unproven.ID, j.unproven.Size, j.before.oldest().ID)
}

// passCheckpoint tells whether the checkpoint that ends here is there, or was
// pruned. It refuses one that can never be made.
func (j *appendJob) passCheckpoint(now kept, id uint32) (done bool, err error) {
	end := j.end()
	if found := now.find(id); found != nil {
		if found.Size != end {
			return false, exit.Errorf(exit.State, "give the --start that the input was begun with, or another tree",
				"checkpoint %d has %d leaves, and the input ends at %d", id, found.Size, end)
		}
		return true, nil
	}
	if now.pruned(id, end) {
		j.pruned++
		return true, nil
	}
	if newest := now.newest(); newest != nil && id < newest.ID {
		return false, exit.Errorf(exit.State, "list what there is with \"kvshard checkpoint\"",
			"checkpoint %d is not there, and cannot be made behind the newest, %d", id, newest.ID)
	}
	if end < j.size {
		return false, exit.Errorf(exit.State, "give the whole input, or go back with \"kvshard rewind\"",
			"the input ends at position %d, and the tree has %d leaves and no checkpoint %d there", end, j.size, id)
	}
	return false, nil
}
