"""A run imports and reads nothing of the folder that it is started in, in none of its processes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import PATIENCE_S, READ_PATH, TERMINAL, SandboxProcess, environment, record, write_profile

# Modules of everybody in a run, of ours and of Python itself; and what pytest, Hypothesis and Schemathesis look for.
MODULES = (
    "httpx", "httpcore", "click", "pytest", "_pytest", "hypothesis", "schemathesis", "jinja2", "yaml",
    "execnet", "xdist", "cryptography", "json", "queue", "random", "statistics", "socket", "ssl", "email", "csv",
    "tempfile", "conftest", "sitecustomize", "usercustomize", "setup", "test_mine", "allure", "hooks", "tests",
    "conformance", "conformance/suites/__init__", "conformance/fuzz/__main__", "tests/conftest", "allure_pytest",
)  # fmt: skip
FILES = {
    "pytest.ini": "[pytest]\naddopts = --nonsense\n",
    "tox.ini": "[pytest]\naddopts = --nonsense\n",
    "setup.cfg": "[tool:pytest]\naddopts = --nonsense\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--nonsense']\n[tool.schemathesis\n",
    "schemathesis.toml": "= no TOML\n",
    "hypothesis.toml": "= no TOML\n",
    ".env": "SANDBOX_API_SECRET=wrong\nSANDBOX_SECRET_KEY=wrong\n",
    ".netrc": "default login wrong password wrong\n",
    ".coveragerc": "[run]\nplugins = nonsense\n",
    ".hypothesis/unicode_data/charmap.json.gz": "no archive",
    "allure-results/x.json": "{",
}
SCRIPT = "from conformance.cli import main; main()"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder in which every file that is imported leaves a mark beside it."""
    folder = tmp_path / "downloads"
    for module in MODULES:
        path = folder / f"{module}.py" if module != "conformance" else folder / "conformance" / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "import os\nopen(__file__ + '.mark', 'w').write(str(os.getpid()))\nraise SystemExit(9)\n"
        )
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def marks(folder: Path) -> list[str]:
    """Returns the imported modules, and the files that a run has left there."""
    known = {f"{module}.py" for module in MODULES} | set(FILES) | {"conformance/__init__.py"}
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return sorted(found - known)


def script() -> str:
    """The command as it is installed: the file beside the interpreter, which doesn't look in the current folder."""
    found = shutil.which("payout-conformance", path=str(Path(sys.executable).parent))
    assert found, "the package isn't installed"
    return found


def run_in(folder: Path, words: list[str], **more: str) -> "subprocess.CompletedProcess[str]":
    """A command in that folder, with nothing of ours in PYTHONPATH but what `more` says."""
    env = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    return subprocess.run(
        words,
        cwd=folder,
        env={**env, **more},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
def test_a_run_in_a_hostile_folder_is_conformant_and_leaves_no_mark(
    sandbox: SandboxProcess, tmp_path: Path, hostile: Path, api: str
) -> None:
    """The run itself, its forked workers, the fuzzing and the processes that make its requests."""
    states = f"sandbox = true\n{TERMINAL if api == 'payout-intents' else READ_PATH}"
    profile = write_profile(tmp_path, api, sandbox.url, states=states)
    words = [
        script(),
        "run",
        str(profile),
        "--fuzz-examples",
        "12",
        "-n",
        "2",
        "--output",
        str(tmp_path / "reports"),
    ]
    done = run_in(
        hostile, words, PYTEST_ADDOPTS="--nonsense", PYTEST_PLUGINS="test_mine", SCHEMATHESIS_HOOKS="hooks"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert marks(hostile) == []
    assert record(tmp_path)["fuzz"]["cases"] > 20


def test_an_empty_entry_of_the_path_is_no_way_in(
    sandbox: SandboxProcess, tmp_path: Path, hostile: Path
) -> None:
    """`PYTHONPATH=$PYTHONPATH:/opt/lib` has one where it wasn't set. What Python itself begins with isn't ours."""
    for name in ("sitecustomize.py", "usercustomize.py", "conformance"):
        path = hostile / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    words = [
        script(),
        "run",
        str(profile),
        "--fuzz-examples",
        "8",
        "-k",
        "fuzz",
        "--output",
        str(tmp_path / "reports"),
    ]
    done = run_in(hostile, words, PYTHONPATH=f":{tmp_path}")

    assert done.returncode == 3, done.stdout + done.stderr
    assert marks(hostile) == []


def test_workers_that_are_not_forked_leave_no_mark(
    sandbox: SandboxProcess, tmp_path: Path, hostile: Path
) -> None:
    """Where another thread runs, or on macOS: pytest-xdist starts them, and they look where this one does."""
    beside = (
        f"import threading; threading.Thread(target=threading.Event().wait, daemon=True).start(); {SCRIPT}"
    )
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    words = [
        "run",
        str(profile),
        "--no-fuzz",
        "-n",
        "2",
        "-k",
        "matrix",
        "--output",
        str(tmp_path / "reports"),
    ]
    done = run_in(hostile, [sys.executable, "-P", "-c", beside, *words])

    assert done.returncode == 3, done.stdout + done.stderr
    assert record(tmp_path)["complete"]
    assert marks(hostile) == []


@pytest.mark.parametrize(
    "words",
    [("doctor", "{profile}"), ("plan", "{profile}", "--no-fuzz"), ("catalogue", "WD-04"), ("demo", "--help")],
    ids=" ".join,
)
def test_no_other_command_leaves_a_mark(
    sandbox: SandboxProcess, tmp_path: Path, hostile: Path, words: tuple[str, ...]
) -> None:
    """Nor does it end otherwise than elsewhere."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    done = run_in(hostile, [script(), *(word.format(profile=profile) for word in words)])

    assert done.returncode == 0, done.stdout + done.stderr
    assert marks(hostile) == []


def test_python_m_finds_nothing_but_the_package_there(
    sandbox: SandboxProcess, tmp_path: Path, hostile: Path
) -> None:
    """`python -m conformance` begins by looking in the current folder, as Python does: for this name, and no other."""
    shutil.rmtree(hostile / "conformance")
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    words = ["-m", "conformance", "run", str(profile), "--fuzz-examples", "6", "-k", "fuzz or matrix"]
    done = run_in(hostile, [sys.executable, *words, "--output", str(tmp_path / "reports")])

    assert done.returncode == 3, done.stdout + done.stderr
    assert marks(hostile) == []


def test_our_own_folder_may_be_the_current_one(tmp_path: Path) -> None:
    """A checkout is run from where it lies: there everything is ours. Elsewhere the current folder is left out."""
    shown = "import conformance.cli, os, sys; print({'', os.getcwd()} & set(sys.path))"
    ours, other = (
        run_in(folder, [sys.executable, "-c", shown]) for folder in (Path(__file__).parents[1], tmp_path)
    )
    assert ours.stdout.startswith("{"), ours.stderr
    assert other.stdout == "set()\n", other.stderr
