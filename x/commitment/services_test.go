package commitment_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"
	queryv1 "cosmossdk.io/api/cosmos/query/v1"
	gogoproto "github.com/cosmos/gogoproto/proto"
	gwruntime "github.com/grpc-ecosystem/grpc-gateway/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cosmos/cosmos-sdk/telemetry"

	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/testutil"
	"github.com/kvshard/kvshard/x/commitment/types"
)

func service(t *testing.T, name protoreflect.FullName) protoreflect.ServiceDescriptor {
	t.Helper()
	return testutil.Must(gogoproto.HybridResolver.FindDescriptorByName(name))(t).(protoreflect.ServiceDescriptor)
}

// methods calls f with each query.
func methods(t *testing.T, f func(m protoreflect.MethodDescriptor)) {
	t.Helper()
	all := service(t, "kvshard.commitment.v1.Query").Methods()
	if all.Len() < 13 {
		t.Fatalf("%d queries", all.Len())
	}
	for i := range all.Len() {
		f(all.Get(i))
	}
}

// TestREST: each query has a path, which the OpenAPI file has too, and answers there what
// it answers over gRPC.
func TestREST(t *testing.T) {
	c := testutil.New(t, testutil.Config{})
	a := c.Accounts[0]
	for block := range 3 {
		c.MustBlock(c.Tx(a, appendOf(a, leaves(10*block, 7)...)))
	}
	client := c.Client()
	root := testutil.Must(client.Root(t.Context(), &types.QueryRootRequest{}))(t)
	mux := gwruntime.NewServeMux(gwruntime.WithMarshalerOption(gwruntime.MIMEWildcard, &gwruntime.JSONPb{OrigName: true, EmitDefaults: true}))
	testutil.Must0(t, types.RegisterQueryHandlerClient(t.Context(), mux, client))
	server := httptest.NewServer(mux)
	defer server.Close()
	get := func(path string) (int, map[string]any) {
		r := testutil.Must(http.Get(server.URL + path))(t)
		defer r.Body.Close()
		var answer map[string]any
		testutil.Must0(t, json.NewDecoder(r.Body).Decode(&answer))
		return r.StatusCode, answer
	}
	var described struct{ Paths map[string]any }
	testutil.Must0(t, json.Unmarshal(testutil.Must(os.ReadFile("docs/openapi.json"))(t), &described))
	field := regexp.MustCompile(`\{\w+\}`)
	methods(t, func(m protoreflect.MethodDescriptor) {
		rule := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
		if described.Paths[rule.GetGet()] == nil {
			t.Errorf("%s: docs/openapi.json has no path %q", m.Name(), rule.GetGet())
		}
		if code, answer := get(field.ReplaceAllString(rule.GetGet(), "1")); code != http.StatusOK && m.Name() != "Anchor" {
			t.Errorf("%s: %d: %v", rule.GetGet(), code, answer)
		}
	})
	for path, want := range map[string]string{
		"root":                            fmt.Sprint(map[string]any{"root": base64Of(root.Root), "size": "21"}),
		"size":                            "map[size:21]",
		"leaves/8":                        fmt.Sprint(map[string]any{"leaf": base64Of(leaves(10, 2)[1])}),
		"anchor?root=" + urlOf(root.Root): "map[found:true height:3 size:21]",
	} {
		if code, answer := get("/kvshard/commitment/v1/" + path); code != http.StatusOK || fmt.Sprint(answer) != want {
			t.Errorf("%s: %d: %v, want %s", path, code, answer, want)
		}
	}
	if code, answer := get("/kvshard/commitment/v1/leaves/21"); code != http.StatusNotFound {
		t.Errorf("a leaf that is not there: %d: %v", code, answer)
	}
}

// TestAutoCLI: each query and message has a command or is left out by name, and each
// argument and flag is a field of its request.
func TestAutoCLI(t *testing.T) {
	options := commitment.AppModule{}.AutoCLIOptions()
	for _, described := range []*autocliv1.ServiceCommandDescriptor{options.Query, options.Tx} {
		var names []string
		for _, command := range described.RpcCommandOptions {
			names = append(names, command.RpcMethod)
			method := service(t, protoreflect.FullName(described.Service)).Methods().ByName(protoreflect.Name(command.RpcMethod))
			if method == nil {
				t.Errorf("%s has no method %s", described.Service, command.RpcMethod)
				continue
			}
			if !command.Skip && (command.Short == "" || command.Use == "") {
				t.Errorf("%s has no help", command.RpcMethod)
			}
			for _, arg := range command.PositionalArgs {
				if method.Input().Fields().ByName(protoreflect.Name(arg.ProtoField)) == nil {
					t.Errorf("%s has no field %s", command.RpcMethod, arg.ProtoField)
				}
			}
			for name := range command.FlagOptions {
				if method.Input().Fields().ByName(protoreflect.Name(name)) == nil {
					t.Errorf("%s has no field %s", command.RpcMethod, name)
				}
			}
		}
		all := service(t, protoreflect.FullName(described.Service)).Methods()
		for i := range all.Len() {
			if name := string(all.Get(i).Name()); !slices.Contains(names, name) {
				t.Errorf("%s.%s has no command", described.Service, name)
			}
		}
	}
}

// TestSafeQueries: a query is module_query_safe, or a node can switch it off, and never
// both: if a transaction could ask what some nodes do not answer, they would fork.
func TestSafeQueries(t *testing.T) {
	methods(t, func(m protoreflect.MethodDescriptor) {
		safe := proto.GetExtension(m.Options(), queryv1.E_ModuleQuerySafe).(bool)
		if off := slices.Contains(keeper.CanBeSwitchedOff, string(m.Name())); safe == off {
			t.Errorf("%s: module_query_safe %t, can be switched off %t", m.Name(), safe, off)
		}
	})
	off := testutil.New(t, testutil.Config{Options: []keeper.Option{keeper.WithoutQueries("Witness")}})
	off.MustBlock()
	if _, err := off.Client().Witness(t.Context(), &types.QueryWitnessRequest{}); err == nil || !strings.Contains(err.Error(), "switched off on this node") {
		t.Errorf("a query that is switched off: %v", err)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), `"Root" is no query that can be switched off`) {
			t.Errorf("a safe query is switched off: %v", r)
		}
	}()
	testutil.New(t, testutil.Config{Options: []keeper.Option{keeper.WithoutQueries("Root")}})
}

// TestTelemetry: a node reports size, leaves, hashes and the time of EndBlock.
func TestTelemetry(t *testing.T) {
	metrics := testutil.Must(telemetry.New(telemetry.Config{Enabled: true, ServiceName: "node"}))(t)
	c := testutil.New(t, testutil.Config{})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, appendOf(a, leaves(0, 7)...)))
	gathered := string(testutil.Must(metrics.Gather(telemetry.FormatText))(t).Metrics)
	for _, name := range []string{"commitment.size", "commitment.appended", "commitment.hashes", "end_blocker"} {
		if !strings.Contains(gathered, name) {
			t.Errorf("no %s in %s", name, gathered)
		}
	}
}
