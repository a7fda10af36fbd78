"""Describes the CI job that signs, as far as the environment tells.

What comes of it is the signer's claim, and the certificate says so: anybody can set these variables. It tells a reader
where to look: the log of a run that only the repository's CI can have made. Of the environment only the variables that
are named here are read, each must have the form that its CI gives it, and what is incomplete is no claim at all.
"""

import re
from collections.abc import Mapping
from typing import Any

_REPOSITORY = r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+"
_COMMIT = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_SERVER = r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9_.-]+)*"
_URL = rf"{_SERVER}/[A-Za-z0-9_./-]+"

_GITHUB = {
    "GITHUB_SERVER_URL": _SERVER,
    "GITHUB_REPOSITORY": _REPOSITORY,
    "GITHUB_SHA": _COMMIT,
    "GITHUB_WORKFLOW_REF": rf"{_REPOSITORY}/[^@\s]{{1,200}}@[\x21-\x7e]{{1,200}}",
    "GITHUB_RUN_ID": r"[0-9]+",
    "GITHUB_RUN_ATTEMPT": r"[0-9]+",
}
_GITLAB = {
    "CI_SERVER_URL": _SERVER,
    "CI_PROJECT_PATH": _REPOSITORY,
    "CI_COMMIT_SHA": _COMMIT,
    "CI_PIPELINE_URL": _URL,
    "CI_JOB_URL": _URL,
}
# Every variable that can leave a trace in a certificate.
READ = ("GITHUB_ACTIONS", *_GITHUB, "GITLAB_CI", *_GITLAB)

SELF = {
    "kind": "self",
    "note": "The holder of the key says this of their own run.",
}
_NOTE = (
    "The signer says that this CI job signed. The signature proves the key, not the job: "
    "the job's log shows whether it is so."
)


def attestation(environ: Mapping[str, str]) -> dict[str, Any]:
    """`kind` is `ci` with provider, repository, commit, workflow and URL, or `self`; `note` says what that is worth."""
    if environ.get("GITHUB_ACTIONS") == "true" and (found := _read(environ, _GITHUB)):
        repository = f"{found['GITHUB_SERVER_URL']}/{found['GITHUB_REPOSITORY']}"
        url = f"{repository}/actions/runs/{found['GITHUB_RUN_ID']}/attempts/{found['GITHUB_RUN_ATTEMPT']}"
        return _job("GitHub Actions", repository, found["GITHUB_SHA"], found["GITHUB_WORKFLOW_REF"], url)
    if environ.get("GITLAB_CI") == "true" and (found := _read(environ, _GITLAB)):
        repository = f"{found['CI_SERVER_URL']}/{found['CI_PROJECT_PATH']}"
        commit, pipeline, url = (found[name] for name in ("CI_COMMIT_SHA", "CI_PIPELINE_URL", "CI_JOB_URL"))
        return _job("GitLab CI", repository, commit, pipeline, url)
    return dict(SELF)


def _job(provider: str, repository: str, commit: str, workflow: str, url: str) -> dict[str, Any]:
    said = {"kind": "ci", "provider": provider, "repository": repository, "commit": commit}
    return {**said, "workflow": workflow, "url": url, "note": _NOTE}


def _read(environ: Mapping[str, str], forms: Mapping[str, str]) -> dict[str, str] | None:
    """These variables, if all of them are there and in form."""
    found = {name: environ.get(name, "") for name in forms}
    return found if all(re.fullmatch(forms[name], value) for name, value in found.items()) else None
