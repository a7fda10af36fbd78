"""The real Allure 3 over our results: what its report says of a run and of the next one, hostile text as text."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.model import Exchange, Outcome, Problem, RunRecord
from conformance.report import allure, explain, record
from tests.support import READ_PATH, SandboxProcess, command, write_profile

from . import sample
from .browser import chromium, opened
from .strategies import NASTY
from .viewers import allure_generate, served


class Report:
    """Returns the text of a generated report."""

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

    # Beside the checks there are the verdict and each requirement without a check.
    unchecked = [result for result in run.requirements if not result.checks]
    assert len(report.tests) == len(report.tree["leavesById"]) == len(run.checks) + 1 + len(unchecked)
    assert Counter(test["status"] for test in report.tests)["failed"] == 1 + sum(
        check.outcome is Outcome.FAILED for check in run.checks
    )
    assert set(report.groups()) == {"withdraws"}
    assert set(report.groups("withdraws")) == {check.suite.replace("_", " ") for check in run.checks} | {
        "verdict",
        "requirements without a check",
    }
    assert "fuzz" in report.groups("withdraws")
    assert "WD-04 A paid withdraw is refused" in report.groups("withdraws", "cancellation")
    outcomes = Counter([*(check.outcome for check in run.checks), *(one.outcome for one in unchecked)])
    assert outcomes[Outcome.WARNED] > 0
    expected = {
        "The run as a whole": 1,
        "Failed (MUST)": outcomes[Outcome.FAILED],
        "Warnings (SHOULD)": outcomes[Outcome.WARNED],
        "Not testable": outcomes[Outcome.NOT_TESTABLE],
        "Not applicable": outcomes[Outcome.NOT_APPLICABLE],
        "Harness or transport errors": outcomes[Outcome.ERROR],
        "Deselected": outcomes[Outcome.DESELECTED],
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
    verdict = next(test for test in second.tests if test["name"] == "Verdict")
    assert verdict["status"] == "broken"
    assert {test.get("transition") for test in second.tests if test is not verdict} <= {"fixed", "new", None}
    # A requirement whose checks are all left out this time is a result that the run before didn't have.
    left_out = {test["fullName"] for test in second.tests} - {test["fullName"] for test in report.tests}
    assert {test["fullName"] for test in second.tests if test.get("transition") == "new"} == left_out
    assert {test["status"] for test in second.tests if test["fullName"] in left_out} == {"skipped"}


# Elements that only a target's text could have made.
MADE = "[onerror], [onload], [onclick], img[src=x], iframe:not([sandbox]), a[href^=javascript]"


def test_allure_shows_hostile_answers_as_text(tmp_path: Path) -> None:
    """In a real browser: no dialog, no request elsewhere, no error, and no element that a target made."""
    run = hostile_run()
    allure.write(run, tmp_path / "run", {})
    folder = allure_generate(tmp_path / "run")
    report = Report(folder)
    assert len(report.tests) == len(run.checks) + 1
    names = {item["name"]: item["values"][0] for item in report.widget("allure_environment")}
    assert names["Target"] == "<img src=x onerror=alert(1)> = \\ : # ü 💥"

    with served(folder) as url, chromium() as browser, opened(browser) as seen:
        page = seen.page
        # Allure's own pages count their visits; that is none of the target's doing.
        page.route("https://www.googletagmanager.com/**", lambda route: route.abort())
        page.goto(url)
        page.get_by_text("Categories").first.wait_for()
        for tab in ("categories", "globalErrors", "globalAttachments"):
            page.goto(f"{url}#{tab}")
        for test in report.tests:
            page.goto(f"{url}#{test['id']}")
            page.get_by_text(test["name"]).first.wait_for()
            # The verdict has no exchange of its own.
            whole = test["name"] == "Verdict"
            for title in () if whole else ("Request and answer", "Repeat it (curl)", "Explanation"):
                page.get_by_text(title).first.click()
            assert page.get_by_text(f"{explain.VERDICTS[run.verdict]}:" if whole else "observed:").count() > 0
            assert page.locator(MADE).evaluate_all("all => all.map(one => one.outerHTML)") == []
        assert (seen.dialogs, seen.errors) == ([], [])
        elsewhere = {
            urlsplit(asked).netloc for asked in seen.asked if not asked.startswith((url, "data:", "blob:"))
        }
        assert elsewhere <= {"www.googletagmanager.com"}
        assert not [asked for asked in seen.asked if asked.endswith("/x")]


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
