#!/usr/bin/env bash
# Builds the library from what is committed, in two folders, and compares the bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in a a-folder-with-a-longer-name; do
  mkdir "$work/$folder"
  git archive HEAD | tar -x -C "$work/$folder"
  cargo build --quiet --manifest-path "$work/$folder/rust/Cargo.toml" --target-dir "$work/$folder/rust/target" --locked --release
  sha256sum "$work/$folder/rust/target/release/libkvshard.a"
done
cmp "$work"/{a,a-folder-with-a-longer-name}/rust/target/release/libkvshard.a
echo 'the same bytes'
