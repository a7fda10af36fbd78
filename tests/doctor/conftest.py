"""Fixtures of the doctor's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.doctor import preflight
from conformance.sandbox import Sandbox
from tests.support import CREDENTIAL_ENV


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials in the environment, no waiting for connections to close, used ids of nobody else's."""
    monkeypatch.setattr(preflight, "_MOMENT_S", 0.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name, value in CREDENTIAL_ENV.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def target() -> Iterator[Sandbox]:
    """A sandbox in this process."""
    with Sandbox() as sandbox:
        yield sandbox
