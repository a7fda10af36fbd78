"""localstripe in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Conformance checks of localstripe: the command collects them, with a profile.
collect_ignore = ["suite"]
KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"


@pytest.fixture(scope="session")
def localstripe() -> Iterator[str]:
    """The address of a localstripe that answers."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "localstripe_server.py")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    # It listens before it says so: whoever connects now is answered.
    url = server.stdout.readline().strip()
    assert url, "localstripe didn't start"
    yield url
    server.terminate()
    server.wait()
    server.stdout.close()
