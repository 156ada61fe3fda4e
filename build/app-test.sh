#!/usr/bin/env bash
# Runs the tests of an application, a module of this repository, against kvshard as
# a release has it: the files of this checkout and this machine's library, in a
# module zip that the go command got from a module proxy. So a chain gets exactly
# what go.mod asks for. First the script counts the modules whose version go.mod
# changes in a chain that has the SDK's own versions: none on SDK 0.53 and later.
#
#   build/app-test.sh FOLDER MODFILE [GO-TEST-ARGUMENTS...]
#
# MODFILE is FOLDER's go.mod, or one for another version of the SDK.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
[ $# -ge 2 ] || fail "usage: build/app-test.sh FOLDER MODFILE [GO-TEST-ARGUMENTS...]"
target "$(host_target)"
need "$cc" git go
cd "$root"
app=$root/$1 modfile=$root/$1/$2
shift 2
[ -e "lib/$dir/libkvshard.a" ] || fail "there is no lib/$dir/libkvshard.a: make library"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

version=v$(sed -nE 's/^const version = "(.*)"$/\1/p' version.go)
mkdir "$work/module"
git ls-files -z --cached --others --exclude-standard --deduplicate |
	while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
	xargs -0 cp --parents -t "$work/module"
cp "lib/$dir/libkvshard.a" "$work/module/lib/$dir/"
(cd tools/release && go run . proxy -module "$work/module" -out "$work/proxy" -version "$version" -time 2000-01-01T00:00:00Z)

# A separate module cache: the usual one would keep this version for ever.
(
	cd "$work"
	GOMODCACHE=$work/modules GOFLAGS=-modcacherw GOPROXY=file://$work/proxy GONOSUMDB='github.com/kvshard/*' \
		go mod download "github.com/kvshard/kvshard@$version"
)
cp "$modfile" "$work/app.mod"
cp "${modfile%.mod}.sum" "$work/app.sum"
go mod edit -replace "github.com/kvshard/kvshard=$work/modules/github.com/kvshard/kvshard@$version" "$work/app.mod"

cd "$app"
read -r sdk sdk_dir < <(go list -modfile "$work/app.mod" -m -f '{{.Version}} {{.Dir}}' github.com/cosmos/cosmos-sdk)

mkdir "$work/chain"
cp --no-preserve=mode "$sdk_dir/go.mod" "$sdk_dir/go.sum" "$work/chain/"
(
	cd "$work/chain"
	go mod edit -module example.org/chain
	modules() { go list -mod=mod -m all | grep -vE '^(example.org/chain|github.com/kvshard/kvshard)( |$)'; }
	modules >before
	go mod edit -require "github.com/kvshard/kvshard@$version" -replace "github.com/kvshard/kvshard=$work/modules/github.com/kvshard/kvshard@$version"
	modules >after
	changed=$(comm -13 before after | wc -l)
	echo "SDK $sdk: kvshard changes $changed of the $(wc -l <before) modules of a chain"
	# cosmossdk.io/core v0.11.3 and the modules that it asks for.
	case $sdk in v0.50.*) most=40 ;; *) most=0 ;; esac
	[ "$changed" -le "$most" ] || fail "go.mod asks for newer modules than a chain on SDK $sdk has:"$'\n'"$(comm -13 before after)"
)

go test -count=1 -modfile "$work/app.mod" -tags "$tags" ${ldflags:+-ldflags "$ldflags"} "$@" ./...
echo "kvshard $version as released, SDK $sdk: ok"
