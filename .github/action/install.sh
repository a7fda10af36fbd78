#!/usr/bin/env bash
# Installs the version of the harness that the tag names, with the versions of its lock file.
set -euo pipefail
python3 -m venv --clear "$HOME_OF_HARNESS"
constraints="$(mktemp)"
trap 'rm -f "$constraints"' EXIT
# The lock file without its hashes: a folder, which is what is installed, can't have one.
sed -nE 's/^([A-Za-z0-9._-]+==[^ ;]+).*/\1/p' "$GITHUB_ACTION_PATH/requirements.lock" >"$constraints"
"$HOME_OF_HARNESS/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$constraints" "$GITHUB_ACTION_PATH"
