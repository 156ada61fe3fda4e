#!/usr/bin/env bash
# Runs the tests of an application, a module of this repository, against kvshard as
# a release has it: the files of this checkout and this machine's library, in
# module zips that the go command got from a module proxy. Each of our modules that
# the application requires is one of these. So a chain gets exactly what go.mod asks
# for. First the script counts the modules whose version go.mod changes in a chain
# that has the SDK's own versions: on SDK 0.53 and later none but the ones named here.
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

cp "$modfile" "$work/app.mod"
cp "${modfile%.mod}.sum" "$work/app.sum"
mapfile -t ours < <(sed -nE 's/^(require )?\s*(github\.com\/kvshard\/kvshard[^ ]*) v.*/\2/p' "$modfile")
[ ${#ours[@]} -gt 0 ] || fail "$modfile requires no module of ours"
# replace MODFILE makes a module file take each of them from the release.
replace() {
	local each
	for each in "${ours[@]}"; do
		go mod edit -require "$each@$version" -replace "$each=$work/modules/$each@$version" "$1"
	done
}
# A separate module cache: the usual one would keep this version for ever.
(
	cd "$work"
	GOMODCACHE=$work/modules GOFLAGS=-modcacherw GOPROXY=file://$work/proxy GONOSUMDB='github.com/kvshard/*' \
		go mod download "${ours[@]/%/@$version}"
)
replace "$work/app.mod"

cd "$app"
read -r sdk sdk_dir < <(go list -modfile "$work/app.mod" -m -f '{{.Version}} {{.Dir}}' github.com/cosmos/cosmos-sdk)

# x/commitment needs SDK 0.53.
case $sdk in v0.50.*) tags+=${tags:+,}sdk050 ;; esac

mkdir "$work/chain"
cp --no-preserve=mode "$sdk_dir/go.mod" "$sdk_dir/go.sum" "$work/chain/"
(
	cd "$work/chain"
	go mod edit -module example.org/chain
	modules() { go list -mod=mod -m -f '{{.Path}} {{.Version}}' all | grep -vE '^(example.org/chain|github.com/kvshard/kvshard[^ ]*) ' | LC_ALL=C sort; }
	modules >before
	replace go.mod
	modules >after
	LC_ALL=C join before after | awk '$2 != $3' >changes
	changed=$(wc -l <changes)
	echo "SDK $sdk: ${ours[*]}: changes $changed of the $(wc -l <before) modules of a chain"
	case $sdk in
	# cosmossdk.io/core v0.11.3 and the modules that it asks for.
	v0.50.*) most=40 known='^$' ;;
	# x/commitment asks for a sonic that Go 1.26 can compile.
	v0.53.*) most=0 known='^github.com/bytedance/sonic(/loader)? ' ;;
	# x/commitment asks for the log of SDK 0.53. No program of 0.55 has it: they have cosmossdk.io/log/v2.
	*) most=0 known='^cosmossdk.io/log ' ;;
	esac
	wrong=$(grep -vcE "$known" changes || true)
	[ "$wrong" -le "$most" ] || fail "go.mod asks for newer modules than a chain on SDK $sdk has:"$'\n'"$(cat changes)"
)

go test -count=1 -modfile "$work/app.mod" -tags "$tags" ${ldflags:+-ldflags "$ldflags"} "$@" ./...
echo "kvshard $version as released, SDK $sdk: ok"
