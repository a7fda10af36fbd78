"""The payout intents suite, run against the sandbox: what it leaves untested, what it sends, what it puts on record."""

import json
from pathlib import Path
from typing import Any

from tests.support import SandboxProcess, certify, outcomes, record, write_profile


def run(
    bendable: SandboxProcess, folder: Path, *words: str, states: str, live: bool = False, **bent: Any
) -> int:
    """A run of some requirements; with `live` the other environment's credentials are what they are by default."""
    profile = write_profile(folder, "payout-intents", bendable.url, states=states)
    if live:
        target, said, rest = profile.read_text().rpartition('environment = "test"\n')
        assert said
        assert "[credentials.other_environment]" in target
        profile.write_text(target + rest)
    bendable.bend(*bent.pop("defects", ()), **bent)
    try:
        return certify(profile, "--no-fuzz", *words).returncode
    finally:
        bendable.bend()


def asked(*requirement_ids: str) -> tuple[str, ...]:
    """The words that choose requirements."""
    return tuple(word for requirement_id in requirement_ids for word in ("--requirement", requirement_id))


def test_terminal_states_that_nobody_named_are_not_tried(bendable: SandboxProcess, tmp_path: Path) -> None:
    """A target that cancels paid payouts isn't certified because `paid` was never tried."""
    code = run(bendable, tmp_path, *asked("PI-03"), states="sandbox = true", defects=["pi-paid-is-cancelled"])

    assert outcomes(tmp_path)["PI-03"] == "not_testable"
    assert code == 3
    reason = next(
        requirement["reason"]
        for requirement in record(tmp_path)["requirements"]
        if requirement["id"] == "PI-03"
    )
    assert "states.terminal" in reason


def test_a_single_terminal_state_can_be_named(bendable: SandboxProcess, tmp_path: Path) -> None:
    """`terminal = ["cancelled"]` says that there is no other, and the record says which one was tried."""
    run(bendable, tmp_path, *asked("PI-03"), states='sandbox = true\nterminal = ["cancelled"]')

    assert outcomes(tmp_path)["PI-03"] == "passed"
    tried = [check["id"] for check in record(tmp_path)["checks"] if "matrix_terminal_state" in check["id"]]
    assert tried
    assert all("[cancelled-" in one for one in tried)


def test_live_credentials_of_the_other_environment_only_read(
    bendable: SandboxProcess, tmp_path: Path
) -> None:
    """Checks that need a cancel with live credentials say that they are untested; the rest is tested by reads."""
    states = f'url = "{bendable.url}/_states"\nterminal = ["cancelled"]'
    run(bendable, tmp_path, *asked("PI-12", "PI-18", "PI-34", "PI-40"), states=states, live=True)

    found = outcomes(tmp_path)
    assert {requirement: found[requirement] for requirement in ("PI-12", "PI-18", "PI-34", "PI-40")} == {
        "PI-12": "passed",
        "PI-18": "passed",
        "PI-34": "not_testable",
        "PI-40": "passed",
    }
    reason = next(
        requirement["reason"]
        for requirement in record(tmp_path)["requirements"]
        if requirement["id"] == "PI-34"
    )
    assert "other_environment" in reason


def test_an_unknown_id_is_asked_for_without_cancelling_anything(
    bendable: SandboxProcess, tmp_path: Path
) -> None:
    """No request that only prepared the check is on its record, so the matrix shows what was asked."""
    run(bendable, tmp_path, *asked("PI-10"), states='sandbox = true\nterminal = ["cancelled"]')

    done = record(tmp_path)
    shown = {index for check in done["checks"] if "unknown_id" in check["id"] for index in check["exchanges"]}
    har = next(tmp_path.rglob("exchanges.har"))
    statuses = {
        (entry["request"]["method"], entry["response"]["status"])
        for index, entry in enumerate(json.loads(har.read_text())["log"]["entries"])
        if index in shown
    }
    assert ("POST", 202) not in statuses
    assert ("POST", 404) in statuses
