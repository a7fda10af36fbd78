"""Comments a summary on the pull request of a job of GitHub Actions, and edits that comment from then on.

`python -m conformance.cli.comment SUMMARY.md NAME`; NAME tells the comments of several jobs apart. A comment that can't
be written is a warning: it says nothing of a target.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import httpx

# GitHub takes 65,536 characters.
_LONGEST = 60_000
_PAGE = 100
_PAGES = 30
_TIMEOUT_S = 20


def main(words: list[str], environ: Mapping[str, str]) -> int:
    """Comments, and returns 0; what kept it from doing so is told as a warning."""
    from conformance.report import several

    path, name = words
    try:
        click.echo(comment(Path(path).read_text(encoding="utf-8"), name, environ))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, httpx.HTTPError) as fault:
        said = f"The pull request was not commented on: {fault}. It needs permissions: pull-requests: write"
        click.echo(several.command("warning", "payout-conformance", said))
    return 0


def comment(summary: str, name: str, environ: Mapping[str, str]) -> str:
    """Creates or edits the comment, and returns what was done.

    Raises httpx.HTTPError, OSError, ValueError, KeyError.
    """
    number = _pull_request(environ)
    if number is None:
        return "No pull request: nothing to comment on."
    where = f"{environ['GITHUB_API_URL'].rstrip('/')}/repos/{environ['GITHUB_REPOSITORY']}/issues"
    body = f"{_marker(name, environ)}\n{_cut(summary)}"
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {environ['GITHUB_TOKEN']}",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    with httpx.Client(headers=headers, timeout=_TIMEOUT_S) as client:
        found = _found(client, f"{where}/{number}/comments", _marker(name, environ))
        if found is None:
            client.post(f"{where}/{number}/comments", json={"body": body}).raise_for_status()
            return f"Commented on pull request {number}."
        client.patch(f"{where}/comments/{found}", json={"body": body}).raise_for_status()
        return f"Edited the comment on pull request {number}."


def _pull_request(environ: Mapping[str, str]) -> int | None:
    event: Any = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    about = event.get("pull_request") or {}
    return int(about["number"]) if "number" in about else None


def _found(client: httpx.Client, url: str, marker: str) -> int | None:
    for page in range(1, _PAGES + 1):
        answer = client.get(url, params={"per_page": _PAGE, "page": page})
        answer.raise_for_status()
        comments = answer.json()
        for one in comments:
            if str(one.get("body") or "").startswith(marker):
                return int(one["id"])
        if len(comments) < _PAGE:
            break
    return None


def _marker(name: str, environ: Mapping[str, str]) -> str:
    told = "\n".join((environ.get("GITHUB_WORKFLOW", ""), environ.get("GITHUB_JOB", ""), name.strip()))
    return f"<!-- payout-conformance {hashlib.sha256(told.encode()).hexdigest()[:16]} -->"


def _cut(summary: str) -> str:
    if len(summary) <= _LONGEST:
        return summary
    return summary[:_LONGEST].rpartition("\n")[0] + "\n\nThe rest stands in the summary of the job.\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
