"""Allure results, as files: from a record, and from pytest itself."""

import json
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.model import Basis, Effect, Level, Outcome, Problem, RunRecord, Target, Verdict, Waiver
from conformance.report import allure, allure_setup, junit
from conformance.report.allure_labels import severity
from tests.support import SandboxProcess, launched, write_profile

from . import sample

# The requirements of the showcase that no check speaks of.
UNCHECKED = ("WD-02 A processing withdraw is cancelled", "WD-42 A canceled withdraw is never paid")


def results(run: RunRecord) -> dict[str, Any]:
    """Check -> its result."""
    found = {}
    for name, text in allure.files(run, {}):
        if name.endswith("-result.json"):
            result = json.loads(text)
            found[result["fullName"].partition("::")[2]] = result
    return found


def labels(result: dict[str, Any], name: str) -> list[str]:
    return [label["value"] for label in result["labels"] if label["name"] == name]


# -- the files -----------------------------------------------------------------------------------------------


def test_every_check_has_a_result_with_its_status() -> None:
    """Failed is failed; what leaves a MUST unproven is broken, of a SHOULD skipped; a warning passes, and says so."""
    found = results(sample.showcase())

    beside = {"verdict::Verdict", *(f"requirements without a check::{one}" for one in UNCHECKED)}
    assert set(found) == {check.id for check in sample.showcase().checks} | beside
    assert found["verdict::Verdict"]["status"] == "failed"
    assert found["verdict::Verdict"]["statusDetails"]["message"].startswith("Non-conformant: Acme staging")
    assert {found[f"requirements without a check::{one}"]["status"] for one in UNCHECKED} == {"skipped"}
    assert found["cancellation::pending"]["status"] == "passed"
    assert "statusDetails" not in found["cancellation::pending"]
    assert found["cancellation::refused[paid]"]["status"] == "failed"
    assert found["http::methods"]["status"] == "broken"
    assert found["http::methods"]["statusDetails"]["message"].startswith("Harness or transport: timeout")
    assert found["tenancy::other"]["status"] == "broken"
    assert found["tenancy::alike"]["status"] == "skipped"
    assert found["tenancy::other"]["statusDetails"]["message"].startswith("Not testable: ")
    assert found["errors::envelope"]["status"] == "passed"
    assert found["errors::envelope"]["name"].startswith("⚠ ")
    assert found["errors::envelope"]["statusDetails"]["message"].startswith("Warning (SHOULD): WD-27: ")


@pytest.mark.parametrize(
    "run",
    [
        sample.showcase(),
        sample.conformant(),
        sample.folded([sample.requirement("WD-01")], []),
        sample.folded(
            [sample.requirement("WD-01")],
            [sample.check("a::b", Outcome.ERROR, "WD-01", message="timeout: x")],
        ),
    ],
    ids=["showcase", "conformant", "unproven", "error"],
)
def test_allure_counts_as_junit_does(run: RunRecord) -> None:
    """As many tests, failures, errors and skipped ones; and never all green for a run that isn't conformant."""
    suites = ET.fromstring(junit.junit(run))
    expected = {"all": int(suites.get("tests", "0"))}
    for status, key in (("failed", "failures"), ("broken", "errors"), ("skipped", "skipped")):
        expected[status] = sum(int(suite.get(key, "0")) for suite in suites)
    statuses = Counter(result["status"] for result in results(run).values())

    assert {
        "all": statuses.total(),
        **{name: statuses[name] for name in expected if name != "all"},
    } == expected
    assert (statuses["passed"] == statuses.total()) is (run.verdict is Verdict.CONFORMANT)


def test_a_waived_failure_is_skipped_and_says_so() -> None:
    """A waiver names its owner and its last day; a passed check has none."""
    run = sample.showcase()
    broken = next(check for check in run.checks if check.id == "cancellation::refused[paid]")
    waivers = tuple(
        Waiver(one, "mended in 4.2", "2027-01-31", "payments", Effect.WAIVES) for one in broken.requirements
    )

    found = results(replace(run, waivers=waivers))

    result = found[broken.id]
    assert result["status"] == "skipped"
    assert labels(result, "waiver") == ["waived until 2027-01-31 by payments: mended in 4.2"]
    assert "waived:   until 2027-01-31" in result["statusDetails"]["trace"]
    assert labels(found["cancellation::pending"], "waiver") == []


