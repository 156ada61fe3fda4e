package types

import (
	"slices"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cosmos/gogoproto/proto"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// ParseEvent reads an event of a block's results into its message, say a *EventAppend. It
// does what sdk.ParseTypedEvent does, which fails on events of a block's begin or end:
// baseapp adds an attribute to them that is no JSON.
func ParseEvent(event abci.Event) (proto.Message, error) {
	event.Attributes = slices.DeleteFunc(slices.Clone(event.Attributes), func(a abci.EventAttribute) bool { return a.Key == "mode" })
	return sdk.ParseTypedEvent(event)
}

// EventType returns the type that an event of this message has in a block's results.
func EventType(event proto.Message) string { return proto.MessageName(event) }
