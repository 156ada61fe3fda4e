#!/usr/bin/env bash
# Writes x/commitment/types/*.pb.go anew from proto/. Needs protoc (3.21 or
# later) in PATH, or its path in PROTOC. The plugin is built at the version that
# go.mod requires.
set -euo pipefail
cd "$(dirname "$0")/.."
dir() { go list -m -f '{{.Dir}}' "$1"; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go build -o "$out/protoc-gen-gocosmos" github.com/cosmos/gogoproto/protoc-gen-gocosmos
PATH="$out:$PATH" "${PROTOC:-protoc}" \
	-I proto \
	-I "$(dir github.com/cosmos/cosmos-sdk)/proto" \
	-I "$(dir github.com/cosmos/cosmos-proto)/proto" \
	-I "$(dir github.com/cosmos/gogoproto)" \
	-I "$(dir github.com/cosmos/gogoproto)/protobuf" \
	--gocosmos_out=plugins=grpc,Mgoogle/protobuf/any.proto=github.com/cosmos/gogoproto/types/any:"$out" \
	proto/kvshard/commitment/v1/*.proto
cp "$out"/github.com/kvshard/kvshard/examples/shieldchain/x/commitment/types/*.pb.go x/commitment/types/
gofmt -l x/commitment/types
