"""The records, profiles and certificates of version 0.1.0, as it wrote them, mean the same to this version.

`records/` holds four small runs against the sandbox, two per API: `*-suites` ran a few hand-written checks and left
the fuzzing out; `*-fuzzed` ran all checks of two requirements against a sandbox with the defect in `DEFECTS`. Each was
certified on the same day with the key of `signer.pub.pem`. Nothing may be edited there: certificates vouch for bytes.
"""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.cli import main
from tests.support import CREDENTIAL_ENV, SandboxProcess, command

RECORDS = Path(__file__).parent / "records"
SUITES = {"withdraws-suites": 6, "payout-intents-suites": 3}
"""Runs without fuzzing, and how many checks each ran."""
FUZZED = {
    "withdraws-fuzzed": ("wd-refusal-drops-the-metadata", "fuzz::cancel_withdraw.walk.order_data"),
    "payout-intents-fuzzed": (
        "pi-short-reason-is-read-as-a-code",
        "fuzz::cancel_payout_intent.reason.plain",
    ),
}
"""Runs with fuzzing: the sandbox's defect, and the check whose failing cases were kept."""
EXIT_CODES = {**dict.fromkeys(SUITES, 3), **dict.fromkeys(FUZZED, 1)}
SIGNED_ON = "2026-11-29"
"""A day on which all certificates are valid."""

names = pytest.mark.parametrize("name", EXIT_CODES)


def do(*words: str | Path) -> Result:
    """Runs `payout-conformance` in this process."""
    cleared = {"GITHUB_ACTIONS": None, "GITLAB_CI": None, "PAYOUT_CONFORMANCE_PASSPHRASE": None}
    return CliRunner().invoke(main, [str(word) for word in words], env={**cleared, **CREDENTIAL_ENV})


def said(result: Result) -> str:
    """The output on one line."""
    return " ".join(result.output.split())


def record(folder: Path) -> dict[str, Any]:
    """The run record in a folder."""
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A copy of all records, to write reports into."""
    return Path(shutil.copytree(RECORDS, tmp_path / "records"))


@names
def test_every_report_is_rendered_from_an_older_record(name: str, here: Path) -> None:
    """`report` ends as the run did, writes every file anew, and each of them names what failed."""
    folder = here / name

    rendered = do("report", folder)

    assert rendered.exit_code == EXIT_CODES[name], rendered.output
    run = record(folder)
    failed = [requirement["id"] for requirement in run["requirements"] if requirement["outcome"] == "failed"]
    cases = ET.parse(folder / "junit.xml").getroot().iter("testcase")
    told = [ET.tostring(case, encoding="unicode") for case in cases if case.find("failure") is not None]
    assert bool(told) == bool(failed)
    assert not [one for one in failed if not any(one in case for case in told)]
    for file in ("summary.md", "report.html"):
        text = (folder / file).read_text(encoding="utf-8")
        assert run["target"]["base_url"] in text
        assert not [one for one in failed if one not in text]
    results = [json.loads(file.read_text()) for file in (folder / "allure-results").glob("*-result.json")]
    assert {one["status"] for one in results} >= ({"failed"} if failed else {"passed"})
    assert run["verdict"].replace("_", "-") in json.loads((folder / "badge.json").read_text())["message"]
    assert "<svg" in (folder / "badge.svg").read_text()


@names
def test_rendering_leaves_an_older_record_as_it_was(name: str, here: Path) -> None:
    """`report` writes the record and its exchanges byte for byte as they were: the certificate still holds."""
    do("report", here / name)

    for file in ("run.json", "exchanges.har"):
        assert (here / name / file).read_bytes() == (RECORDS / name / file).read_bytes()


def test_older_records_are_put_side_by_side(here: Path) -> None:
    """The overview of several runs shows each of them, with its verdict."""
    shown = do("report", *(here / name for name in EXIT_CODES), "--output", here)

    assert shown.exit_code == 1, shown.output
    page = (here / "overview.html").read_text(encoding="utf-8")
    assert not [name for name in EXIT_CODES if f"{name}/report.html" not in page]


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
def test_older_records_are_compared(api: str) -> None:
    """A requirement that wasn't tested and then failed is a regression; the other way round it is newly untested."""
    old, new = RECORDS / f"{api}-suites", RECORDS / f"{api}-fuzzed"
    (failed,) = (
        requirement["id"] for requirement in record(new)["requirements"] if requirement["outcome"] == "failed"
    )

    worse, untested, same = (do("compare", *pair) for pair in ((old, new), (new, old), (new, new)))

    assert worse.exit_code == 1, worse.output
    assert re.search(rf"Regressions \(1\) {failed} MUST", said(worse))
    assert untested.exit_code == 3, untested.output
    assert same.exit_code == 0, same.output


