package keeper

import (
	"context"
	"fmt"
	"slices"
	"strings"

	grpc1 "github.com/cosmos/gogoproto/grpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kvshard/kvshard/x/commitment/types"
)

// CanBeSwitchedOff are the queries that a node need not answer: those of wallets, and all
// whose cost follows what is asked. The others are module_query_safe: a transaction may
// ask them through another module or a contract, and then all nodes must answer alike.
var CanBeSwitchedOff = []string{"Witness", "SubtreeRoots", "TreeState", "Nodes", "Anchors", "Heights"}

// WithoutQueries switches queries off on this node, by their names, say "Witness": a
// node's operator serves what he wants to pay for. Each answers that it is switched off.
func WithoutQueries(names ...string) Option {
	return func(k *Keeper) { k.switchedOff = append(k.switchedOff, names...) }
}

// RegisterQueries registers the queries.
//
// Errors: one that names those of CanBeSwitchedOff, if another one is switched off.
func RegisterQueries(server grpc1.Server, k Keeper) error {
	s := &switchboard{Server: server, off: k.switchedOff}
	types.RegisterQueryServer(s, NewQueryServer(k))
	return s.err
}

// A switchboard registers a service without the methods that are switched off.
type switchboard struct {
	grpc1.Server
	off []string
	err error
}

func (s *switchboard) RegisterService(service *grpc.ServiceDesc, handler any) {
	for _, name := range s.off {
		if !slices.Contains(CanBeSwitchedOff, name) {
			s.err = fmt.Errorf("%q is no query that can be switched off; these are: %s", name, strings.Join(CanBeSwitchedOff, ", "))
			return
		}
	}
	changed := *service
	changed.Methods = slices.Clone(service.Methods)
	for i, method := range changed.Methods {
		if slices.Contains(s.off, method.MethodName) {
			changed.Methods[i].Handler = switchedOff(method.MethodName)
		}
	}
	s.Server.RegisterService(&changed, handler)
}

func switchedOff(name string) func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
	return func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
		return nil, status.Errorf(codes.Unimplemented, "the query %s is switched off on this node: ask another", name)
	}
}
