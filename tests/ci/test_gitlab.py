"""The component of GitLab: its job, on this machine, as a runner with a shell would run it."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from conformance import __version__
from tests.support import CREDENTIAL_ENV, ROOT, SandboxProcess, write_profile

from .tools import git, gitlab, stub

TEMPLATE = ROOT / "templates" / "gate.yml"


def pipeline(folder: Path, stages: Sequence[str] = ("test",), **inputs: str) -> None:
    """Writes a pipeline that includes the template with these inputs."""
    folder.mkdir(exist_ok=True)
    shutil.copy(TEMPLATE, folder / "gate.yml")
    include = [{"local": "gate.yml", "inputs": {"profile": "withdraws.toml", **inputs}}]
    (folder / ".gitlab-ci.yml").write_text(yaml.safe_dump({"stages": [*stages], "include": include}))
    (folder / ".gitignore").write_text("reports/\n")
    git(folder)
    # It takes the address of the project from here.
    with (folder / ".git" / "config").open("a") as config:
        config.write('[remote "origin"]\n\turl = git@gitlab.acme.test:acme/payouts.git\n')


@pytest.mark.parametrize(("defect", "code"), [("", 0), ("wd-paid-is-cancelled", 1)])
def test_the_job_passes_on_what_came_of_the_run(tmp_path: Path, defect: str, code: int) -> None:
    """The job has the run's exit code, sections in its log, and the reports as artifacts."""
    folder = tmp_path / "acme"
    folder.mkdir()
    target = SandboxProcess(*([defect] if defect else []))
    try:
        write_profile(folder, "withdraws", target.url)
        pipeline(folder, args="-k matrix" if defect else "", **{"fuzz-examples": "0"})
        done = gitlab(folder, **CREDENTIAL_ENV)
    finally:
        target.close()

    said = done.stdout + done.stderr
    assert bool(done.returncode) is bool(code), said
    assert re.search(rf"finished in .* FAIL {code}\b" if code else r"payout-conformance finished in", said), (
        said
    )
    assert ("FAIL" in said) is bool(code)
    assert "section_start" in said
    reports = folder / "reports"
    quality = json.loads((reports / "gl-code-quality-report.json").read_text())
    assert ({one["check_name"] for one in quality} & {"WD-04"} != set()) is bool(defect)
    (junit,) = reports.glob("acme-*/junit.xml")
    assert ET.parse(junit).getroot().tag == "testsuites"


def test_every_input_arrives_where_it_belongs(tmp_path: Path) -> None:
    """Name, stage and package of the job; all options; each run signed and compared; the worst code is the job's."""
    folder, log = tmp_path / "acme", tmp_path / "log"
    folder.mkdir()
    inputs = {
        "profile": "a.toml b.toml",
        "job-name": "gate of payouts",
        "stage": "check",
        "image": "acme/python",
        "package": "payout-conformance==9.9",
        "fail-on": "warning",
        "waivers": "waivers of us.toml",
        "compare-with": "older run",
        "wait": "7",
        "fuzz-examples": "9",
        "args": "-k matrix --seed 3",
        "certify-key": "the key.pem",
    }
    header, _ = yaml.safe_load_all(TEMPLATE.read_text())
    assert inputs.keys() == header["spec"]["inputs"].keys()
    (folder / "the key.pem").write_text("a key")
    pipeline(folder, stages=["check"], **inputs)

    done = gitlab(folder, stub(tmp_path / "programs", "python3"), STUB_LOG=str(log))

    said = done.stdout + done.stderr
    assert re.search(r"gate of payouts finished in .* FAIL 3\b", said), said
    lines = [
        json.loads(line.rpartition(" [")[0].replace("'", '"'))
        for line in log.read_text().splitlines()
        if line != "a key"
    ]
    words = ["run", "a.toml", "b.toml", "-k", "matrix", "--seed", "3", "--fail-on", "warning", "--waivers"]
    words += ["waivers of us.toml", "--wait", "7", "--fuzz-examples", "9", "--output", "reports"]
    assert [line[1:] for line in lines] == [
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "payout-conformance==9.9"],
        words,
        ["certify", "reports/one", "--key", "the key.pem"],
        ["compare", "older run", "reports/one"],
        ["certify", "reports/two", "--key", "the key.pem"],
        ["compare", "older run", "reports/two"],
    ]


def test_the_template_installs_this_version_and_has_the_inputs_of_the_action() -> None:
    """The template's inputs are the action's but those that only GitHub can serve; the README names the others."""
    header, _ = yaml.safe_load_all(TEMPLATE.read_text())
    inputs = header["spec"]["inputs"]
    action = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]

    assert inputs["package"]["default"] == f"payout-conformance=={__version__}"
    only_github = {"working-directory", "comment", "github-token", "certify-passphrase"}
    assert set(action) - set(inputs) == only_github
    assert set(inputs) - set(action) == {"job-name", "stage", "image", "package"}
    assert all(
        inputs[name].get("default") == action[name].get("default") for name in set(inputs) & set(action)
    )
