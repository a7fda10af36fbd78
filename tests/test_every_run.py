"""A defect that shows in one answer of a whole run is told, whichever of its workers was given that answer."""

import re
import sys
import time
from pathlib import Path

import pytest

from conformance.oracles.run_answers import FOLDER
from tests.support import (
    CREDENTIAL_ENV,
    SandboxProcess,
    certify,
    environment,
    launched,
    record,
    write_profile,
)
from tests.tap import Tap

CHECKS = {
    # What selects checks, which of them looks back, and what stands in the answer to a cancel.
    "withdraws": ("matrix or WD-20", "successes::every_success_is_one[WD-20]", b'"success":true'),
    "payout-intents": ("matrix or clean_amount", "answers::every_success_has_a_clean_amount", b" 202 "),
}
_CURRENCY = re.compile(rb'("currency": ?")([A-Z]{3})"')


class OneBent(Tap):
    """Passes everything on, but for one success: its currency is in small letters, and it comes late.

    So its worker is the last to be done with its checks, and another one looks back on the run.
    """

    def __init__(self, url: str, sign: bytes) -> None:
        self._sign, self.bent = sign, 0
        super().__init__(url)

    def _changed(self, data: bytes) -> bytes:
        with self._lock:
            if self.bent or self._sign not in data or not _CURRENCY.search(data):
                return data
            self.bent = 1
        time.sleep(1.5)
        return _CURRENCY.sub(lambda found: found[1] + found[2].lower() + b'"', data)


@pytest.mark.parametrize("api", CHECKS)
def test_one_wrong_answer_of_any_worker_is_found(sandbox: SandboxProcess, tmp_path: Path, api: str) -> None:
    """The check names the answer, and has it on record; nothing else fails; the files vanish with the run."""
    words, late, sign = CHECKS[api]
    tap = OneBent(sandbox.url, sign)
    try:
        done = certify(write_profile(tmp_path, api, tap.url), "-n", "3", "-k", words)
    finally:
        tap.close()

    assert tap.bent == 1
    checks = {check["id"]: check for check in record(tmp_path)["checks"]}
    assert [name for name, one in checks.items() if one["outcome"] == "failed"] == [late], done.stdout
    assert "currency" in checks[late]["message"]
    assert checks[late]["problem"]["exchange"] is not None
    assert len(checks[late]["exchanges"]) >= 1
    assert checks[late]["resources"]
    assert (
        max(one["started_at"] for name, one in checks.items() if "matrix" in name)
        < checks[late]["started_at"]
    )
    assert not (tmp_path / "reports" / "latest" / FOLDER).exists()


@pytest.mark.parametrize("workers", ["0", "3"])
def test_pytest_finds_it_too(sandbox: SandboxProcess, tmp_path: Path, workers: str) -> None:
    """In one process, and in those of pytest-xdist."""
    words, late, sign = CHECKS["withdraws"]
    tap = OneBent(sandbox.url, sign)
    try:
        done = launched(
            *(sys.executable, "-m", "pytest", "--pyargs", "conformance.suites.withdraws", "-n", workers),
            *("--profile", str(write_profile(tmp_path, "withdraws", tap.url)), "-k", words, "-q"),
            cwd=tmp_path,
            env=environment(**CREDENTIAL_ENV),
        )
    finally:
        tap.close()

    assert tap.bent == 1
    assert f"test_{late.replace('::', '.py::test_')}" in done.stdout
    assert "1 failed" in done.stdout
