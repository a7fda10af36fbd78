"""A pending withdraw that was paid by and by is no sign that a stranger's cancel took effect; a canceled one is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import RunAnswers
from conformance.plugin import Given
from conformance.profile import load
from conformance.sandbox import Sandbox
from conformance.session import Session
from conformance.states import Resource
from conformance.states.shared_resources import SharedResource
from conformance.suites.withdraws.client import Withdraws
from conformance.suites.withdraws.test_afterwards import (
    test_turned_away_requests_have_no_late_effect as check,
)
from tests.support import CREDENTIAL_ENV, write_profile

READS = ["", 'read_path = "/api/v1/withdraws/{id}"']


@pytest.fixture(params=READS, ids=["unread", "read"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """A worker's session with a sandbox, with and without a read endpoint."""
    with Sandbox() as sandbox:
        path = write_profile(
            tmp_path, "withdraws", sandbox.url, states=f"sandbox = true\n{request.param}"
        )  # fmt: skip
        session = Session(load(path, CREDENTIAL_ENV), tmp_path / "run")
        yield session
        session.close()


def test_a_withdraw_that_was_paid_meanwhile_accuses_nobody(session: Session) -> None:
    """Its refusal is that of a paid one."""
    run_answers = RunAnswers(session.folder, session.redactor)
    api, given = Withdraws(session, run_answers), Given(session)
    withdraw = given.shared("pending")
    api.send(withdraw, api.signed(secret="a wrong one"))
    session.leases.settle(withdraw)
    _end(session, withdraw)

    check(api, given, run_answers)

    assert not any(one.reply.ok for one in api.asked if one.resource == withdraw)


def test_a_withdraw_that_was_canceled_meanwhile_is_found(session: Session) -> None:
    """The owner's cancel isn't among the requests that may have caused it."""
    run_answers = RunAnswers(session.folder, session.redactor)
    api, given = Withdraws(session, run_answers), Given(session)
    withdraw = given.shared("pending")
    api.send(withdraw, api.signed(secret="a wrong one"))
    assert Withdraws(session, RunAnswers(session.folder, session.redactor)).cancel(withdraw).ok
    _end(session, withdraw)

    with pytest.raises(Violation, match="no effect of cancels with failing credentials some time ago"):
        check(api, given, run_answers)


def _end(session: Session, withdraw: Resource) -> None:
    """Ends the check that holds a withdraw, which waits for its owner's cancel from then on."""
    session.sharing.resources.put(SharedResource(withdraw, ("another::check",), 1))
    session.sharing.begin()
