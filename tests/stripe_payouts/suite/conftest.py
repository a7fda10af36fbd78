"""Fixtures of the checks of Stripe's payouts; `given` is the engine's."""

import pytest

from conformance.session import Session
from stripe_payouts.suite.client import Payouts


@pytest.fixture(scope="session")
def api(conformance_session: Session) -> Payouts:
    """The payouts of the target."""
    return Payouts(conformance_session)
