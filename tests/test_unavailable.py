"""Runs against targets that are unavailable now and then: no requirement is judged by that."""

from pathlib import Path

import pytest

from tests.support import READ_PATH, SandboxProcess, certify, outcomes, record, write_profile


@pytest.mark.parametrize(
    ("api", "kind"),
    [
        *(("withdraws", kind) for kind in ("502", "lost", "too_late")),
        *(("payout-intents", kind) for kind in ("504", "lost")),
    ],
)
def test_what_gets_no_answer_is_begun_again(
    bendable: SandboxProcess, tmp_path: Path, api: str, kind: str
) -> None:
    """Each 113th request is lost, some once they were carried out: their checks begin again, nothing is accused."""
    # Without a read endpoint, what is lost is a cancel; a lost read is sent again, and no check has to begin again.
    reads = api == "payout-intents" or kind == "lost"
    more = (
        'terminal = ["cancelled", "paid", "failed"]'
        if api == "payout-intents"
        else READ_PATH
        if reads
        else ""
    )
    profile = write_profile(tmp_path, api, bendable.url, states=f"sandbox = true\n{more}")
    bendable.bend(unavailable_every=113, unavailable_as=kind)
    try:
        done = certify(profile)
    finally:
        bendable.bend()

    found = outcomes(tmp_path)
    assert {one: told for one, told in found.items() if told not in ("passed", "not_applicable")} == {}, (
        done.stdout
    )
    assert done.returncode == 0
    notes = " ".join(record(tmp_path)["notes"])
    assert "was unavailable" in notes
    assert "began again" in notes or reads
