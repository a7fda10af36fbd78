"""Packages that are published: the sdist and the wheel, the container's recipe, the hook of pre-commit."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from conformance import __version__
from conformance.cli.check_profiles import main as check_profiles
from tests.support import ROOT, environment, write_profile

NAME = f"payout_conformance-{__version__}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both packages, built by the build backend itself."""
    folder = tmp_path_factory.mktemp("dist")
    code = (
        "import sys; from hatchling import build as b; b.build_sdist(sys.argv[1]); b.build_wheel(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, check=True, capture_output=True)
    return folder


def test_both_packages_pass_the_check_of_the_index(built: Path) -> None:
    """By twine, whose warnings count, too."""
    packages = sorted(map(str, built.iterdir()))
    assert [Path(one).name for one in packages] == [f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *packages],
        env=environment(PYTHONWARNINGS="ignore"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_wheel_runs_by_itself(built: Path, tmp_path: Path) -> None:
    """From a folder without a checkout: it brings the specifications along."""
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as wheel:
        wheel.extractall(tmp_path / "site")
    env = environment(PYTHONPATH=str(tmp_path / "site"))
    code = "import conformance as c; from conformance.cli import main; print(c.__file__); main(['catalogue', 'PI-31'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where, _, told = done.stdout.partition("\n")
    assert where.startswith(str(tmp_path / "site"))
    assert told.startswith("PI-31")


def test_the_sdist_builds_what_the_repository_builds(built: Path) -> None:
    """The sdist holds all modules of the wheel, and no file that git ignores."""
    with (
        tarfile.open(built / f"{NAME}.tar.gz") as sdist,
        zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as wheel,
    ):
        source = {name.partition("/")[2] for name in sdist.getnames()}
        modules = {name for name in wheel.namelist() if name.endswith((".py", ".html", ".css", ".js"))}
    assert {name for name in modules if name.startswith("conformance/") and "/_specs/" not in name} <= source
    assert {"pyproject.toml", "LICENSE", "README.md", "specs/withdraws/requirements.toml"} <= source
    assert not [name for name in source if "node_modules" in name or "__pycache__" in name]


def test_the_hook_finds_mistakes_of_profiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A good profile passes though its variables aren't set; of two, the one with the mistake is named."""
    good = write_profile(tmp_path, "withdraws", "https://acme.test")
    bad = tmp_path / "acme-conformance.toml"
    bad.write_text(good.read_text().replace("base_url", "bsae_url"))

    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    python, *words = hook["entry"].split()
    assert (python, hook["language"]) == ("python", "python")
    bare = {name: value for name, value in environment().items() if not name.startswith("SANDBOX_")}
    assert subprocess.run([sys.executable, *words, good], env=bare, check=False).returncode == 0
    assert check_profiles([str(good), str(bad)]) == 2
    said = capsys.readouterr().err
    assert "bsae_url" in said
    assert said.count("error:") == 1 or "withdraws.toml" not in said
    matches = re.compile(hook["files"]).search
    assert [bool(matches(name)) for name in ("acme-conformance.toml", "conformance/a.toml", "pyproject.toml")] == [
        True, True, False,
    ]  # fmt: skip


def test_the_lines_of_the_readme_name_the_hook() -> None:
    """The repository, the tag of this version, and the hook by its id, for the profile of the example alone."""
    found = re.search(
        r"no secret is needed:\n\n```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert found is not None
    (told,) = yaml.safe_load(found[1])
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (used,) = told["hooks"]

    assert (told["rev"], used["id"]) == (f"v{__version__}", hook["id"])
    assert [bool(re.search(used["files"], name)) for name in ("acme.toml", "pyproject.toml", "a/acme.toml")] == [
        True, False, False,
    ]  # fmt: skip


def test_the_container_is_not_root_and_copies_only_what_there_is() -> None:
    """Every source of a COPY is in the context that .containerignore leaves."""
    text = (ROOT / "Containerfile").read_text()
    allowed = {
        line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users == ["65532:65532"]
    assert text.index("USER") < text.index("ENTRYPOINT")


def test_a_release_needs_no_secret_and_only_what_its_jobs_use() -> None:
    """The permissions are given job by job; nothing but the job's own token stands in for a password."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    workflow = yaml.safe_load(text)
    assert "secrets." not in text
    assert workflow["permissions"] == {"contents": "read"}
    jobs: Mapping[str, dict[str, object]] = workflow["jobs"]
    assert {name: job.get("permissions") for name, job in jobs.items()} == {
        "build": None,
        "publish": {"id-token": "write"},
        "container": {"contents": "read", "packages": "write"},
        "release": {"contents": "write"},
    }


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_readme_tells_how_a_shell_completes(shell: str) -> None:
    """The README's completion command prints a script for each shell."""
    assert f"_PAYOUT_CONFORMANCE_COMPLETE={shell}_source" in (ROOT / "README.md").read_text()
    done = subprocess.run(
        [Path(sys.executable).parent / "payout-conformance"],
        env={**os.environ, "_PAYOUT_CONFORMANCE_COMPLETE": f"{shell}_source"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "_PAYOUT_CONFORMANCE_COMPLETE" in done.stdout
