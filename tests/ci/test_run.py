"""In a job of a CI server, `run` tells it what came of the runs; anywhere, `--json` tells a program."""

import json
import re
from pathlib import Path

import pytest

from tests.support import SandboxProcess, command, environment, write_profile

ONE = ("--no-fuzz", "--watch", "0", "-k", "only_the_key")


def outputs(path: Path) -> dict[str, str]:
    """The outputs that a step set, read as GitHub's runner reads them."""
    found = re.finditer(r"(?ms)^([\w-]+)<<(\w+)\n(.*?)\n?^\2\n", path.read_text())
    return {one[1]: one[3] for one in found}


@pytest.fixture
def github(tmp_path: Path) -> dict[str, str]:
    """The environment of a step of GitHub Actions."""
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    return environment(GITHUB_ACTIONS="true", **files)


def test_a_step_of_github_gets_summary_outputs_and_annotations(
    sandbox: SandboxProcess, tmp_path: Path, github: dict[str, str]
) -> None:
    """Of two profiles, one of whose targets doesn't answer: the worst code, one summary, `latest` at both."""
    good = write_profile(tmp_path, "withdraws", sandbox.url)
    text = good.read_text().replace(sandbox.url, "http://127.0.0.1:9")
    gone = tmp_path / "gone.toml"
    gone.write_text(text.replace("Acme", "Gone", 1))

    done = command("run", good, gone, *ONE, cwd=tmp_path, env=github)

    assert done.returncode == 4, done.stdout + done.stderr
    told = outputs(tmp_path / "GITHUB_OUTPUT")
    assert (told["verdict"], told["exit-code"]) == ("error", "4")
    assert Path(told["report-path"]).name == "overview.html"
    assert Path(told["report-path"]).parent == (tmp_path / "reports" / "latest").resolve()
    (folder,) = told["run-paths"].splitlines()
    record = json.loads((tmp_path / folder / "run.json").read_text())
    assert sum(json.loads(told["counts"]).values()) == len(record["requirements"])
    summary = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert summary.startswith("| target |")
    assert "No verdict" in summary
    assert re.findall(r"(?m)^::error title=No verdict%3A Gone[^:]*::", done.stderr)


def test_what_keeps_every_run_from_beginning_is_told_to_github(
    tmp_path: Path, github: dict[str, str]
) -> None:
    """A profile that can't be read: an annotation, and outputs without a report."""
    done = command("run", "no.toml", *ONE, cwd=tmp_path, env=github)

    assert done.returncode == 2
    assert "::error title=No verdict::" in done.stderr
    told = outputs(tmp_path / "GITHUB_OUTPUT")
    assert (told["verdict"], told["exit-code"], told["report-path"]) == ("error", "2", "")


def test_a_summary_that_cannot_be_written_changes_no_exit_code(
    sandbox: SandboxProcess, tmp_path: Path, github: dict[str, str]
) -> None:
    """An unwritable summary file is reported, and the exit code stays."""
    env = {**github, "GITHUB_STEP_SUMMARY": str(tmp_path)}
    done = command("run", write_profile(tmp_path, "withdraws", sandbox.url), *ONE, cwd=tmp_path, env=env)

    assert done.returncode == 3
    assert "GITHUB_STEP_SUMMARY can't be written" in done.stderr
    assert outputs(tmp_path / "GITHUB_OUTPUT")["verdict"] == "inconclusive"


def test_a_job_of_gitlab_gets_collapsible_sections(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The progress of a run is a folded section; its results are open unless all is well; each section is closed."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    done = command("run", profile, *ONE, cwd=tmp_path, env=environment(GITLAB_CI="true"))

    assert done.returncode == 3
    marks = re.findall(
        r"\x1b\[0Ksection_(start|end):\d+:(\w+)(\[collapsed=true\])?\r\x1b\[0K",
        done.stdout,
    )
    assert marks == [
        ("start", "checks_1", "[collapsed=true]"),
        ("end", "checks_1", ""),
        ("start", "report_1", ""),
        ("end", "report_1", ""),
    ]
    report = json.loads((tmp_path / "reports" / "gl-code-quality-report.json").read_text())
    assert isinstance(report, list)
    assert "\x1b" not in command("run", profile, *ONE, cwd=tmp_path).stdout


def test_json_is_one_object_and_all_of_the_output(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Of a run with a verdict, and of a profile that can't be read."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)

    done = command("run", profile, *ONE, "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"], told["verdict"]) == (3, 3, "inconclusive")
    (run,) = told["runs"]
    assert (tmp_path / run["report"]).exists()
    assert json.loads((tmp_path / run["folder"] / "run.json").read_text())["counts"] == run["counts"]

    failed = command("run", "no.toml", "--json", cwd=tmp_path)
    told = json.loads(failed.stdout)
    assert (failed.returncode, told["exit_code"], told["runs"][0]["exit_code"]) == (2, 2, 2)
    assert told["runs"][0]["error"]["message"]