def test_a_failure_comes_with_all_that_mends_it() -> None:
    """A failing check has the requirement, expected and observed, a step per exchange, and the request to repeat."""
    run = sample.showcase()
    files = dict(allure.files(run, {}))
    result = results(run)["cancellation::refused[paid]"]

    explanation = files[result["attachments"][0]["source"]]
    for part in (
        "WD-04 MUST",
        "asks: ",
        "expected: 400 with code",
        "observed: 200 with",
        "hint: ",
        "curl -sS",
    ):
        assert part in explanation
    assert [step["status"] for step in result["steps"]] == ["passed", "failed"]
    answer, repeat = result["steps"][1]["attachments"]
    assert files[answer["source"]].startswith("POST https://sandbox.acme.test/api/v1/withdraws/")
    assert "curl -sS" in files[repeat["source"]]
    named = [one["source"] for each in results(run).values() for one in attachments(each)]
    assert len(named) > 10
    assert set(named) <= set(files)


def attachments(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The attachments of a result and of its steps."""
    return item.get("attachments", []) + [
        one for step in item.get("steps", []) for one in step.get("attachments", [])
    ]


@pytest.mark.parametrize(
    ("level", "bases", "expected"),
    [
        (Level.MUST, (Basis.DOC, Basis.SAFETY), "blocker"),
        (Level.MUST, (Basis.DOC,), "critical"),
        (Level.MAY, (Basis.DOC,), "normal"),
        (Level.SHOULD, (Basis.RFC,), "minor"),
        (Level.SHOULD, (Basis.CUSTOM,), "trivial"),
    ],
)
def test_severity_follows_level_and_basis(level: Level, bases: tuple[Basis, ...], expected: str) -> None:
    """Money and tenants block."""
    requirements = [sample.requirement("WD-01", level, basis=basis) for basis in bases]
    assert severity(requirements, level) == expected


def test_identities_last_and_tell_cases_and_targets_apart() -> None:
    """Neither time nor place of a run is in them; every case has its own history, and so has every target."""
    requirements = [sample.requirement("WD-01", section="RFC 9110 section 15.5.6")]

    def run(name: str, started: str) -> dict[str, Any]:
        checks = [sample.check(f"a::b[{case}]", Outcome.PASSED, "WD-01", started_at=started) for case in "xy"]
        made = sample.folded(requirements, checks, started_at=started)
        return results(
            replace(made, target=replace(made.target, name=name, base_url=f"https://{started[:4]}.test"))
        )

    one, later = run("Acme", "2026-03-01T12:00:00Z"), run("Acme", "2027-03-01T12:00:00Z")
    other = run("Other", "2026-03-01T12:00:00Z")
    x, y = "a::b[x]", "a::b[y]"
    assert one[x]["historyId"] == later[x]["historyId"]
    assert one[x]["uuid"] != later[x]["uuid"]
    assert one[x]["testCaseId"] == one[y]["testCaseId"]
    assert one[x]["historyId"] != one[y]["historyId"]
    assert one[x]["parameters"] == [{"name": "case", "value": "x"}]
    assert not {one[x]["testCaseId"], one[x]["historyId"]} & {other[x]["testCaseId"], other[x]["historyId"]}
    assert one[x]["links"] == [
        {
            "type": "link",
            "name": "RFC 9110 section 15.5.6",
            "url": "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6",
        }
    ]


def test_long_checks_show_some_exchanges_and_the_one_that_tells() -> None:
    """A fuzzing check may have sent thousands; what is left out is said."""
    check = sample.check(
        "fuzz::answers",
        Outcome.FAILED,
        "WD-01",
        exchanges=tuple(range(300)),
        problem=Problem("a", "b", exchange=299),
    )
    result = results(
        sample.folded([sample.requirement("WD-01")], [check], [sample.exchange() for _ in range(300)])
    )["fuzz::answers"]
    assert [step.get("status") for step in result["steps"]] == ["passed"] * 50 + ["failed", None]
    assert result["steps"][-1]["name"] == "… and 249 more exchanges: see exchanges.har"


def test_a_new_rendering_replaces_the_results_but_not_what_others_put_there(tmp_path: Path) -> None:
    """Allure 2's history and what is known of the CI job stay; nothing else of before does."""
    results_folder = tmp_path / "allure-results"
    allure.write(sample.showcase(), tmp_path, {"GITHUB_ACTIONS": "true", "GITHUB_RUN_NUMBER": "7"})
    (results_folder / "history").mkdir()
    (results_folder / "history" / "history.json").write_text("{}")
    assert len(list(results_folder.glob("*-result.json"))) == len(sample.showcase().checks) + 1 + len(
        UNCHECKED
    )

    allure.write(sample.conformant(), tmp_path, {})

    assert len(list(results_folder.glob("*-result.json"))) == 2 + 1
    assert (results_folder / "history" / "history.json").exists()
    assert json.loads((results_folder / "executor.json").read_text())["buildOrder"] == 7
    assert {path.name for path in tmp_path.iterdir()} == {"allure-results", "allurerc.json"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_REPOSITORY": "acme/api",
                "GITHUB_RUN_ID": "99",
                "GITHUB_RUN_NUMBER": "7",
                "GITHUB_WORKFLOW": "certify",
            },
            ("github", "certify #7", 7, "https://github.com/acme/api/actions/runs/99"),
        ),
        (
            {
                "GITLAB_CI": "true",
                "CI_JOB_NAME": "certify",
                "CI_PIPELINE_IID": "8",
                "CI_JOB_URL": "https://a/8",
            },
            ("gitlab", "certify #8", 8, "https://a/8"),
        ),
        (
            {
                "JENKINS_URL": "https://j",
                "JOB_NAME": "certify",
                "BUILD_NUMBER": "9",
                "BUILD_URL": "javascript:1",
            },
            ("jenkins", "certify #9", 9, None),
        ),
    ],
)
def test_a_ci_job_is_named(environ: dict[str, str], expected: tuple[Any, ...]) -> None:
    """By what the server itself says; only http links are taken over."""
    found = allure_setup.executor(environ)
    assert found is not None
    assert (found["type"], found["buildName"], found["buildOrder"], found.get("buildUrl")) == expected
    assert allure_setup.executor({"PATH": "/bin"}) is None


