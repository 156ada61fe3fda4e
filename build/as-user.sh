# The go command as a user of the release in dist/ has it. Scripts source this file
# after targets.sh, call target, and set work to a temporary folder.

# Modules come from the release, then from this machine's module cache.
as_user_proxies=file://$root/dist/proxy,file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)
as_user_cache=$(go env GOCACHE)

# as_user COMMAND... runs it with none of this machine's settings, the flags that the
# target needs, and a module cache of its own, in which the release is what the proxy
# has. With -trimpath, packages are compiled once for all such caches.
as_user() {
	local flags="-modcacherw -trimpath ${tags:+-tags=$tags} ${ldflags:+\"-ldflags=$ldflags\"}"
	env -i PATH="${user_path:-$PATH}" HOME="$work" GOMODCACHE="$work/modules" GOCACHE="$as_user_cache" \
		GOPROXY="$as_user_proxies" GONOSUMDB='github.com/kvshard/*' GOFLAGS="$flags" GOTOOLCHAIN=local \
		GOOS="$goos" GOARCH="$goarch" CGO_ENABLED=1 CC="$cc" "$@"
}

# installed prints where go install puts the command for the target.
installed() {
	local folder=$work/go/bin
	[ "$goos/$goarch" = "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" ] || folder+=/${goos}_$goarch
	case $goos in windows) echo "$folder/kvshard.exe" ;; *) echo "$folder/kvshard" ;; esac
}

# build_program VERSION builds the command for the target as dist/bin has it. Without
# -buildid=, the bytes depend on where the module cache is.
build_program() {
	as_user go install -ldflags "-s -w -buildid= $ldflags" "github.com/kvshard/kvshard/cmd/kvshard@$1" && installed
}

# released_modules prints the import paths in the release's proxy.
released_modules() { (cd "$root/dist/proxy" && find . -path '*/@v/list' | sed 's|^\./||; s|/@v/list$||' | LC_ALL=C sort); }
