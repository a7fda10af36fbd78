"""Lists of a few ids for each state: what a run decides is what was reckoned, and more ids never decide less."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from conformance import catalogue, coverage, order, precedence
from conformance.model import Level, Outcome, RunRecord
from conformance.profile import load
from conformance.report import verdict
from conformance.report.depth import kind
from conformance.runner import Options, run
from tests.bench import resources
from tests.support import CREDENTIAL_ENV, SandboxProcess, write_profile

SIZES = {"withdraws": 2, "payout-intents": 3}
LEAST = {"withdraws": 17, "payout-intents": 11}


@pytest.mark.parametrize("api", SIZES)
def test_list_decides_what_was_reckoned(
    api: str, bendable: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two or three ids for each state no check fails or ends in an error, and all MUSTs reckoned are decided."""
    for name, value in CREDENTIAL_ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # What is decided must not depend on how fast this machine is: keys that grow old are replaced.
    monkeypatch.setattr("conformance.suites.payout_intents.kept_keys._YOUNG_S", 600.0)
    bendable.bend()
    states = resources.lists(api, SIZES[api], bendable)
    profile = write_profile(
        tmp_path, api, bendable.url, states=states, capabilities="cancel_processing = true"
    )
    options = Options(output=tmp_path / "reports", workers=1, examples=0, insist=True)

    found = run(load(profile), options, lambda *_: None).record

    wrong = [one for one in found.checks if one.outcome in (Outcome.FAILED, Outcome.ERROR, Outcome.WARNED)]
    assert not wrong, [(one.id, one.message) for one in wrong]
    assert verdict.exit_code(found) == 3
    assert _decided(found) >= max(LEAST[api], _reckoned(api, SIZES[api]))


@pytest.mark.parametrize("api", SIZES)
def test_longer_lists_decide_no_less(api: str) -> None:
    """Up to lists with which all is decided."""
    found = [_reckoned(api, ids) for ids in (*range(13), 15, 20, 30, 60)]

    assert found == sorted(found)
    assert found[-1] == sum(one.level is Level.MUST for one in catalogue.load(api).requirements)


def _decided(found: RunRecord) -> int:
    return sum(
        one.requirement.level is Level.MUST and one.outcome not in verdict.UNPROVEN
        for one in found.requirements
    )


def _reckoned(api: str, ids: int) -> int:
    """Returns how many MUSTs so many ids of each kind decide, as `plan` reckons."""
    known: Mapping[str, coverage.Known] = coverage.known(api, resources.TERMINAL)
    takes = order.takes(api)
    assert takes is not None
    candidates = [
        precedence.Candidate(name, one.requirements, one.level, takes[name], looks_back=not one.sends)
        for name, one in known.items()
        if not one.fuzz
    ]
    have = {kind(unit): ids for one in candidates for unit in one.units}
    return precedence.decided(candidates, catalogue.load(api).by_id(), have)
