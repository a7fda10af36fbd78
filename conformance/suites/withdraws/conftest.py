"""Fixtures of the withdraws suite."""

from collections.abc import Callable

import pytest

from conformance.plugin import Given
from conformance.session import Session
from conformance.states import Resource
from conformance.suites.withdraws.assertions import succeeded
from conformance.suites.withdraws.client import Asked, Withdraws


@pytest.fixture(scope="session")
def api(conformance_session: Session) -> Withdraws:
    """The withdraws API of the target."""
    return Withdraws(conformance_session)


def _may_be(withdraw: Resource) -> bool:
    """Whether a withdraw may be cancelled at all: that another one was is for WD-03 to WD-06 to judge."""
    supported = dict(withdraw.wanted.extra).get("provider_supports_cancel") is not False
    return withdraw.status == "pending" or (withdraw.status == "processing" and supported)


@pytest.fixture
def all_answers(api: Withdraws, given: Given) -> Callable[..., None]:
    """Has a check look at every answer of this process."""
    if not any(one.documented and succeeded(one.reply) for one in api.asked):
        api.cancel(given("pending"))

    def look(check: Callable[[Asked], None]) -> None:
        for one in api.asked:
            check(one)

    return look


@pytest.fixture
def all_successes(api: Withdraws, given: Given, all_answers: Callable[..., None]) -> Callable[..., None]:
    """Has a check look at every success of this process: whatever it was sent with, it cancelled a withdraw."""
    if not any(succeeded(one.reply) for one in api.asked):
        api.cancels(given("pending"))

    def look(check: Callable[[Asked], object]) -> None:
        def success(one: Asked) -> None:
            if one.reply.exchange.method == "POST" and succeeded(one.reply) and _may_be(one.withdraw):
                check(one)

        all_answers(success)

    return look
