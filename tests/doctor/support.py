"""Helpers that the tests of the whole examination share."""

from pathlib import Path

from conformance.doctor.examine import examine
from conformance.doctor.finding import Finding, exit_code
from conformance.profile import load
from tests.support import CREDENTIAL_ENV

ENVELOPE = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no"}}'


def examined(path: Path, **environ: str) -> dict[str, Finding]:
    """The lines by their ids."""
    return {line.id: line for line in examine(load(path, {**CREDENTIAL_ENV, **environ}))}


def code(lines: dict[str, Finding]) -> int:
    """The examination's exit code."""
    return exit_code(list(lines.values()))
