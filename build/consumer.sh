#!/usr/bin/env bash
# Uses the release in dist/ as its users do, on a PATH without cargo and rustc. All
# comes from its module proxy:
#
#   - the command, with go install, as docs/command.md says;
#   - a module of its own with the README's program and a tree of package hashtree,
#     built again from its vendor folder;
#   - an application on SDK 0.53 with the tree, and one with x/commitment;
#   - each module of the tree that is tagged, by its own go.mod and go.sum.
#
#   build/consumer.sh [TARGET]
#
# For a target of another machine it leaves the last two out: they would take very long
# there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
source "$here/as-user.sh"
target "${1:-$(host_target)}"
need "$cc" go
[ -d "$root/dist/proxy" ] || fail 'no release in dist/: make dist'
version=$(cat "$root/dist/proxy/github.com/kvshard/kvshard/@v/list")
tree=$root/dist/module

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A PATH with everything except Rust.
mkdir "$work/bin"
for folder in /bin /usr/bin /usr/local/bin; do
	for program in "$folder"/*; do
		case $(basename "$program") in *cargo* | *rust* | *clippy*) ;; *) ln -sf "$program" "$work/bin/" ;; esac
	done
done
ln -sf "$(go env GOROOT)/bin/go" "$work/bin/go"
user_path=$work/bin
! as_user sh -c 'command -v cargo || command -v rustc || command -v rustup' || fail 'Rust is on the PATH'
exec=()
[ -z "$run" ] || exec=(-exec "timeout -k 10 600 $run")

# The lines of docs/keeper.md for a release: the one that sets the proxy, which here has
# this machine's proxies behind it, and those that get the modules.
guide=$(awk '/^## Depend on it$/ { on = 1; next } /^## / { on = 0 } on' "$tree/docs/keeper.md")
lines=$(awk '/^```/ { inside = !inside; if (inside) text = ""; next } inside { text = text $0 "\n" } END { printf "%s", text }' <<<"$guide")
export_line=${lines%%$'\n'*} get_lines=${lines#*$'\n'}
libraries=$(released_modules | grep -v '/cmd/')
[ "${export_line%% *}" = export ] && [ "$get_lines" = "$(sed "s|.*|go get &@$version|" <<<"$libraries")" ] || fail "docs/keeper.md says: $lines"
printed_proxy=$(cd "$root/dist" && bash -c "$export_line; echo \$GOPROXY \$GONOSUMDB")
[ "$printed_proxy" = "file://$root/dist/../kvshard/dist/proxy,https://proxy.golang.org github.com/kvshard/*" ] || fail "docs/keeper.md sets: $printed_proxy"

# The command, with the line of docs/command.md, and real blocks whose roots it compares.
command_works() {
	local install program kvshard base=kvshard-$version-$name
	install=$(grep -E '^go install ' "$tree/docs/command.md")
	[ "$install" = "go install github.com/kvshard/kvshard/cmd/kvshard@$version" ] || fail "docs/command.md says: $install"
	mkdir "$work/command"
	cd "$work/command"
	as_user sh -c "$install"
	program=$(installed)
	kvshard=(${run:+timeout -k 10 600 $run} "$program")
	[ "$("${kvshard[@]}" --version | tr -d '\r')" = "kvshard version ${version#v}" ] || fail 'kvshard --version says something else'
	"${kvshard[@]}" init
	"${kvshard[@]}" append "$tree/testdata/roots/testnet.json"
	"${kvshard[@]}" witness 5 --output json >proof.json
	"${kvshard[@]}" verify proof.json --root "$("${kvshard[@]}" root | cut -d' ' -f1)"
	"${kvshard[@]}" check
	# What dist/bin has is what this machine makes of the release, in another folder.
	program=$(build_program "$version")
	case $goos in
	windows) unzip -q "$root/dist/bin/$base.zip" ;;
	*) tar -xzf "$root/dist/bin/$base.tar.gz" ;;
	esac
	cmp "$program" "$base/$(basename "$program")" || fail "dist/bin has another program than go install makes"
	echo "$name: the command: ok"
}

# tests runs the README's program and the tests beside it; $1 can be -mod=vendor.
tests() {
	as_user go test -v -count=1 ${exec[@]+"${exec[@]}"} "$@" .
	as_user go run ${exec[@]+"${exec[@]}"} "$@" . >got
	diff printed got || fail 'the program of the README prints something else'
}

# A module of its own: the README's program, word for word, and the output that the
# README shows.
program_works() {
	local readme=$tree/README.md cosmos_db
	cosmos_db=$(cd "$root" && go list -m -f '{{.Version}}' github.com/cosmos/cosmos-db)
	mkdir "$work/consumer"
	cd "$work/consumer"
	as_user go mod init example.org/consumer
	as_user sh -c "$(head -1 <<<"$get_lines")"
	as_user go get "github.com/cosmos/cosmos-db@$cosmos_db"
	awk '/^```go$/ { on = 1; next } /^```$/ { on = 0 } on' "$readme" >main.go
	grep -q '^package main$' main.go || fail 'the README has no program'
	awk '/^```/ { if (on = !on) text = ""; next } on { text = text $0 "\n" } END { printf "%s", text }' "$readme" >printed
	cat >main_test.go <<-GO
		package main

		import (
			"testing"

			dbm "github.com/cosmos/cosmos-db"

			"github.com/kvshard/kvshard"
			"github.com/kvshard/kvshard/hashtree"
		)

		func TestVersion(t *testing.T) {
			if got := "v" + kvshard.Version(); got != "$version" {
				t.Errorf("the library is %s, the release $version", got)
			}
		}

		func TestHashtree(t *testing.T) {
			scheme := hashtree.VotePoseidon()
			tree, err := hashtree.Open(dbm.NewMemDB(), scheme)
			if err != nil {
				t.Fatal(err)
			}
			leaves := []hashtree.Node{{1}, {2}, {3}}
			if _, err := tree.AppendBatch(leaves); err != nil {
				t.Fatal(err)
			}
			root, err := tree.Root()
			if err != nil {
				t.Fatal(err)
			}
			witness, err := tree.Witness(1)
			if err != nil {
				t.Fatal(err)
			}
			if err := scheme.VerifyWitness(witness, root, leaves[1]); err != nil {
				t.Error(err)
			}
			if scheme.VerifyWitness(witness, root, leaves[2]) == nil {
				t.Error("another leaf is proven")
			}
		}
	GO
	as_user go mod tidy
	tests
	echo "$name: from the proxy: ok"
	as_user go mod vendor
	tests -mod=vendor
	echo "$name: from vendor: ok"
}

# A chain on SDK 0.53: the application of tools/compat, which gets all modules as
# docs/keeper.md says.
chain_works() {
	mkdir "$work/chain"
	cd "$work/chain"
	cp "$tree"/tools/compat/*.go "$tree"/tools/compat/go.{mod,sum} .
	local module
	for module in $libraries; do
		as_user go mod edit -dropreplace "$module" -droprequire "$module"
	done
	as_user sh -ec "$get_lines"
	as_user go test -count=1 ./...
	echo "$name: an application on SDK $(as_user go list -m -f '{{.Version}}' github.com/cosmos/cosmos-sdk): ok"
}

# Whoever checks out a tag builds each released module with the go.mod and go.sum that
# it has.
tree_works() {
	local module
	for module in $(released_modules); do
		cd "$tree/${module#github.com/kvshard/kvshard}"
		as_user go list -mod=readonly -deps -test ./... >/dev/null
	done
	echo "$name: go.mod and go.sum of each module: ok"
}

command_works
program_works
[ -n "$run" ] || {
	chain_works
	tree_works
}
