#!/usr/bin/env bash
# What is made of proto/, and its checks:
#
#   scripts/proto.sh generate   writes the Go code and docs/openapi.json anew
#   scripts/proto.sh lint       checks format and names, and that the code is what proto/ says
#   scripts/proto.sh breaking   checks that nothing changed that a client relies on
#   scripts/proto.sh baseline   makes today's files the ones that breaking compares with
#
# Needs Go alone. buf and the plugins are built at the versions below and in
# go.mod; the first time takes minutes. BUF names a buf that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
BUF_VERSION=v1.75.0
baseline=$PWD/proto/baseline.binpb

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dir() { go list -m -f '{{.Dir}}' "$1"; }
if [ -z "${BUF:-}" ]; then
	GOBIN=$work/bin go install "github.com/bufbuild/buf/cmd/buf@$BUF_VERSION"
	BUF=$work/bin/buf
fi

# A workspace of our files and those that they import.
mkdir "$work/proto"
cp -r proto "$work/proto/ours"
cp -r "$(dir github.com/cosmos/cosmos-sdk)/proto" "$work/proto/sdk"
cp -r "$(dir github.com/cosmos/cosmos-proto)/proto" "$work/proto/cosmos"
mkdir -p "$work/proto/gogo/gogoproto" "$work/proto/api/google"
cp "$(dir github.com/cosmos/gogoproto)/gogoproto/gogo.proto" "$work/proto/gogo/gogoproto/"
cp -r "$(dir github.com/grpc-ecosystem/grpc-gateway)/third_party/googleapis/google/api" "$work/proto/api/google/"
chmod -R u+w "$work/proto"
find "$work/proto/sdk" -name 'buf*' -delete
sed 's/^version: v2$/&\nmodules: [{path: proto\/ours}, {path: proto\/sdk}, {path: proto\/cosmos}, {path: proto\/gogo}, {path: proto\/api}]/' proto/buf.yaml >"$work/buf.yaml"
rm "$work/proto/ours/buf.yaml"
buf() { (cd "$work" && "$BUF" "$1" proto/ours "${@:2}"); }

# plugin MODULE COMMAND: builds a plugin at the version of go.mod
plugin() { GOBIN=$work/bin go install "$1/$2@$(go list -m -f '{{.Version}}' "$1")"; }

# generated FOLDER: writes all that is generated, below it
generated() {
	plugin github.com/cosmos/gogoproto protoc-gen-gocosmos
	plugin github.com/grpc-ecosystem/grpc-gateway protoc-gen-grpc-gateway
	plugin github.com/grpc-ecosystem/grpc-gateway protoc-gen-swagger
	cat >"$work/buf.gen.yaml" <<-YAML
		version: v2
		plugins:
		  - local: $work/bin/protoc-gen-gocosmos
		    out: $work/code
		    opt:
		      - plugins=grpc
		      - Mgoogle/protobuf/any.proto=github.com/cosmos/gogoproto/types/any
		      - Mcosmos/app/v1alpha1/module.proto=cosmossdk.io/depinject/appconfig/v1alpha1
		  - local: $work/bin/protoc-gen-grpc-gateway
		    out: $work/code
		    opt: [logtostderr=true, allow_colon_final_segments=true]
	YAML
	cat >"$work/buf.openapi.yaml" <<-YAML
		version: v2
		plugins:
		  - local: $work/bin/protoc-gen-swagger
		    out: $work/code
		    strategy: all
		    opt: [logtostderr=true, allow_merge=true, json_names_for_fields=false, simple_operation_ids=true]
	YAML
	buf generate --template "$work/buf.gen.yaml"
	buf generate --template "$work/buf.openapi.yaml" --path proto/ours/kvshard/commitment/v1
	local made=$work/code/github.com/kvshard/kvshard/x/commitment
	mkdir -p "$1/types" "$1/module/v1" "$1/docs"
	cp "$made"/types/*.go "$1/types/"
	cp "$made"/module/v1/*.go "$1/module/v1/"
	sed 's|"title": .*|"title": "x/commitment",|; s|"version": .*|"version": "v1"|' "$work/code/apidocs.swagger.json" >"$1/docs/openapi.json"
	# The gateway of all supported SDKs is that of protobuf's first Go API.
	sed -i 's|^package types$|//lint:file-ignore SA1019 generated\n\n&|' "$1/types/query.pb.gw.go"
	gofmt -w "$1"/types/*.pb*.go "$1"/module/v1/*.go
}

case ${1:-} in
generate)
	"$BUF" format -w proto
	generated .
	;;
lint)
	"$BUF" format --diff --exit-code proto
	buf lint
	generated "$work/new"
	(cd "$work/new" && find . -type f) | while read -r file; do
		diff -u "$file" "$work/new/$file" || { echo "$file is not what proto/ says: scripts/proto.sh generate" >&2; exit 1; }
	done
	;;
breaking) buf breaking --against "$baseline" ;;
baseline) buf build --exclude-source-info -o "$baseline" ;;
*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
