"""Waivers: failures that somebody answers for. They stay failures, and only the exit code lets them pass."""

import json
from pathlib import Path

import jsonschema
import pytest

from conformance import waivers
from conformance.catalogue import specs_dir
from conformance.errors import UsageError
from conformance.model import Effect, Level, Outcome, Verdict, Waiver
from conformance.report import explain, record, summary, terminal
from conformance.report.html import html
from conformance.report.junit import junit
from conformance.report.verdict import exit_code
from tests.report.sample import check, folded, requirement
from tests.support import SandboxProcess, certify, outcomes, write_profile
from tests.support import record as run_record

GOOD = '[[waiver]]\nrequirement = "wd-19"\nreason = "Fixed in 4.2"\nexpires = 2026-03-01\nby = "payments"\n'


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "waivers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_waiver_has_a_requirement_a_reason_and_a_date(tmp_path: Path) -> None:
    assert waivers.load(file(tmp_path, GOOD)) == (Waiver("WD-19", "Fixed in 4.2", "2026-03-01", "payments"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no [[waiver]]"),
        ("waiver = 3", "holds no [[waiver]]"),
        ("[[waiver]", "can't be read as TOML"),
        ("[[waivers]]\n", "unknown key waivers"),
        (GOOD + 'until = "x"\n', "waiver 1: unknown key until"),
        (GOOD.replace("wd-19", "WD-99"), "no catalogue has a requirement WD-99"),
        (GOOD.replace('reason = "Fixed in 4.2"', 'reason = " "'), "reason must be a text"),
        (GOOD.replace("expires = 2026-03-01\n", ""), "expires must be a date"),
        (GOOD.replace("2026-03-01", '"2026-13-01"'), "expires must be a date"),
        (GOOD.replace("2026-03-01", "2026-03-01T00:00:00Z"), "expires must be a date"),
        (GOOD.replace('"payments"', "3"), "by must be a text"),
        (GOOD + GOOD, "waiver 2: WD-19 is waived twice"),
    ],
)
def test_a_mistake_in_a_waiver_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as fault:
        waivers.load(file(tmp_path, text))
    assert says in fault.value.message
    assert fault.value.hint


def failing(*given: Waiver, more: bool = False):
    """Results with one requirement that failed, one that passed and one that warned; `more` of them failed."""
    requirements = [requirement("WD-01"), requirement("WD-02"), requirement("WD-03", Level.SHOULD)]
    checks = [
        check("a::one", Outcome.FAILED, "WD-01"),
        check("a::two", Outcome.FAILED if more else Outcome.PASSED, "WD-02"),
        check("a::three", Outcome.WARNED, "WD-03", level=Level.SHOULD),
    ]
    return folded(requirements, checks, waivers=given)


def waived(name: str, expires: str = "2026-03-01") -> Waiver:
    return Waiver(name, "a reason <b>", expires, "somebody")


def test_a_waived_failure_is_a_failure_with_the_exit_code_of_the_rest() -> None:
    found = failing(waived("WD-01"))

    assert found.verdict is Verdict.NON_CONFORMANT
    assert found.counts()["failed"] == 1
    assert [one.effect for one in found.waivers] == [Effect.WAIVES]
    assert exit_code(found) == 0
    assert exit_code(found, fail_on_warning=True) == 1
    assert exit_code(failing(waived("WD-01"), waived("WD-03")), fail_on_warning=True) == 0


def test_what_is_not_waived_or_not_proven_decides() -> None:
    assert exit_code(failing()) == 1
    assert exit_code(failing(waived("WD-01"), more=True)) == 1
    assert (
        exit_code(failing(waived("WD-01"), waived("WD-02"), more=True)) == 3
    )  # nothing that must hold is left
    requirements = [requirement("WD-01"), requirement("WD-02")]
    checks = [check("a::one", Outcome.FAILED, "WD-01"), check("a::two", Outcome.NOT_TESTABLE, "WD-02")]
    assert exit_code(folded(requirements, checks, waivers=[waived("WD-01")])) == 3
    assert exit_code(folded(requirements[:1], checks[:1], waivers=[waived("WD-01")], complete=False)) == 3


@pytest.mark.parametrize(
    ("one", "effect", "says"),
    [
        (waived("WD-01", "2026-02-28"), Effect.EXPIRED, "WD-01: the waiver expired on 2026-02-28"),
        (waived("WD-02"), Effect.UNNEEDED, "WD-02: the waiver isn't needed (passed)"),
    ],
)
def test_a_waiver_that_does_nothing_is_named(one: Waiver, effect: Effect, says: str) -> None:
    found = failing(one)

    assert [each.effect for each in found.waivers] == [effect]
    assert exit_code(found) == 1
    assert any(sentence.startswith(says) for sentence in explain.waivers(found))
    assert says in " ".join(terminal.text(found).split())


def test_waivers_of_the_other_api_are_left_alone() -> None:
    assert failing(waived("PI-01")).waivers == ()


def test_every_report_shows_the_failure_and_the_waiver() -> None:
    found = failing(waived("WD-01"))

    assert "fails 1 of 3 requirements tested, waived." in explain.sentence(found)
    said = terminal.text(found)
    assert said.startswith("NON-CONFORMANT")
    assert "until 2026-03-01 by somebody: a reason <b>" in said
    assert "<li>❌ (waived) WD-01 MUST " in summary.summary(found)
    assert "- Waived: until 2026-03-01 by somebody\\: a reason &lt;b&gt;" in summary.summary(found)
    assert "WD-01 failed, waived until 2026-03-01 by somebody: a reason &lt;b&gt;" in summary.summary(found)
    page = html(found)
    assert "failed, waived" in page
    assert "until 2026-03-01 by somebody: a reason &lt;b&gt;" in page
    xml = junit(found)
    assert "<failure" not in xml
    assert xml.count("<skipped") == 2  # the verdict, and the check: neither red nor passed
    assert 'message="failed, WD-01 waived until 2026-03-01 by somebody: a reason &lt;b&gt;"' in xml
    assert "<failure" in junit(failing(waived("WD-02")))


def test_the_record_keeps_waivers_and_fits_its_schema() -> None:
    found = failing(waived("WD-01"), waived("WD-02"))
    data = json.loads(json.dumps(record.to_json(found)))

    jsonschema.validate(data, json.loads((specs_dir() / "formats" / "run.schema.json").read_text()))
    assert record.from_json(data, found.exchanges).waivers == found.waivers
    assert exit_code(record.from_json(data, found.exchanges)) == 0
    assert "waivers" not in record.to_json(failing())


def test_a_run_with_a_waived_failure_ends_with_0_and_never_as_conformant(
    bendable: SandboxProcess, tmp_path: Path
) -> None:
    bendable.bend("wd-amount-is-a-number")
    profile = write_profile(tmp_path, "withdraws", bendable.url)
    text = GOOD.replace("2026-03-01", "2999-01-01")

    done = certify(profile, "--waivers", str(file(tmp_path, text)))

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("NON-CONFORMANT  Acme (withdraws, test) fails 1 of ")
    assert "waived" in done.stdout
    assert run_record(tmp_path)["verdict"] == "non_conformant"
    assert outcomes(tmp_path)["WD-19"] == "failed"
    bad = certify(profile, "--waivers", str(file(tmp_path, text.replace("wd-19", "WD-919"))))
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "no catalogue has a requirement WD-919" in bad.stderr
