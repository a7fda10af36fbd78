"""Fixtures of the payout intents suite."""

from collections.abc import Iterator

import pytest

from conformance.errors import NotTestable
from conformance.oracles.run_answers import RunAnswers
from conformance.plugin import Given, terminal_states_of
from conformance.session import Session
from conformance.suites.payout_intents.client import PayoutIntents
from conformance.suites.payout_intents.contract import EVENT
from conformance.suites.payout_intents.events import Events
from conformance.suites.payout_intents.every_answer import judges
from conformance.suites.payout_intents.kept_keys import KeptKeys
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.together import Together
from conformance.webhooks.receiver import Receiver, opened

UNNAMED = "unnamed"
"""Stands for the terminal states of a profile that names none."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case per state: `terminal_state` for those of the profile, `any_state` for all that are known."""
    terminal = terminal_states_of(metafunc.config)
    if "terminal_state" in metafunc.fixturenames:
        metafunc.parametrize("terminal_state", terminal or (UNNAMED,), indirect=True)
    if "any_state" in metafunc.fixturenames:
        known = ("requires_approval", "processing", *(terminal or ("cancelled",)))
        metafunc.parametrize("any_state", tuple(dict.fromkeys(known)))


@pytest.fixture
def terminal_state(request: pytest.FixtureRequest) -> str:
    """A terminal state that the profile names. Raises NotTestable where it names none."""
    state = str(request.param)
    if state == UNNAMED:
        raise NotTestable(
            "the profile doesn't name the terminal states of this target, so that none of them was tried",
            hint='Write each into states.terminal; ["cancelled"] says that it is the only one.',
        )
    return state


@pytest.fixture(scope="session")
def api(conformance_session: Session, run_answers: RunAnswers) -> PayoutIntents:
    """The payout intents API of the target."""
    api = PayoutIntents(conformance_session, run_answers)
    run_answers.judges = judges(api.environments, api.secrets())
    return api


@pytest.fixture(scope="session")
def evidence(api: PayoutIntents, given: Given, conformance_session: Session) -> Evidence:
    """The acts whose results several checks look at, performed once per run."""
    return Evidence(api, given, conformance_session.recorder)


@pytest.fixture(scope="session")
def kept(api: PayoutIntents, given: Given, evidence: Evidence) -> KeptKeys:
    """Intents that were cancelled under a key."""
    return KeptKeys(api, given, evidence)


@pytest.fixture(scope="session")
def together(api: PayoutIntents, given: Given, evidence: Evidence) -> Together:
    """Cancels that are unusual in several ways at once."""
    return Together(api, given, evidence)


@pytest.fixture(scope="module")
def receiver(conformance_session: Session) -> Iterator[Receiver]:
    """A web server for the target's webhooks, on the address that the profile names."""
    profile = conformance_session.profile
    with opened(profile.listen, profile.public_url, EVENT) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def events(api: PayoutIntents, given: Given, receiver: Receiver, conformance_session: Session) -> Events:
    """The events that came after cancels of every kind, performed once."""
    return Events(api, given, receiver, conformance_session.recorder)
