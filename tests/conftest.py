"""Fixtures of the tests of the core. One clean sandbox per worker, in another process; tests use ids of their own."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.http.client import Client, Recorder
from conformance.http.gate import Gate
from conformance.http.redact import Redactor
from tests.support import PATIENCE_S, SandboxProcess
from tests.tap import Tap

# What takes longest, most of it waiting, begins first: begun last, it would keep one worker while the others are done.
LONGEST = (
    "tests/worst_day/test_run.py",
    "tests/test_secrets.py",
    "tests/outside/",
    "tests/test_workers.py",
    "tests/test_resume.py",
    "tests/test_limits.py",
    "tests/test_first_hour.py",
    "tests/fuzz/test_honest.py",
    "tests/states/test_lying_sources.py",
    "tests/states/test_odd_ids.py",
    "tests/plan/test_plan.py",
    "tests/test_apart.py",
    "tests/test_every_run.py",
    "tests/test_runner.py",
    "tests/test_unavailable.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of `LONGEST` before the others, which keep their order."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Has no later search for garbage look at what is imported and collected by now, which stays."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The state that runs keep for later ones is written to a folder of the tests' own."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    os.environ.pop("XDG_STATE_HOME")
    if before is not None:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    """A conformant target in another process."""
    process = SandboxProcess()
    yield process
    process.close()


@pytest.fixture(scope="session")
def bendable() -> Iterator[SandboxProcess]:
    """Another one, whose defects a test switches as it likes."""
    process = SandboxProcess()
    yield process
    process.close()


class Clients:
    """Makes clients of one URL, each with a gate and a recorder, and closes them in the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: list[tuple[Client, Gate]] = []

    def __call__(
        self,
        url: str,
        *,
        timeout_s: float = PATIENCE_S,
        connections: int = 8,
        requests_per_second: float | None = None,
        max_requests: int = 1000,
        redactor: Redactor | None = None,
    ) -> tuple[Client, Recorder]:
        gate = Gate(
            self._folder / f"gate{len(self._open)}",
            requests_per_second=requests_per_second,
            max_requests=max_requests,
        )
        recorder = Recorder()
        client = Client(
            url,
            timeout_s=timeout_s,
            connections=connections,
            gate=gate,
            redactor=redactor or Redactor({}),
            recorder=recorder,
        )
        self._open.append((client, gate))
        return client, recorder

    def close(self) -> None:
        for client, gate in self._open:
            client.close()
            gate.close()


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    """Makes clients: `client, recorder = clients(url)`."""
    made = Clients(tmp_path)
    yield made
    made.close()


@pytest.fixture
def tap(sandbox: SandboxProcess) -> Iterator[Tap]:
    """The sandbox, by a way that is watched."""
    tap = Tap(sandbox.url)
    yield tap
    tap.close()
