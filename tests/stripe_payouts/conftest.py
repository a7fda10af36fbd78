"""localstripe in a process of its own, with a provider-state endpoint beside it; a profile for both."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stripe_payouts.provider_states import provider_states

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


@pytest.fixture(scope="session")
def states(localstripe: str) -> Iterator[str]:
    """The address of the provider-state endpoint of `localstripe`."""
    with provider_states(localstripe, KEY) as url:
        yield url
