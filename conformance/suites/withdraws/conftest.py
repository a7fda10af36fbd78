"""Fixtures of the withdraws suite."""

from collections.abc import Sequence

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


@pytest.fixture
def every_answer(api: Withdraws, given: Given) -> Sequence[Asked]:
    """Every answer that this process was given; at least one of them a success."""
    if not any(one.documented and succeeded(one.reply) for one in api.asked):
        api.cancel(given("pending"))
    return list(api.asked)


@pytest.fixture
def every_success(api: Withdraws, given: Given, every_answer: Sequence[Asked]) -> Sequence[Asked]:
    """Every success that this process was given, to documented and to odd requests; at least one."""
    if not any(succeeded(one.reply) for one in every_answer):
        api.cancels(given("pending"))
    return [
        one
        for one in api.asked
        if one.reply.exchange.method == "POST" and succeeded(one.reply) and _may_be_cancelled(one.withdraw)
    ]


def _may_be_cancelled(withdraw: Resource) -> bool:
    """Whether a withdraw may be cancelled at all: WD-03 to WD-06 judge the success of another one."""
    supported = withdraw.wanted.provider_supports_cancel is not False
    return withdraw.status == "pending" or (withdraw.status == "processing" and supported)
