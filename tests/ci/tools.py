"""Runs workflows of GitHub and jobs of GitLab on this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.report.browser import needed
from tests.support import PATIENCE_S, ROOT, environment

NODE = Path(__file__).parent / "node_modules" / ".bin"
_CACHE = Path(__file__).parent / "actions" / "cache"


def git(folder: Path) -> None:
    """Makes a repository of a folder: both tools ask git what there is."""
    who = ("-c", "user.name=Acme", "-c", "user.email=acme@acme.test")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*who, "commit", "-qm", "A release")):
        subprocess.run(["git", *words], cwd=folder, check=True)


def npm_tool(name: str) -> Path:
    """Returns the path of a program of package.json; skips without it."""
    path = NODE / name
    needed(path.exists() and shutil.which("node"), f"{name} is not installed: npm is missing")
    return path


def act(folder: Path, *words: str, event: str = "push", **env: str) -> "subprocess.CompletedProcess[str]":
    """Runs the workflow of a repository without containers, with what is installed here instead of a cache."""
    tool = shutil.which("act", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    needed(tool, "act is not installed")
    assert tool is not None
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    given = {"INSTALLED": sys.prefix, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(
        [
            tool, event, "-P", "ubuntu-latest=-self-hosted", "--no-cache-server",
            "--local-repository", f"actions/cache@v4={_CACHE}", *words,
            *(word for name, value in given.items() for word in ("--env", f"{name}={value}")),
        ],
        cwd=folder, env=environment(HOME=str(home), XDG_CACHE_HOME=str(home / ".cache")), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


STUB = """#!/usr/bin/env python3
import os, sys
from pathlib import Path
words = sys.argv[1:]
hidden = sorted(name for name, value in os.environ.items() if "open sesame" in value or "t0ken" in value)
with open(os.environ["STUB_LOG"], "a") as log:
    print([Path.cwd().name, *words], hidden, file=log)
if words[0] == "run":
    for name in ("one", "two"):
        Path("reports", name).mkdir(parents=True)
        Path("reports", name, "run.json").write_text("{}")
    Path("reports/latest").symlink_to("two")
    if "GITHUB_OUTPUT" in os.environ:
        told = {"verdict": "conformant", "exit-code": "0", "report-path": "reports/overview.html", "counts": "{}",
                "run-paths": "reports/one\\nreports/two"}
        with open(os.environ["GITHUB_OUTPUT"], "a") as outputs:
            outputs.writelines(f"{name}<<end_x\\n{value}\\nend_x\\n" for name, value in told.items())
elif words[0] == "certify":
    with open(os.environ["STUB_LOG"], "a") as log:
        print(Path(words[3]).read_text().strip(), file=log)
    Path(words[1], "certificate.json").write_text("{}")
elif words[0] == "compare":
    print("## compared with", words[1])
    sys.exit(3 if words[2].endswith("two") else 0)
elif words[-1] == "payout-conformance==9.9":
    Path(sys.argv[0]).with_name("payout-conformance").symlink_to(Path(sys.argv[0]).name)
"""
"""A program in the place of `payout-conformance` and Python that writes down how it is called."""


def stub(folder: Path, *names: str) -> Path:
    """Writes the stub under these names, and returns their folder."""
    (folder / "bin").mkdir(parents=True)
    for name in names:
        path = folder / "bin" / name
        path.write_text(STUB.replace("/usr/bin/env python3", sys.executable))
        path.chmod(0o755)
    return folder / "bin"


def gitlab(folder: Path, before: Path | None = None, **env: str) -> "subprocess.CompletedProcess[str]":
    """Runs the pipeline of a repository without containers, by the programs in `before`, or those of this checkout."""
    needed(shutil.which("rsync"), "rsync is not installed")
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    others = [
        one for one in os.environ["PATH"].split(os.pathsep) if not Path(one, "payout-conformance").exists()
    ]
    path = os.pathsep.join([str(before or Path(sys.executable).parent), *others])
    return subprocess.run(
        [
            npm_tool("gitlab-ci-local"), "--force-shell-executor", "--home", home,
            *(word for name, value in env.items() for word in ("--variable", f"{name}={value}")),
        ],
        cwd=folder, env=environment(HOME=str(home), PATH=path, PYTHONPATH=str(ROOT)), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
