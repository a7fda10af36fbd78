#!/usr/bin/env bash
# Says where this version of the harness is installed, and under which key: it changes with every file of the version.
set -euo pipefail
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "::error title=payout-conformance::Python 3.11 or later is needed: put actions/setup-python@v5 before this step"
  exit 2
fi
cd "$GITHUB_ACTION_PATH"
python="$(python3 -c 'import platform; print(platform.python_version())')"
digest="$(find pyproject.toml requirements.lock conformance specs -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z |
  xargs -0 sha256sum | sha256sum | cut -c1-20)"
{
  echo "home=${RUNNER_TOOL_CACHE:-$RUNNER_TEMP}/payout-conformance/$python-$digest"
  echo "key=$python-$digest"
} >>"$GITHUB_OUTPUT"