def test_the_share_of_passed_checks_is_called_no_verdict() -> None:
    """The heading says how many requirements fail, a cross stands beside it, and the environment counts the checks."""
    red, green = (dict(allure_setup.files(run, {})) for run in (sample.showcase(), sample.conformant()))
    assert ", which is no verdict" in red["environment.properties"].replace("\\", "")
    assert "no verdict" not in green["environment.properties"]
    failing, passing = (allure_setup.config(run) for run in (sample.showcase(), sample.conformant()))
    assert failing["name"].startswith("Non-conformant, 1 warning: Acme staging (withdraws, test) fails ")
    assert passing["name"].endswith("Acme staging (withdraws, test)")
    logos = [one["plugins"]["awesome"]["options"]["logo"] for one in (failing, passing)]
    assert all(one.startswith("data:image/svg+xml;base64,") for one in logos)
    assert logos[0] != logos[1]


def test_the_target_of_a_record_may_be_called_anything() -> None:
    """Files have names of their own, whatever the target's is."""
    target = Target("../../x/\u202e", "withdraws", "https://a.test", "test")
    config = allure_setup.config(replace(sample.conformant(), target=target))
    assert config["historyPath"] == "../x-withdraws.allure-history.jsonl"
    assert not [
        name for name, _ in allure.files(replace(sample.conformant(), target=target), {}) if "/" in name
    ]


# -- pytest itself -------------------------------------------------------------------------------------------


def test_the_suites_feed_allure_when_pytest_is_asked_to(bendable: SandboxProcess, tmp_path: Path) -> None:
    """`pytest --pyargs ... --alluredir`: the same labels, and the exchanges as attachments."""
    bendable.bend("wd-paid-is-cancelled")
    profile = write_profile(tmp_path, "withdraws", bendable.url)
    words = ["--pyargs", "conformance.suites.withdraws", "--profile", str(profile), "--alluredir", "results"]
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = launched(*pytest_, *words, "-k", "matrix and refused and paid", cwd=tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    found = [json.loads(path.read_text()) for path in (tmp_path / "results").glob("*-result.json")]
    paid = next(one for one in found if "WD-04" in labels(one, "tag") and one["status"] == "failed")
    assert labels(paid, "epic") == ["withdraws"]
    assert labels(paid, "feature") == ["cancellation"]
    assert labels(paid, "severity") == ["critical"]
    assert labels(paid, "story") == ["WD-04 A paid withdraw is refused"]
    text = (tmp_path / "results" / attachments(paid)[0]["source"]).read_text()
    assert "POST http://127.0.0.1" in text
