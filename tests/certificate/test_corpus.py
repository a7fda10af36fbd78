"""Certificates of dishonest signers, made of a real run and signed with care: none of them is verified."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conformance.certificate import evidence, keys, statement
from conformance.certificate.verify import verify
from conformance.cli import main
from conformance.errors import ConformanceError
from conformance.model import Exchange, Outcome, RunRecord
from tests.certificate import corpus
from tests.certificate.forging import ours
from tests.support import TERMINAL, SandboxProcess, certify, write_profile

APIS = ("withdraws", "payout-intents")
# All use the same two runs.
pytestmark = pytest.mark.xdist_group("corpus")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, sandbox: SandboxProcess) -> dict[str, Path]:
    """The folder of a finished run of each API, without fuzzing."""
    found = {}
    for api in APIS:
        folder = tmp_path_factory.mktemp(api)
        states = "sandbox = true" if api == "withdraws" else f"sandbox = true\n{TERMINAL}"
        ran = certify(write_profile(folder, api, sandbox.url, states=states))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        found[api] = (folder / "reports" / "latest").resolve()
    return found


def later() -> datetime:
    """A moment at which all certificates of the corpus are valid."""
    return datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize("api", APIS)
def test_a_run_that_nobody_changed_is_verified(api: str, real: dict[str, Path], tmp_path: Path) -> None:
    """Signed in the same way as the forgeries, it is valid, with its profile and without: their change is the cause."""
    folder = tmp_path / "run"
    content = corpus.forged(real[api], folder, corpus.untouched)
    whole = verify(content, corpus.KEY.public, at=later(), files=evidence.read(folder))
    (folder / "profile.toml").unlink()
    alone = verify(content, corpus.KEY.public, at=later(), files=evidence.read(folder))

    assert (whole.exit_code, whole.not_checked) == (0, ())
    assert "the checks are those of this build" in alone.checked
    assert alone.not_checked == ("profile.toml: not in the folder",)


@pytest.mark.parametrize("name", corpus.FORGERIES)
@pytest.mark.parametrize("api", APIS)
def test_each_forgery_is_refused_with_its_sentence(
    api: str, name: str, real: dict[str, Path], tmp_path: Path
) -> None:
    """Each forgery ends with exit code 2 and a hint, and a sentence that names the contradiction."""
    content = corpus.forge(name, real[api], tmp_path / name)

    with pytest.raises(ConformanceError) as refused:
        verify(content, corpus.KEY.public, at=later(), files=evidence.read(tmp_path / name))

    assert refused.value.exit_code == 2
    assert refused.value.hint
    assert corpus.FORGERIES[name][2] in refused.value.message


def test_the_checks_of_another_build_are_not_judged_and_that_is_said(
    real: dict[str, Path], tmp_path: Path
) -> None:
    """A record of another build may have other checks: how many are known is said, and --this-build refuses it."""

    def elsewhere(run: RunRecord) -> RunRecord:
        return corpus.another_build(corpus.one_invented_check(run))

    folder = tmp_path / "run"
    content = corpus.forged(real["withdraws"], folder, elsewhere)
    found = verify(content, corpus.KEY.public, at=later(), files=evidence.read(folder))
    public = tmp_path / "signer.pub.pem"
    public.write_bytes(corpus.KEY.public.pem)
    words = ["verify", str(folder), "--public-key", str(public), "--at", later().isoformat()]
    refused = CliRunner().invoke(main, [*words, "--this-build"])

    (said,) = found.not_checked
    assert "another build made the run. The record has 0 of the" in said
    assert "and 1 check that it doesn't have" in said
    assert any("another build than the one that is installed here" in one for one in found.remarks)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "another build than the installed one made it" in refused.stderr


def test_other_fuzzing_than_was_done_is_refused(real: dict[str, Path], tmp_path: Path) -> None:
    """A run that claims fuzzing says of each check that it judged or that nothing put it to the test."""

    def claims(run: RunRecord) -> RunRecord:
        return corpus.with_fuzzing(run, idle=())

    content = corpus.forged(real["withdraws"], tmp_path / "run", claims)

    with pytest.raises(ConformanceError, match="checks of the fuzzing are missing"):
        verify(content, corpus.KEY.public, at=later(), files=evidence.read(tmp_path / "run"))


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("how", ["cut", "redacted"])
def test_an_answer_that_no_longer_says_it_is_no_contradiction(
    api: str, how: str, real: dict[str, Path], tmp_path: Path
) -> None:
    """A body that was longer than a record keeps, or an echo of bytes that became a mark, is no JSON any more."""

    def shortened(run: RunRecord) -> RunRecord:
        return replace(run, exchanges=tuple(map(changed, run.exchanges)))

    def changed(one: Exchange) -> Exchange:
        if how == "cut":
            return replace(one, response_body=one.response_body[:60], truncated=True)
        return replace(one, response_body=b'{"echo": [[redacted:primary.secret]], ' + one.response_body[1:])

    content = corpus.forged(real[api], tmp_path / "run", shortened)
    assert (
        verify(content, corpus.KEY.public, at=later(), files=evidence.read(tmp_path / "run")).exit_code == 0
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: ours(d).pop("extent"), "extent"),
        (lambda d: ours(d)["extent"].update(insist=True), "extent.insist"),
        (lambda d: ours(d)["extent"]["notApplicable"].append("WD-01"), "extent.notApplicable"),
    ],
)
def test_how_far_a_run_went_can_t_be_denied(
    real: dict[str, Path], tmp_path: Path, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    """The extent in the certificate is that of the run, and a certificate of this version has one."""
    content = corpus.forged(real["withdraws"], tmp_path / "run", corpus.untouched, signed=change)

    with pytest.raises(ConformanceError, match=f"its .*{says} is not what the run's files say"):
        verify(content, corpus.KEY.public, at=later(), files=evidence.read(tmp_path / "run"))


def test_the_extent_says_what_was_not_exercised(real: dict[str, Path], tmp_path: Path) -> None:
    """States, capabilities, fuzzing, selection, waivers and requirements that don't apply, by id."""
    folder = tmp_path / "run"
    content = corpus.forged(real["payout-intents"], folder, corpus.untouched)
    said = verify(content, corpus.KEY.public, at=later()).claim.extension["extent"]

    assert {"requires_approval", "processing", "paid"} <= set(said["statesTried"])
    assert said["fuzzing"] is None
    assert said["capabilities"] == {"settlement": True, "webhooks": None}
    assert said["selection"] == {"expression": "", "requirements": []}
    assert (said["insist"], said["waivers"]) == (False, [])
    requirements = verify(content, corpus.KEY.public, at=later()).claim.extension["requirements"]
    assert said["notApplicable"] == [
        requirement["id"] for requirement in requirements if requirement["outcome"] == Outcome.NOT_APPLICABLE
    ]


