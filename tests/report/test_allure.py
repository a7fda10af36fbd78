"""Allure results, as files and as the real Allure 3 shows them."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance.model import (
    Basis,
    Effect,
    Exchange,
    Level,
    Outcome,
    Problem,
    RunRecord,
    Target,
    Waiver,
)
from conformance.report import allure, allure_setup, record
from conformance.report.allure_labels import severity
from tests.support import READ_PATH, SandboxProcess, command, environment, write_profile

from . import sample
from .browser import chromium
from .strategies import NASTY
from .viewers import allure_generate, served, watched


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
    """Failed is failed, an error broken, what couldn't be tested skipped; a warning passes, and says so."""
    found = results(sample.showcase())

    assert set(found) == {check.id for check in sample.showcase().checks}
    assert found["cancellation::pending"]["status"] == "passed"
    assert "statusDetails" not in found["cancellation::pending"]
    assert found["cancellation::refused[paid]"]["status"] == "failed"
    assert found["http::methods"]["status"] == "broken"
    assert found["http::methods"]["statusDetails"]["message"].startswith("Harness or transport: timeout")
    assert found["tenancy::other"]["status"] == "skipped"
    assert found["tenancy::other"]["statusDetails"]["message"].startswith("Not testable: ")
    assert found["errors::envelope"]["status"] == "passed"
    assert found["errors::envelope"]["name"].startswith("⚠ ")
    assert found["errors::envelope"]["statusDetails"]["message"].startswith("Warning (SHOULD): WD-27: ")


def test_a_waived_failure_fails_and_says_so() -> None:
    """Who answers for it, and until when; what passed has no waiver."""
    run = sample.showcase()
    broken = next(check for check in run.checks if check.id == "cancellation::refused[paid]")
    waivers = tuple(
        Waiver(one, "mended in 4.2", "2027-01-31", "payments", Effect.WAIVES) for one in broken.requirements
    )

    found = results(replace(run, waivers=waivers))

    result = found[broken.id]
    assert result["status"] == "failed"
    assert labels(result, "waiver") == ["waived until 2027-01-31 by payments: mended in 4.2"]
    assert "waiver:   waived until 2027-01-31" in result["statusDetails"]["trace"]
    assert labels(found["cancellation::pending"], "waiver") == []


def test_a_failure_comes_with_all_that_mends_it() -> None:
    """What was asked, expected and observed; a step per exchange; the request to repeat."""
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
    """Those of a result and of its steps."""
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
    rows = [sample.requirement("WD-01", level, basis=basis) for basis in bases]
    assert severity(rows, level) == expected


def test_identities_last_and_tell_cases_and_targets_apart() -> None:
    """Neither time nor place of a run is in them; every case has its own history, and so has every target."""
    rows = [sample.requirement("WD-01", section="RFC 9110 section 15.5.6")]

    def run(name: str, started: str) -> dict[str, Any]:
        checks = [sample.check(f"a::b[{case}]", Outcome.PASSED, "WD-01", started_at=started) for case in "xy"]
        made = sample.folded(rows, checks, started_at=started)
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
    assert len(list(results_folder.glob("*-result.json"))) == len(sample.showcase().checks)

    allure.write(sample.conformant(), tmp_path, {})

    assert len(list(results_folder.glob("*-result.json"))) == 2
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


# -- the report ----------------------------------------------------------------------------------------------


