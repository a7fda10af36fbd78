"""Lists of ids that are too short: what decides goes first, and reports tell how deep each requirement was tested."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.report import record as records
from conformance.report import verdict
from tests.bench import resources
from tests.support import SandboxProcess, certify, command, environment, write_profile

RAN = ("passed", "failed", "warned")
FEW = {"withdraws": 8, "payout-intents": 12}
DECIDED = {"withdraws": 23, "payout-intents": 22}
"""So many MUSTs at least are decided by so few: 24 and 26; keys that grow old on a slow machine cost some."""


@pytest.fixture(scope="module", params=FEW)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with a few ids of each state."""
    folder, target, api = tmp_path_factory.mktemp("scarce"), SandboxProcess(), request.param
    try:
        states = resources.lists(api, FEW[api], target)
        profile = write_profile(
            folder, api, target.url, states=states, capabilities="cancel_processing = true"
        )
        done = certify(profile, "--quiet", "--insist", env=environment(XDG_STATE_HOME=str(folder / "state")))
        assert done.returncode == 3, done.stderr
        return folder / "reports" / "latest"
    finally:
        target.close()


def read(run: Path) -> dict[str, Any]:
    """The record as JSON."""
    found: dict[str, Any] = json.loads((run / "run.json").read_text("utf-8"))
    return found


def test_nearly_every_must_is_put_to_the_test(run: Path) -> None:
    """A check of each ran, but for those that need more at once than is left: no requirement takes all there is."""
    found = read(run)
    ran = {check["id"] for check in found["checks"] if check["outcome"] in RAN and check["level"] == "MUST"}
    musts = [requirement for requirement in found["requirements"] if requirement["level"] == "MUST"]

    assert sum(bool(ran & set(requirement["checks"])) for requirement in musts) >= len(musts) - 2


def test_most_musts_are_decided(run: Path) -> None:
    """With all their checks: what uses nothing up comes first, and whole requirements before parts of others."""
    found = read(run)
    decided = [
        requirement["id"]
        for requirement in found["requirements"]
        if requirement["level"] == "MUST" and requirement["outcome"] in ("passed", "not_applicable")
    ]
    assert len(decided) >= DECIDED[found["target"]["api"]], decided
    assert not [check for check in found["checks"] if check["outcome"] == "failed"]


def test_what_was_tested_in_part_is_told_so_everywhere(run: Path) -> None:
    """In the record, the terminal, the summary and the page: never as met, and with what is missing."""
    found = read(run)
    requirements = {
        requirement["id"]: requirement for requirement in found["requirements"] if "depth" in requirement
    }
    checks = {check["id"]: check for check in found["checks"]}
    assert requirements
    for requirement in requirements.values():
        ran = [one for one in requirement["checks"] if checks[one]["outcome"] in RAN]
        assert requirement["depth"]["ran"] == len(ran)
        assert any(number > 0 for number in requirement["depth"]["lacks"].values())
        hard = [checks[one] for one in requirement["checks"] if checks[one]["level"] == "MUST"]
        if requirement["level"] == "MUST" and any(one.get("lacks") for one in hard):
            assert requirement["outcome"] == "not_testable"
    in_part = [
        requirement
        for requirement in requirements.values()
        if requirement["outcome"] == "not_testable" and requirement["depth"]["ran"]
    ]
    first = next(
        requirement
        for requirement in found["requirements"]
        if requirement["id"] in requirements and requirement["level"] == "MUST"
    )
    said = f"{first['depth']['ran']} of {first['depth']['checks']} checks; "
    told = command("report", run, cwd=run.parent)

    assert f"({len(in_part)} of them tested in part)" in told.stdout
    assert f"{first['id']} MUST" in told.stdout
    assert all(
        said in " ".join(text.split()) for text in (told.stdout, (run / "summary.md").read_text("utf-8"))
    )
    assert said in (run / "report.html").read_text("utf-8")
    assert verdict.exit_code(records.load(run)) == 3
