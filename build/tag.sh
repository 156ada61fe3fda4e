#!/usr/bin/env bash
# Tags the release in dist/ in this repository, or in another one that has its commit:
#
#   build/tag.sh [REPOSITORY]
#
# The tags are on a commit of their own, which has the files of dist/module; its parent
# is the commit that was released. Each Go module of the release has a tag, as the go
# command wants it: v0.1.0, and cmd/kvshard/v0.1.0 for the one in that folder. Nothing
# is pushed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/targets.sh"
source "$here/as-user.sh"
repository=$(git -C "${1:-$root}" rev-parse --absolute-git-dir)
[ -e "$root/dist/SHA256SUMS" ] || fail 'no release in dist/: make dist'
(cd "$root/dist" && sha256sum --quiet -c SHA256SUMS) || fail 'dist/ was changed: make dist'
version=$(cat "$root/dist/proxy/github.com/kvshard/kvshard/@v/list")
parent=$(cat "$root/dist/COMMIT")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
in_tree() { GIT_INDEX_FILE=$work/index git --git-dir="$repository" --work-tree="$root/dist/module" "$@"; }
# The libraries are in .gitignore.
(cd "$root/dist/module" && in_tree add --all --force .)
tree=$(in_tree write-tree)
date=$(git --git-dir="$repository" show -s --format=%cI "$parent")
commit=$(GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date git --git-dir="$repository" commit-tree "$tree" -p "$parent" -m "$version, with its libraries")
for module in $(released_modules); do
	folder=${module#github.com/kvshard/kvshard}
	tag=${folder:+${folder#/}/}$version
	git --git-dir="$repository" tag -a -m "$module $version" "$tag" "$commit"
	echo "$tag"
done
