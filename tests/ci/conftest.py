"""Fixtures of the tests of the CI integrations."""

import threading
from collections.abc import Iterator

import pytest

from .forge import Forge


@pytest.fixture
def forge() -> Iterator[Forge]:
    """A server on this machine."""
    with Forge() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
