"""The suites as ordinary pytest tests, in a pytest of their own."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.support import SandboxProcess, environment, launched, write_profile

SUITE = ("--pyargs", "conformance.suites.withdraws")


def run_pytest(cwd: Path, *words: str | Path, autoload: bool = False) -> subprocess.CompletedProcess[str]:
    """pytest with our plugin; with `autoload`, with whatever else is installed too, as people have it."""
    ours = [] if autoload and installed() else ["-p", "conformance.plugin"]
    env = environment(TMPDIR=str(cwd), **({} if autoload else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}))
    return launched(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *ours, *words, cwd=cwd, env=env)


def installed() -> bool:
    """Whether pytest finds the plugin by itself."""
    return any(entry.name == "payout_conformance" for entry in entry_points(group="pytest11"))


def test_the_suites_are_ordinary_tests(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """`-k` and `-n` are pytest's own; nothing is left behind."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)

    done = run_pytest(tmp_path, *SUITE, "--profile", profile, "-k", "matrix", "-n", "1", autoload=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "failed" not in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("payout-conformance-")] == []


def test_a_failed_must_is_red_and_says_what_was_asked(bendable: SandboxProcess, tmp_path: Path) -> None:
    """The statement, what was expected, what came; no traceback through the harness."""
    bendable.bend("wd-paid-is-cancelled")
    profile = write_profile(tmp_path, "withdraws", bendable.url)

    done = run_pytest(tmp_path, *SUITE, "--profile", profile, "--requirement", "WD-04", "--showlocals")

    assert done.returncode == 1
    assert "WD-04 (MUST): " in done.stdout
    assert "expected 400 VALIDATION_ERROR" in done.stdout
    assert "plugin.py" not in done.stdout
    assert "sandbox_sk_" not in done.stdout


def test_a_failed_should_is_not_red(bendable: SandboxProcess, tmp_path: Path) -> None:
    """An expected failure, with its reason."""
    bendable.bend("wd-unauthorized-is-400")
    profile = write_profile(tmp_path, "withdraws", bendable.url)

    done = run_pytest(tmp_path, *SUITE, "--profile", profile, "--requirement", "WD-36", "-rx")

    assert done.returncode == 0, done.stdout
    assert "xfailed" in done.stdout
    assert "WD-36 (SHOULD)" in done.stdout


def test_not_testable_is_red(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A check that isn't testable ends the run unsuccessfully, and says what is missing."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url, owners=("primary",))

    done = run_pytest(tmp_path, *SUITE, "--profile", profile, "--requirement", "WD-12")

    assert done.returncode == 1, done.stdout
    assert "not testable: the profile has no [credentials.other_merchant]" in done.stdout
    assert "plugin.py" not in done.stdout


def test_not_applicable_is_a_skip(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A capability that the profile doesn't declare; whatever runs next is none the worse for it."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url, capabilities="")

    done = run_pytest(
        tmp_path, *SUITE, "--profile", profile, "-rs", *("--requirement", "WD-42", "--requirement", "WD-08")
    )

    assert done.returncode == 0, done.stdout
    assert "capability settlement" in done.stdout
    assert "error" not in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--profile", "nope.toml"), "there is no such profile"),
        (("--profile", "live.toml"), "environment is live"),
        (("--profile", "withdraws.toml", "--requirement", "WD-99"), "withdraws has no requirement WD-99"),
    ],
)
def test_a_mistake_ends_pytest_with_a_usage_error(
    sandbox: SandboxProcess, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    """Exit 4 is pytest's for that."""
    live = write_profile(tmp_path, "withdraws", sandbox.url, environment="live")
    live.rename(tmp_path / "live.toml")
    write_profile(tmp_path, "withdraws", sandbox.url)

    done = run_pytest(tmp_path, *SUITE, *words)

    assert done.returncode == 4, done.stdout
    assert says in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def names(folder: Path) -> set[str]:
    """The names in a folder."""
    return {path.name for path in folder.iterdir()}


def test_without_a_profile_the_plugin_does_nothing(tmp_path: Path) -> None:
    """Somebody else's tests run as ever: the same outcomes, under strict markers too, and no folder is made."""
    (tmp_path / "test_theirs.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "@pytest.mark.skip\ndef test_skipped(): pass\n"
        "@pytest.mark.requirement('theirs')\ndef test_marked(): pass\n"
    )
    before = names(tmp_path) | {"__pycache__"}

    done = run_pytest(tmp_path, "--strict-markers", "-q")

    assert done.returncode == 1
    assert "1 failed, 2 passed, 1 skipped" in done.stdout
    assert "assert 1 == 2" in done.stdout
    assert names(tmp_path) <= before


def test_the_suites_without_a_profile_say_what_they_need(tmp_path: Path) -> None:
    """Red, with the option that is missing."""
    done = run_pytest(tmp_path, *SUITE, "-x", "-q")

    assert done.returncode == 1
    assert "need --profile FILE" in done.stdout


def test_tests_of_others_are_left_out_of_a_run(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """With a profile, only checks of its API are run: theirs prove nothing."""
    (tmp_path / "test_theirs.py").write_text("def test_bad(): assert 1 == 2\n")
    profile = write_profile(tmp_path, "withdraws", sandbox.url)

    done = run_pytest(
        tmp_path,
        tmp_path,
        *SUITE,
        "conformance.suites.payout_intents",
        "--profile",
        profile,
        "--requirement",
        "WD-11",
    )

    assert done.returncode == 0, done.stdout
    assert "test_theirs" not in done.stdout
    assert "payout_intents/" not in done.stdout


def test_what_looks_back_comes_last(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Checks with the marker `last` are collected behind all others, whatever their module is called."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)

    done = run_pytest(tmp_path, *SUITE, "--profile", profile, "--collect-only", "-q")

    modules = [line.split("::")[0].rpartition("/")[2] for line in done.stdout.splitlines() if "::" in line]
    last = (
        "test_afterwards.py",
        "test_documented_cancels.py",
        "test_repeated.py",
        "test_server_errors.py",
        "test_successes.py",
    )
    backwards = [one in last for one in modules]
    assert 5 < sum(backwards) < len(backwards)
    assert backwards == sorted(backwards)