@names
def test_an_older_certificate_is_verified(name: str) -> None:
    """Signature, evidence and verdict hold; that another build made the run is said, and counts for nothing."""
    folder = RECORDS / name

    verified = do("verify", folder, "--public-key", RECORDS / "signer.pub.pem", "--at", SIGNED_ON)

    assert verified.exit_code == EXIT_CODES[name], verified.output
    text = said(verified)
    assert text.startswith("Valid certificate")
    assert re.search(
        r"made with payout-conformance 0\.1\.0, (the build|another build than the one) that is installed here",
        text,
    )
    checked = text.partition(" checked ")[2]
    for part in ("signature", "time", "requirements.toml", "run.json", "exchanges.har", "profile.toml"):
        assert part in checked.partition(" not checked ")[0]
    assert f"verdict recomputed from {len(record(folder)['checks'])} checks" in checked


def test_an_older_certificate_of_another_build_verifies_with_a_remark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A build other than the one that made the run says so, and verifies all the same."""
    monkeypatch.setattr("conformance.provenance.build", lambda: f"sha256:{'0' * 64}")

    verified = do(
        "verify", RECORDS / "withdraws-fuzzed", "--public-key", RECORDS / "signer.pub.pem", "--at", SIGNED_ON
    )

    assert verified.exit_code == 1, verified.output
    assert "another build than the one that is installed here" in said(verified)


@names
def test_an_altered_older_record_is_refused(name: str, here: Path) -> None:
    """The certificate of an older record still vouches for its bytes: one more of them is refused."""
    with (here / name / "run.json").open("a") as file:
        file.write(" ")

    refused = do("verify", here / name, "--public-key", RECORDS / "signer.pub.pem", "--at", SIGNED_ON)

    assert refused.exit_code == 2
    assert "altered" in refused.output


@pytest.mark.parametrize("name", SUITES)
def test_an_older_run_is_repeated_with_its_own_profile_and_options(
    name: str, here: Path, bendable: SandboxProcess
) -> None:
    """The older profile is read, the same checks run under the same ids, and nothing counts as changed."""
    bendable.bend()
    before = record(here / name)
    profile = _moved(here / name / "profile.toml", bendable.url)

    words = ["--output", "new", "--no-fuzz", "--watch", "0", "-k", before["options"]["expression"]]
    ran = command("run", profile, *words, cwd=here)

    assert ran.returncode == 3, ran.stdout + ran.stderr
    after = record(here / "new" / "latest")
    assert _outcomes(after) == _outcomes(before)
    assert len(before["checks"]) == SUITES[name]
    compared = do("compare", here / name, here / "new" / "latest")
    assert compared.exit_code == 0, compared.output


@pytest.mark.parametrize("name", FUZZED)
def test_a_failing_case_of_an_older_record_is_sent_again(
    name: str, here: Path, bendable: SandboxProcess
) -> None:
    """`replay` finds the case of an older record, and tells a target that still fails from one that doesn't."""
    defect, check = FUZZED[name]
    profile = _moved(here / name / "profile.toml", bendable.url)

    bendable.bend(defect)
    still = do("replay", here / name, check, "--profile", profile)
    bendable.bend()
    mended = do("replay", here / name, check, "--profile", profile)

    assert still.exit_code == 1, still.output
    assert f"still fails  {check}" in still.output
    assert mended.exit_code == 0, mended.output


def test_older_records_name_no_machine() -> None:
    """The records were made against loopback, and hold no other host and no path of the machine they were made on."""
    files = [file for file in RECORDS.rglob("*") if file.is_file()]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)

    assert len(files) == 4 * len(EXIT_CODES) + 2
    assert set(re.findall(r"https?://([^/:\"\\ ]+)", text)) == {"127.0.0.1"}
    assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users)/", text)


def _moved(profile: Path, url: str) -> Path:
    """The profile, edited as its owner would after the target has moved to another address."""
    text = profile.read_text(encoding="utf-8")
    profile.write_text(re.sub(r'base_url = "[^"]*"', f'base_url = "{url}"', text), encoding="utf-8")
    return profile


def _outcomes(run: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["outcome"] for check in run["checks"]}
