package commitment

import (
	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"

	"github.com/kvshard/kvshard/x/commitment/types"
)

// AutoCLIOptions describes the module's commands. Bytes are base64, as in the answers, or
// hex.
func (AppModule) AutoCLIOptions() *autocliv1.ModuleOptions {
	return &autocliv1.ModuleOptions{
		Query: &autocliv1.ServiceCommandDescriptor{
			Service:           types.Query_serviceDesc.ServiceName,
			Short:             "Query the note commitment tree",
			RpcCommandOptions: queryCommands(),
		},
		Tx: &autocliv1.ServiceCommandDescriptor{
			Service:              types.Msg_serviceDesc.ServiceName,
			Short:                "Append to the note commitment tree",
			EnhanceCustomCommand: true, // cli.TxCmd
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{
					RpcMethod:      "Append",
					Use:            "append [commitment]...",
					Short:          "Append commitments of 32 bytes",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "commitments", Varargs: true}},
				},
				{RpcMethod: "UpdateParams", Skip: true}, // the authority's, by a proposal
			},
		},
	}
}

func queryCommands() []*autocliv1.RpcCommandOptions {
	command := func(method, use, short string, args ...*autocliv1.PositionalArgDescriptor) *autocliv1.RpcCommandOptions {
		return &autocliv1.RpcCommandOptions{RpcMethod: method, Use: use, Short: short, PositionalArgs: args}
	}
	field := func(name string) *autocliv1.PositionalArgDescriptor {
		return &autocliv1.PositionalArgDescriptor{ProtoField: name}
	}
	optional := func(name string) *autocliv1.PositionalArgDescriptor {
		return &autocliv1.PositionalArgDescriptor{ProtoField: name, Optional: true}
	}
	flags := func(options *autocliv1.RpcCommandOptions, flags map[string]*autocliv1.FlagOptions) *autocliv1.RpcCommandOptions {
		options.FlagOptions = flags
		return options
	}
	from, to := &autocliv1.FlagOptions{Usage: "first height"}, &autocliv1.FlagOptions{Usage: "last height; all up to the newest if 0"}
	page := &autocliv1.FlagOptions{Usage: "number of items at most; a page of 4,096 if 0"}
	// --height is the height of the state that is asked.
	anchor := &autocliv1.FlagOptions{Name: "at", Usage: "height of an anchor; the root of all leaves if 0"}
	return []*autocliv1.RpcCommandOptions{
		command("Params", "params", "The parameters"),
		command("Root", "root", "The root of all leaves"),
		command("RootAt", "root-at [height]", "The anchor that held at a height", field("height")),
		command("Anchor", "anchor [root]", "Whether a root is a kept anchor", field("root")),
		flags(command("Witness", "witness [position]", "The proof of a leaf, against the root of all leaves or, with --at, the anchor that held at a height. The node learns which leaf", field("position")),
			map[string]*autocliv1.FlagOptions{"height": anchor}),
		command("Leaf", "leaf [position]", "The leaf at a position", field("position")),
		command("Size", "size", "The number of leaves"),
		command("Frontier", "frontier", "What another tree needs to go on from here"),
		command("Queue", "queue", "How many commitments wait from earlier blocks"),
		flags(command("SubtreeRoots", "subtree-roots [start]", "The roots of the complete subtrees of 65,536 leaves, from one on", optional("start")),
			map[string]*autocliv1.FlagOptions{"max": page}),
		command("TreeState", "tree-state [height]", "The tree after a height, or after the newest: what a wallet starts from", optional("height")),
		flags(command("Nodes", "nodes [level] [first]", "The complete nodes of a level (0 has the leaves, 32 the root), from one on", field("level"), optional("first")),
			map[string]*autocliv1.FlagOptions{"max": page}),
		flags(command("Anchors", "anchors", "The kept anchors of a range of heights"),
			map[string]*autocliv1.FlagOptions{"from": from, "to": to, "max": page}),
		flags(command("Heights", "heights", "The heights of a range that appended, and the number of leaves after each"),
			map[string]*autocliv1.FlagOptions{"from": from, "to": to, "max": page}),
	}
}
