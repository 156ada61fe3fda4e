package exit

import (
	"context"
	"errors"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/stream"
)

// FreeSpace is what to do about a full disk, whose name is in the error.
const FreeSpace = "free some space there"

// known are the errors of the packages below, each with what it means here. The
// first that an error is counts.
var known = []struct {
	is   error
	code int
	hint string
}{
	{context.Canceled, Interrupted, "the same command again"},
	{disk.ErrReadOnly, Usage, "leave --db out: only a tree in a --dir can be written"},
	{disk.ErrMissing, Store, "give another path, or make a tree with \"kvshard init\""},
	{disk.ErrNoStore, Store, "give another --store or --height"},
	{disk.ErrEngine, Store, "give the directory that the tree was made in, or a copy of all of it"},
	{disk.ErrInUse, Store, "stop the node or command that has it open, or read a copy of the directory"},
	{disk.ErrFull, Store, FreeSpace + ", then give the same command again"},
	{disk.ErrDamaged, Store, "take a backup; \"kvshard check\" tells more, and \"kvshard export --salvage\" takes out what is left"},
	{stream.ErrCut, Input, "give the same command with the whole stream"},
	{stream.ErrMalformed, Input, "a stream of \"kvshard export\", whole; nothing was imported"},
	{stream.ErrTooLong, State, "\"kvshard check\""},
	{kvshard.ErrInvalidNode, Input, "64 hex digits, the least significant byte first (explorers show roots the other way round)"},
	{kvshard.ErrInvalidWitness, No, "the leaf, position and root that the witness was made for"},
	{kvshard.ErrCheckpointOrder, State, "an id above the newest of \"kvshard checkpoint\", or append --start to go on with an input"},
	{kvshard.ErrTreeFull, State, "another tree: this one has no place left"},
	{kvshard.ErrNotEmpty, State, "an empty tree: \"kvshard init --dir ANOTHER\""},
	{kvshard.ErrPositionNotFound, NotFound, "a position below the size, which \"kvshard root\" shows"},
	{kvshard.ErrPruned, NotFound, "a tree that was kept with --retention marked from its first leaf"},
	{kvshard.ErrCheckpointNotFound, NotFound, "an id that \"kvshard checkpoint\" lists"},
	{kvshard.ErrInvalidArgument, Input, ""},
	{kvshard.ErrForeignStore, Store, "give the right --store and --prefix: something else wrote what is there"},
	{kvshard.ErrUnsupportedVersion, Store, "a newer kvshard, and the right --prefix and --store"},
	{kvshard.ErrCorrupt, Store, "\"kvshard check\" lists all that is wrong"},
	{kvshard.ErrStore, Store, "\"kvshard check\", and the disk"},
	{kvshard.ErrInternal, Other, "to report it: this is a fault of kvshard"},
}

// Classify returns the exit code of a command's error and what to do about it.
func Classify(err error) (code int, hint string) { return classify(Ran(err)) }

func classify(err error) (code int, hint string) {
	var own *codedError
	if errors.As(err, &own) {
		return own.code, own.hint
	}
	for _, k := range known {
		if errors.Is(err, k.is) {
			return k.code, k.hint
		}
	}
	var ran *ranError
	if errors.As(err, &ran) {
		return Other, ""
	}
	return Usage, "" // cobra's own
}
