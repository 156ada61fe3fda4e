#!/usr/bin/env bash
# Tags the release in dist/ in a copy of this repository, and has the go command
# download each module from its tag: the sums must be those of dist/proxy. So a user's
# go.sum holds for both, and the checksum database will have what was tested.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
source "$here/as-user.sh"
need go git
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git clone -q --bare --shared "$root" "$work/repository"
export GIT_AUTHOR_NAME=release GIT_AUTHOR_EMAIL=release@example.org GIT_COMMITTER_NAME=release GIT_COMMITTER_EMAIL=release@example.org
"$here/tag.sh" "$work/repository" >"$work/tags"
git config --file "$work/gitconfig" "url.file://$work/repository.insteadOf" https://github.com/kvshard/kvshard
version=$(cat "$root/dist/proxy/github.com/kvshard/kvshard/@v/list")
cd "$work"
sums() { # sums PROXY prints the sums of all modules that a proxy has.
	local module
	for module in $(released_modules); do
		env -i PATH="$PATH" HOME="$work" GIT_CONFIG_GLOBAL="$work/gitconfig" GOMODCACHE="$work/cache-${1%%:*}" GOPROXY="$1" \
			GOFLAGS=-modcacherw GONOSUMDB='github.com/kvshard/*' GOTOOLCHAIN=local go mod download -json "$module@$version" >download
		grep -oE '"(Path|Sum|GoModSum)": "[^"]*"' download
	done
}
sums "file://$root/dist/proxy" >proxy
sums direct >tags-sums
diff proxy tags-sums || fail 'a tag gives another module than the proxy'
[ "$(grep -c '"Sum"' proxy)" = "$(wc -l <tags)" ] || fail 'the proxy and the tags have different modules'
echo "the tags $(tr '\n' ' ' <tags)have the same modules as the proxy"
