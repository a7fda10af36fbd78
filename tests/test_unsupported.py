"""Processing withdraws whose provider can't cancel: judged where that can be known, never passed over silently."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import READ_PATH, SandboxProcess, certify, record, write_profile

CHECK = "cancellation::matrix_processing_without_support_is_refused"


def judged(folder: Path, bendable: SandboxProcess, *defects: str, **more: Any) -> tuple[str, str, int]:
    """Outcome and message of the check, and the exit code, where the profile declares `cancel_processing`."""
    declared = more.pop("declared", "cancel_processing = true")
    profile = write_profile(
        folder,
        "withdraws",
        bendable.url,
        states=f"sandbox = true\n{READ_PATH}",
        capabilities=declared,
    )
    bendable.bend(*defects, **more)
    try:
        done = certify(profile, "--requirement", "WD-03")
    finally:
        bendable.bend()
    check = next(one for one in record(folder)["checks"] if one["id"] == CHECK)
    return check["outcome"], check["message"], done.returncode


@pytest.mark.parametrize("told", [True, False])
def test_a_refusal_is_judged_whether_or_not_the_source_repeats_why(
    bendable: SandboxProcess, tmp_path: Path, told: bool
) -> None:
    """It passes as documented, and fails otherwise."""
    assert judged(tmp_path, bendable, tells_support=told)[0] == "passed"
    assert judged(tmp_path, bendable, "wd-unsupported-is-501", tells_support=told)[0] == "failed"


def test_a_cancel_that_may_have_been_right_is_not_testable(bendable: SandboxProcess, tmp_path: Path) -> None:
    """Where the source doesn't repeat it, nobody knows whether its provider could cancel: the run is inconclusive."""
    known = judged(tmp_path, bendable, "wd-provider-is-not-asked")
    unknown = judged(tmp_path, bendable, "wd-provider-is-not-asked", tells_support=False)

    assert (known[0], known[2]) == ("failed", 1)
    assert (unknown[0], unknown[2]) == ("not_testable", 3)
    assert "provider_supports_cancel: false" in unknown[1]


def test_a_source_may_say_that_there_is_no_such_withdraw(bendable: SandboxProcess, tmp_path: Path) -> None:
    """It refuses the setup with 422: then the requirement doesn't apply, for the reason that the source gives."""
    outcome, message, _ = judged(tmp_path, bendable, always_cancellable=True)

    assert outcome == "not_applicable"
    assert "every processing withdraw can be cancelled here" in message
    assert "422" in message


def test_a_profile_that_declares_nothing_accepts_either(bendable: SandboxProcess, tmp_path: Path) -> None:
    """But no cancel of what the source says can't be cancelled."""
    nothing = {"declared": "settlement = false"}

    assert judged(tmp_path, bendable, **nothing)[0] == "passed"
    assert judged(tmp_path, bendable, tells_support=False, **nothing)[0] == "passed"
    assert judged(tmp_path, bendable, "wd-provider-is-not-asked", **nothing)[0] == "failed"
    lie = judged(tmp_path, bendable, "wd-processing-lie", tells_support=False, **nothing)
    assert lie[0] == "failed"
