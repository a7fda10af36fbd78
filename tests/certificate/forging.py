"""Forgeries of signers without scruples, and their refusals."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from conformance.certificate import evidence, keys, statement
from conformance.certificate.envelope import read, seal
from conformance.certificate.verify import verify
from conformance.errors import ConformanceError
from tests.certificate.runs import KEY, LATER


def refusal(
    content: bytes, folder: Path | None = None, key: keys.PrivateKey = KEY, at: datetime = LATER
) -> Any:
    """The fault, once it is certain that it is exit 2, with a sentence and a hint."""
    with pytest.raises(ConformanceError) as refused:
        verify(content, key.public, at=at, files=None if folder is None else evidence.read(folder))
    assert refused.value.exit_code == 2
    assert refused.value.hint
    return refused.value


def resigned(content: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The certificate of a signer who wrote something else into it, with their own key."""
    data = json.loads(read(content).payload)
    change(data)
    return seal(statement.to_bytes(data), KEY).to_bytes()


def rewritten(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """A record that somebody has edited, well-formed as ever."""
    path = folder / "run.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data, indent=1) + "\n")


def predicate(data: dict[str, Any]) -> dict[str, Any]:
    """The predicate of a statement."""
    found: dict[str, Any] = data["predicate"]
    return found


def ours(data: dict[str, Any]) -> dict[str, Any]:
    """The part of the predicate that is this harness's own."""
    found: dict[str, Any] = data["predicate"]["payoutConformance"]
    return found
