package exit

import (
	"context"
	"errors"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/disk"
	"github.com/kvshard/kvshard/stream"
)

// FreeSpace is the hint for a full disk. The error names the disk.
const FreeSpace = "free some space there"

// known are the errors of the packages below, each with its exit code and hint. The
// first one that fits an error counts.
var known = []struct {
	is   error
	code int
	hint string
}{
	{context.Canceled, Interrupted, "give the same command again"},
	{disk.ErrReadOnly, Usage, "leave --db out: only a tree in a --dir can be written"},
	{disk.ErrMissing, Store, "give another path, or make a tree with \"kvshard init\""},
	{disk.ErrNoStore, Store, "give another --store or --height"},
	{disk.ErrEngine, Store, "give the directory that the tree was made in, or a copy of all of it"},
	{disk.ErrInUse, Store, "stop the node or command that has it open, or read a copy of the directory"},
	{disk.ErrFull, Store, FreeSpace + ", then give the same command again"},
	{disk.ErrDamaged, Store, "make a backup, run \"kvshard check\" to see the damage, then save what is left with \"kvshard export --salvage\""},
	{stream.ErrCut, Input, "give the same command with the whole stream"},
	{stream.ErrMalformed, Input, "give a whole stream of \"kvshard export\"; nothing was imported"},
	{stream.ErrTooLong, State, "run \"kvshard check\""},
	{kvshard.ErrInvalidNode, Input, "give 64 hex digits, the least significant byte first (block explorers show roots the other way round)"},
	{kvshard.ErrInvalidWitness, No, "give the leaf and the root that the witness was made for"},
	{kvshard.ErrCheckpointOrder, State, "give an id above the newest that \"kvshard checkpoint\" lists, or --start to go on with an input"},
	{kvshard.ErrTreeFull, State, "append to another tree: this one has no room left"},
	{kvshard.ErrNotEmpty, State, "make an empty tree with \"kvshard init --dir ANOTHER\""},
	{kvshard.ErrPositionNotFound, NotFound, "give a position below the size that \"kvshard root\" shows"},
	{kvshard.ErrPruned, NotFound, "ask a tree that was made with --retention marked and has all leaves from the first"},
	{kvshard.ErrCheckpointNotFound, NotFound, "give an id that \"kvshard checkpoint\" lists"},
	{kvshard.ErrInvalidArgument, Input, ""},
	{kvshard.ErrForeignStore, Store, "check --store and --prefix: something else wrote these records"},
	{kvshard.ErrSchemeMismatch, Store, "open the tree with the scheme that its tip names, which \"kvshard stat\" shows"},
	{kvshard.ErrUnsupportedVersion, Store, "take a newer kvshard, and check --prefix and --store"},
	{kvshard.ErrCorrupt, Store, "run \"kvshard check\" to list everything that is wrong"},
	{kvshard.ErrStore, Store, "check the disk, then run \"kvshard check\""},
	{kvshard.ErrInternal, Other, "report it: this is a fault of kvshard"},
}

// Classify returns the exit code and the hint of a command's error.
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
