package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"

	"github.com/cosmos/gogoproto/jsonpb"
	gogoproto "github.com/cosmos/gogoproto/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// queries sends each query over gRPC and compares the answer with the state.
// Then it asks the same with the command line, which uses the RPC.
func (n *network) queries(ctx context.Context, node *node, s state) error {
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", node.grpc), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := types.NewQueryClient(conn)
	anchor, err := client.Anchor(ctx, &types.QueryAnchorRequest{Root: s.root[:]})
	if err != nil {
		return err
	}
	last := uint64(len(s.leaves) - 1)
	asked := 0
	ask := func(answer gogoproto.Message, err error, good bool, command ...string) error {
		if err != nil {
			return fmt.Errorf("%v over gRPC: %w", command, err)
		}
		if !good {
			return fmt.Errorf("%v over gRPC: %v", command, answer)
		}
		got, err := node.query(ctx, command...)
		if err != nil {
			return err
		}
		same := reflect.New(reflect.TypeOf(answer).Elem()).Interface().(gogoproto.Message)
		if err := jsonpb.Unmarshal(bytes.NewReader(got), same); err != nil {
			return fmt.Errorf("%v: %w: %s", command, err, got)
		}
		if answer.String() != same.String() {
			return fmt.Errorf("%v: the command line has %s, gRPC %s", command, got, answer)
		}
		asked++
		return nil
	}
	is := func(b []byte, node kvshard.Node) bool { return bytes.Equal(b, node[:]) }
	height := fmt.Sprint(anchor.Height)
	if err := ask(anchor, nil, anchor.Found && anchor.Size_ == last+1 && anchor.Height > 0, "anchor", base64.StdEncoding.EncodeToString(s.root[:])); err != nil {
		return err
	}
	unknown, err := client.Anchor(ctx, &types.QueryAnchorRequest{Root: s.leaves[0][:]})
	if err := ask(unknown, err, !unknown.GetFound(), "anchor", hex.EncodeToString(s.leaves[0][:])); err != nil {
		return err
	}
	root, err := client.Root(ctx, &types.QueryRootRequest{})
	if err := ask(root, err, is(root.GetRoot(), s.root) && root.GetSize_() == last+1, "root"); err != nil {
		return err
	}
	at, err := client.RootAt(ctx, &types.QueryRootAtRequest{Height: anchor.Height})
	if err := ask(at, err, err == nil && is(at.Anchor.Root, s.root) && at.Anchor.Height == anchor.Height, "root-at", height); err != nil {
		return err
	}
	now, err := client.Witness(ctx, &types.QueryWitnessRequest{Position: last})
	if err := ask(now, err, proves(now, s, last), "witness", fmt.Sprint(last)); err != nil {
		return err
	}
	then, err := client.Witness(ctx, &types.QueryWitnessRequest{Position: 2, Height: anchor.Height})
	if err := ask(then, err, proves(then, s, 2), "witness", "2", "--at", height); err != nil {
		return err
	}
	leaf, err := client.Leaf(ctx, &types.QueryLeafRequest{Position: 3})
	if err := ask(leaf, err, is(leaf.GetLeaf(), s.leaves[3]), "leaf", "3"); err != nil {
		return err
	}
	size, err := client.Size(ctx, &types.QuerySizeRequest{})
	if err := ask(size, err, size.GetSize_() == last+1, "size"); err != nil {
		return err
	}
	frontier, err := client.Frontier(ctx, &types.QueryFrontierRequest{})
	if err := ask(frontier, err, leadsTo(frontier, s.root), "frontier"); err != nil {
		return err
	}
	params, err := client.Params(ctx, &types.QueryParamsRequest{})
	if err := ask(params, err, err == nil && params.Params == types.DefaultParams(), "params"); err != nil {
		return err
	}
	queue, err := client.Queue(ctx, &types.QueryQueueRequest{})
	if err := ask(queue, err, err == nil && *queue == types.QueryQueueResponse{}, "queue"); err != nil {
		return err
	}
	state, err := client.TreeState(ctx, &types.QueryTreeStateRequest{Height: uint64(anchor.Height)})
	if err := ask(state, err, err == nil && is(state.Root, s.root) && isTreeState(state.TreeState, s.root), "tree-state", height); err != nil {
		return err
	}
	nodes, err := client.Nodes(ctx, &types.QueryNodesRequest{Level: 0, First: 1, Max: 2})
	if err := ask(nodes, err, len(nodes.GetNodes()) == 2 && is(nodes.Nodes[1], s.leaves[2]) && nodes.Size_ == last+1, "nodes", "0", "1", "--max", "2"); err != nil {
		return err
	}
	subtrees, err := client.SubtreeRoots(ctx, &types.QuerySubtreeRootsRequest{})
	if err := ask(subtrees, err, len(subtrees.GetRoots()) == 0 && subtrees.GetSize_() == last+1, "subtree-roots"); err != nil {
		return err
	}
	kept, err := client.Anchors(ctx, &types.QueryAnchorsRequest{From: 1, Max: 1})
	if err := ask(kept, err, len(kept.GetAnchors()) == 1, "anchors", "--from", "1", "--max", "1"); err != nil {
		return err
	}
	heights, err := client.Heights(ctx, &types.QueryHeightsRequest{From: uint64(anchor.Height), To: uint64(anchor.Height)})
	if err := ask(heights, err, len(heights.GetHeights()) == 1 && heights.Heights[0].Size_ == last+1, "heights", "--from", height, "--to", height); err != nil {
		return err
	}
	if _, err := client.Leaf(ctx, &types.QueryLeafRequest{Position: last + 1}); err == nil || !strings.Contains(err.Error(), "NotFound") {
		return fmt.Errorf("a leaf that is not there, over gRPC: %v", err)
	}
	n.say("%d queries have right answers over gRPC, and the same on the command line", asked)
	return nil
}

func proves(r *types.QueryWitnessResponse, s state, position uint64) bool {
	w := kvshard.Witness{Position: position}
	if len(r.GetPath()) != len(w.Path) {
		return false
	}
	for i, b := range r.Path {
		node, err := kvshard.NodeFromBytes(b)
		if err != nil {
			return false
		}
		w.Path[i] = node
	}
	return r.Position == position && bytes.Equal(r.Root, s.root[:]) && bytes.Equal(r.Leaf, s.leaves[position][:]) &&
		w.Verify(s.root, s.leaves[position]) == nil
}

func isTreeState(text []byte, root kvshard.Node) bool {
	frontier, err := kvshard.ParseTreestate(text)
	if err != nil {
		return false
	}
	got, err := frontier.Root()
	return err == nil && got == root
}

// leadsTo tells whether a tree started from the frontier has the root.
func leadsTo(r *types.QueryFrontierResponse, root kvshard.Node) bool {
	leaf, err := kvshard.NodeFromBytes(r.GetLeaf())
	if err != nil {
		return false
	}
	f := kvshard.Frontier{Size: r.Size_, Leaf: leaf}
	for _, b := range r.Ommers {
		ommer, err := kvshard.NodeFromBytes(b)
		if err != nil {
			return false
		}
		f.Ommers = append(f.Ommers, ommer)
	}
	tree, err := kvshard.Open(kvtest.NewMemStore())
	if err != nil || tree.InsertFrontier(f, 1) != nil {
		return false
	}
	got, err := tree.Root()
	return err == nil && got == root
}
