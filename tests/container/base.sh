#!/bin/sh
# Prints the name of a base image with Python and its venv module. BASE names one of a registry; without it, one is made
# of Debian's packages by mmdebstrap, which needs no registry.
set -eu
[ -z "${BASE:-}" ] || { echo "$BASE"; exit; }
name=localhost/payout-conformance-base
if ! buildah inspect --type image "$name" >/dev/null 2>&1; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates trixie "$folder/base.tar" >&2
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$folder/base.tar" / >&2
  buildah commit --quiet --rm "$container" "$name" >&2
fi
echo "$name"
