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
    given = {**env, "INSTALLED": sys.prefix, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [
            tool, event, "-P", "ubuntu-latest=-self-hosted", "--no-cache-server",
            "--local-repository", f"actions/cache@v4={_CACHE}", *words,
            *(word for name, value in given.items() for word in ("--env", f"{name}={value}")),
        ],
        cwd=folder, env=environment(HOME=str(home), XDG_CACHE_HOME=str(home / ".cache")), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def gitlab(folder: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Runs the pipeline of a repository without containers."""
    needed(shutil.which("rsync"), "rsync is not installed")
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [
            npm_tool("gitlab-ci-local"), "--force-shell-executor", "--home", home,
            *(word for name, value in env.items() for word in ("--variable", f"{name}={value}")),
        ],
        cwd=folder, env=environment(HOME=str(home), PATH=path, PYTHONPATH=str(ROOT)), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