@pytest.mark.parametrize("name", ["certificate.json", "run.json", "exchanges.har", "profile.toml"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_file_that_is_none_is_refused_at_once(
    name: str, kind: str, real: dict[str, Path], tmp_path: Path
) -> None:
    """A pipe without a writer, a device without an end and a folder: nothing waits, nothing is read to the end."""
    folder = tmp_path / "run"
    corpus.forged(real["withdraws"], folder, corpus.untouched)
    (folder / "signer.pub.pem").write_bytes(corpus.KEY.public.pem)
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "device":
        (folder / name).symlink_to("/dev/zero")
    else:
        (folder / name).mkdir()

    path = folder / "certificate.json"
    refused = CliRunner().invoke(
        main, ["verify", str(path), "--run", str(folder), "--public-key", str(folder / "signer.pub.pem")]
    )

    assert (refused.exit_code, refused.stdout) == (2, ""), refused.output
    assert refused.stderr.startswith("error: ")
    assert (
        "no regular file" in refused.stderr
        or "is a folder" in refused.stderr
        or "can't be read" in refused.stderr
    )


def test_a_run_of_a_far_off_day_is_not_signed(real: dict[str, Path], tmp_path: Path) -> None:
    """Nor one that ended in a second 60: both are said, and no arithmetic fails over them."""
    from conformance.certificate.issue import issue
    from conformance.report import record as records

    for name, change in (("far", corpus.far_off), ("sixty", corpus.second_sixty)):
        folder = tmp_path / name
        records.write(corpus.folded(change(records.load(real["withdraws"]))), folder)
        with pytest.raises(ConformanceError, match="names an instant that doesn't exist"):
            issue(folder, keys.generate(), now=later(), environ={})
    with pytest.raises(ValueError, match="centuries off"):
        statement.moment("9999-12-31T23:59:59Z")
