"""Fixtures of the withdraws suite."""

from collections.abc import Sequence

import pytest

from conformance.http.reply import Reply
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.plugin import Given
from conformance.session import Session
from conformance.states import Resource
from conformance.suites.withdraws.assertions import succeeded
from conformance.suites.withdraws.client import Withdraws, about
from conformance.suites.withdraws.every_answer import judges
from conformance.suites.withdraws.good_cancels import GoodCancels
from conformance.suites.withdraws.observations import CancelledWithdraws, Observed, Refusals
from conformance.suites.withdraws.spellings import Spellings


@pytest.fixture(scope="session")
def api(conformance_session: Session, run_answers: RunAnswers) -> Withdraws:
    """The withdraws API of the target."""
    run_answers.judges = judges(conformance_session.profile.credentials)
    return Withdraws(conformance_session, run_answers)


@pytest.fixture(scope="session")
def observed(api: Withdraws, given: Given, conformance_session: Session) -> Observed:
    """Withdraws that are read, cancelled and read again."""
    return Observed(api, given, conformance_session.recorder)


@pytest.fixture
def first_cancel(observed: Observed) -> Reply:
    """The answer to the documented cancel of a pending withdraw which nothing was asked of before but a read."""
    return observed.first().reply


@pytest.fixture
def cancelled(observed: Observed) -> CancelledWithdraws:
    """The shared cancels; the first is on record with every check that looks at it."""
    some = observed.some()
    some.cite(some.all[:1])
    return some


@pytest.fixture(scope="session")
def refusals(api: Withdraws, given: Given) -> Refusals:
    """Withdraws in a final state, each refused twice."""
    return Refusals(api, given)


@pytest.fixture(scope="session")
def good(api: Withdraws, given: Given) -> GoodCancels:
    """Good cancels, which a bad request comes right after."""
    return GoodCancels(api, given)


@pytest.fixture(scope="session")
def spellings(api: Withdraws, given: Given) -> Spellings:
    """Documented cancels that are put otherwise."""
    return Spellings(api, given)


@pytest.fixture
def every_answer(api: Withdraws, given: Given, run_answers: RunAnswers) -> Sequence[RecordedAnswer]:
    """Every answer of the run; at least one of them a success."""
    if not any(one.documented and succeeded(one.reply) for one in run_answers.answers()):
        api.cancel(given("pending"))
    return run_answers.answers()


@pytest.fixture
def every_success(
    api: Withdraws, given: Given, run_answers: RunAnswers, every_answer: Sequence[RecordedAnswer]
) -> Sequence[RecordedAnswer]:
    """Every success of the run, to documented and to odd requests; at least one."""
    if not any(succeeded(one.reply) for one in every_answer):
        api.cancels(given("pending"))
    return [
        one
        for one in run_answers.answers()
        if one.reply.exchange.method == "POST" and succeeded(one.reply) and _may_be_cancelled(about(one))
    ]


def _may_be_cancelled(withdraw: Resource) -> bool:
    """Whether a withdraw may be cancelled at all: WD-03 to WD-06 judge the success of another one."""
    supported = dict(withdraw.wanted.extra).get("provider_supports_cancel") is not False
    return withdraw.status == "pending" or (withdraw.status == "processing" and supported)