class Report:
    """What a generated report says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tests = [json.loads(path.read_text()) for path in (folder / "data/test-results").glob("*.json")]
        self.tree = self.widget("tree")

    def widget(self, name: str) -> Any:
        return json.loads((self.folder / "widgets" / f"{name}.json").read_text())

    def by_check(self) -> dict[str, Any]:
        """Check -> test."""
        return {test["fullName"].partition("::")[2]: test for test in self.tests}

    def groups(self, *path: str) -> dict[str, Any]:
        """The groups of the tree below `path`, by name."""
        ids = self.tree["root"]["groups"]
        for name in path:
            ids = next(g["groups"] for i in ids if (g := self.tree["groupsById"][i])["name"] == name)
        return {group["name"]: group for group in (self.tree["groupsById"][i] for i in ids)}

    def categories(self) -> dict[str, int]:
        found = self.widget("categories")
        return {
            found["nodes"][root]["name"]: found["nodes"][root]["statistic"]["total"]
            for root in found["roots"]
        }


def test_allure_shows_a_real_run_and_joins_its_history(bendable: SandboxProcess, tmp_path: Path) -> None:
    """Every check, fuzzing's too, by API, suite and requirement; the next run's report knows what was fixed."""
    profile = write_profile(tmp_path, "withdraws", bendable.url, states=f"{READ_PATH}\nsandbox = true")
    bendable.bend("wd-paid-is-cancelled", "wd-error-is-flat")
    words = ("--fuzz-examples", "2", "-k", "cancellation or fuzz or envelope")
    done = command("run", profile, *words, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    first = (tmp_path / "reports" / "latest").resolve()
    run = record.load(first)

    report = Report(allure_generate(first))

    assert len(report.tests) == len(report.tree["leavesById"]) == len(run.checks)
    assert Counter(test["status"] for test in report.tests)["failed"] == sum(
        check.outcome is Outcome.FAILED for check in run.checks
    )
    assert set(report.groups()) == {"withdraws"}
    assert set(report.groups("withdraws")) == {check.suite.replace("_", " ") for check in run.checks}
    assert "fuzz" in report.groups("withdraws")
    assert "WD-04 A paid withdraw is refused" in report.groups("withdraws", "cancellation")
    outcomes = Counter(check.outcome for check in run.checks)
    assert outcomes[Outcome.WARNED] > 0
    expected = {
        "Failed (MUST)": outcomes[Outcome.FAILED],
        "Warnings (SHOULD)": outcomes[Outcome.WARNED],
        "Not testable": outcomes[Outcome.NOT_TESTABLE],
        "Not applicable": outcomes[Outcome.NOT_APPLICABLE],
        "Harness or transport errors": outcomes[Outcome.ERROR],
    }
    assert report.categories() == {name: count for name, count in expected.items() if count}
    severities = {test["groupedLabels"]["severity"][0] for test in report.tests}
    assert {"blocker", "critical"} <= severities
    known = {item["name"]: item["values"][0] for item in report.widget("allure_environment")}
    assert known["Base URL"] == bendable.url
    assert known["Verdict"].startswith("Non-conformant, ")
    assert "Non-conformant" in report.widget("globals")["errors"][0]["message"]
    paid = report.by_check()["cancellation::matrix_final_state_is_refused[paid]"]
    assert paid["transition"] == "new"
    assert not [one for test in report.tests for one in test["attachments"] if one["link"].get("missed")]

    bendable.bend()
    done = command("run", profile, "--no-fuzz", "-k", "cancellation", cwd=tmp_path)
    second = Report(allure_generate((tmp_path / "reports" / "latest").resolve()))

    paid = second.by_check()["cancellation::matrix_final_state_is_refused[paid]"]
    assert paid["transition"] == "fixed"
    assert [past["status"] for past in paid["history"]] == ["failed"]
    assert {test.get("transition") for test in second.tests} == {"fixed", None}


# Elements that only a target's text could have made.
MADE = "[onerror], [onload], [onclick], img[src=x], iframe:not([sandbox]), a[href^=javascript]"


def test_allure_shows_hostile_answers_as_text(tmp_path: Path) -> None:
    """In a real browser: no dialog, no request elsewhere, no error, and no element that a target made."""
    run = hostile_run()
    allure.write(run, tmp_path / "run", {})
    folder = allure_generate(tmp_path / "run")
    report = Report(folder)
    assert len(report.tests) == len(run.checks)
    names = {item["name"]: item["values"][0] for item in report.widget("allure_environment")}
    assert names["Target"] == "<img src=x onerror=alert(1)> = \\ : # ü 💥"

    with served(folder) as url, chromium() as browser, watched(browser) as (page, requests, trouble):
        # Allure's own pages count their visits; that is none of the target's doing.
        page.route("https://www.googletagmanager.com/**", lambda route: route.abort())
        page.goto(url)
        page.get_by_text("Categories").first.wait_for()
        for tab in ("categories", "globalErrors", "globalAttachments"):
            page.goto(f"{url}#{tab}")
        for test in report.tests:
            page.goto(f"{url}#{test['id']}")
            page.get_by_text(test["name"]).first.wait_for()
            for title in ("Request and answer", "Repeat it (curl)", "Explanation"):
                page.get_by_text(title).first.click()
            assert page.get_by_text("observed:").count() > 0
            assert page.locator(MADE).evaluate_all("all => all.map(one => one.outerHTML)") == []
        assert trouble == []
        elsewhere = {
            urlsplit(asked).netloc for asked in requests if not asked.startswith((url, "data:", "blob:"))
        }
        assert elsewhere <= {"www.googletagmanager.com"}
        assert not [asked for asked in requests if asked.endswith("/x")]


def hostile_run() -> RunRecord:
    """Every way to be hostile, in messages, observations, bodies and headers; one of 1 MB, one that isn't UTF-8."""
    more = (
        "<script>alert(1)</script>",
        "[x](javascript:alert(1)) <javascript:alert(1)> \x1b[31m<b onclick=alert(1)>red</b>",
    )
    single = [*more, *NASTY]
    values = ["\n".join(single[start : start + 4]) for start in range(0, len(single), 4)]
    values.append("<svg onload=alert(1)>" * 50_000)
    bodies = [value.encode("utf-8", "surrogatepass") for value in values]
    bodies[0] = b"\xff\xfe\xc0\xaf" + bodies[0]
    checks, sent = [], []
    for index, (value, body) in enumerate(zip(values, bodies, strict=True)):
        sent.append(hostile_exchange(value, body))
        problem = Problem(value, value, exchange=index, hint=value)
        told = {"message": value, "exchanges": (index,), "problem": problem}
        checks.append(sample.check(f"a::hostile[{index}]", Outcome.FAILED, "WD-01", **told))
    target = replace(sample.TARGET, name="<img src=x onerror=alert(1)> = \\ : # ü 💥")
    return replace(sample.folded([sample.requirement("WD-01")], checks, sent), target=target)


def hostile_exchange(value: str, body: bytes) -> Exchange:
    return sample.refusal(
        400, body, response_headers=(("X-Evil", value), ("Content-Type", "text/html")), error=None
    )


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
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, "-k", "refused and paid"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    found = [json.loads(path.read_text()) for path in (tmp_path / "results").glob("*-result.json")]
    paid = next(one for one in found if "WD-04" in labels(one, "tag") and one["status"] == "failed")
    assert labels(paid, "epic") == ["withdraws"]
    assert labels(paid, "feature") == ["cancellation"]
    assert labels(paid, "severity") == ["critical"]
    assert labels(paid, "story") == ["WD-04 A paid withdraw is refused"]
    text = (tmp_path / "results" / attachments(paid)[0]["source"]).read_text()
    assert "POST http://127.0.0.1" in text
