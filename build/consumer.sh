#!/usr/bin/env bash
# Uses the release in dist/ as its users do. A module of its own gets kvshard
# through a module proxy, on a PATH without cargo and rustc, runs the README's
# program, and builds the program again from its vendor folder.
#
#   build/consumer.sh [TARGET]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
target "${1:-$(host_target)}"
need "$cc" go
[ -d "$root/dist/proxy" ] || fail 'no release in dist/: make dist'
version=$(cat "$root/dist/proxy/github.com/kvshard/kvshard/@v/list")

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
cosmos_db=$(cd "$root" && go list -m -f '{{.Version}}' github.com/cosmos/cosmos-db)
proxies=file://$root/dist/proxy,file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)
go_cache=$(go env GOCACHE)
consumer() {
	env -i PATH="$work/bin" HOME="$work" GOMODCACHE="$work/modules" GOCACHE="$go_cache" \
		GOPROXY="$proxies" GONOSUMDB='github.com/kvshard/*' GOFLAGS=-modcacherw GOTOOLCHAIN=local \
		GOOS="$goos" GOARCH="$goarch" CGO_ENABLED=1 CC="$cc" "$@"
}
! consumer sh -c 'command -v cargo || command -v rustc || command -v rustup' || fail 'Rust is on the PATH'

mkdir "$work/consumer"
cd "$work/consumer"
consumer go mod init example.org/consumer
# The lines of docs/keeper.md, with this machine's proxies behind the release's.
guide=$(awk '/^## Depend on it$/ { on = 1; next } /^## / { on = 0 } on' "$root/dist/module/docs/keeper.md")
lines=$(awk '/^```/ { inside = !inside; if (inside) text = ""; next } inside { text = text $0 "\n" } END { printf "%s", text }' <<<"$guide")
export_line=${lines%%$'\n'*} get_line=${lines#*$'\n'}
[ "${export_line%% *}" = export ] && [ "$get_line" = "go get github.com/kvshard/kvshard@$version" ] || fail "docs/keeper.md says: $lines"
printed_proxy=$(cd "$root/dist" && bash -c "$export_line; echo \$GOPROXY \$GONOSUMDB")
[ "$printed_proxy" = "file://$root/dist/../kvshard/dist/proxy,https://proxy.golang.org github.com/kvshard/*" ] || fail "docs/keeper.md sets: $printed_proxy"
consumer sh -c "$get_line"
consumer go get "github.com/cosmos/cosmos-db@$cosmos_db"

# The README's program, word for word, and the output that the README shows.
readme=$root/dist/module/README.md
awk '/^```go$/ { on = 1; next } /^```$/ { on = 0 } on' "$readme" >main.go
grep -q '^package main$' main.go || fail 'the README has no program'
awk '/^```/ { if (on = !on) text = ""; next } on { text = text $0 "\n" } END { printf "%s", text }' "$readme" >printed
cat >main_test.go <<-GO
	package main

	import (
		"testing"

		"github.com/kvshard/kvshard"
	)

	func TestVersion(t *testing.T) {
		if got := "v" + kvshard.Version(); got != "$version" {
			t.Errorf("the library is %s, the release $version", got)
		}
	}
GO
consumer go mod tidy

exec=()
[ -z "$run" ] || exec=(-exec "timeout -k 10 600 $run")
build=(-tags "$tags" ${ldflags:+-ldflags "$ldflags"} ${exec[@]+"${exec[@]}"})
tests() {
	consumer go test -v -count=1 "${build[@]}" "$@" .
	consumer go run "${build[@]}" "$@" . >got
	diff printed got || fail 'the program of the README prints something else'
}
tests
echo "$name: from the proxy: ok"
consumer go mod vendor
tests -mod=vendor
echo "$name: from vendor: ok"
