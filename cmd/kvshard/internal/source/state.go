package source

import "github.com/kvshard/kvshard"

// A State is a tree now, or at a checkpoint.
type State struct {
	Root       kvshard.Node `json:"root,omitzero"`
	Size       uint64       `json:"size"`
	Checkpoint *uint32      `json:"checkpoint,omitempty"`
}

// ReadState reads the tree now, or at a checkpoint if its id is given.
func ReadState(tree *kvshard.Tree, at *uint32) (s State, err error) {
	if at == nil {
		if s.Size, err = tree.Size(); err != nil {
			return s, err
		}
		s.Root, err = tree.Root()
		return s, err
	}
	s.Checkpoint = at
	if s.Size, err = tree.SizeAt(*at); err != nil {
		return s, err
	}
	s.Root, err = tree.RootAt(*at)
	return s, err
}

// State reads the tree now. If its scheme is not known, the root is left out.
func (s *Source) State(tree *kvshard.Tree) (now State, err error) {
	if s.Scheme.Unknown() == nil {
		return ReadState(tree, nil)
	}
	now.Size, err = tree.Size()
	return now, err
}

// A Checkpoint is one as JSON has it.
type Checkpoint struct {
	ID       uint32 `json:"id"`
	Size     uint64 `json:"size"`
	Retained bool   `json:"retained"`
}
