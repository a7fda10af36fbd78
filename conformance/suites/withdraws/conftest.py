"""Fixtures of the withdraws suite."""

import pytest

from conformance.session import Session
from conformance.suites.withdraws.verbs import Withdraws


@pytest.fixture(scope="session")
def api(conformance_session: Session) -> Withdraws:
    """The withdraws API of the target."""
    return Withdraws(conformance_session)
