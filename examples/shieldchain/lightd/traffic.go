package lightd

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/stats"
)

// Traffic counts calls and the bytes of their answers. It is a handler of
// grpc.StatsHandler.
type Traffic struct {
	mu      sync.Mutex
	methods map[string]*count
}

type count struct{ calls, messages, bytes int64 }

type methodKey struct{}

// TagRPC keeps the call's method in its context.
func (t *Traffic) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, methodKey{}, path.Base(info.FullMethodName))
}

// HandleRPC counts.
func (t *Traffic) HandleRPC(ctx context.Context, event stats.RPCStats) {
	method, _ := ctx.Value(methodKey{}).(string)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.methods == nil {
		t.methods = map[string]*count{}
	}
	c := t.methods[method]
	if c == nil {
		c = &count{}
		t.methods[method] = c
	}
	switch event := event.(type) {
	case *stats.Begin:
		c.calls++
	case *stats.OutPayload:
		c.messages++
		c.bytes += int64(event.WireLength)
	}
}

// TagConn does nothing.
func (t *Traffic) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (t *Traffic) HandleConn(context.Context, stats.ConnStats) {}

// String lists the methods that were called.
func (t *Traffic) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for _, method := range slices.Sorted(maps.Keys(t.methods)) {
		c := t.methods[method]
		lines = append(lines, fmt.Sprintf("%s: %d calls, %d messages, %d bytes", method, c.calls, c.messages, c.bytes))
	}
	if len(lines) == 0 {
		return "nobody called"
	}
	return strings.Join(lines, "\n")
}
