"""Commands that run one after another, each in a fork of a process that has imported everything: a fifth of the time.

`python -m tests.commands` reads a line of JSON for each: what `Commands.run` says; it writes the exit code. A fork has
its streams as a new process would that is given such ones, and ends as that would: by Python's own way out, with what
is flushed there.
"""

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LOST = ("closed", "reader gone", "disk full")
ROOT = Path(__file__).resolve().parents[1]
_NAMES = {1: "stdout", 2: "stderr"}


class Commands:
    """The process that commands are forked from."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.commands"],
            cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(
        self, words: list[str], cwd: Path, env: Mapping[str, str], streams: tuple[str, str], timeout: float
    ) -> int:
        """Returns the exit code of `payout-conformance` with these words, negative where a signal ended it.

        `streams` says for standard output and standard error which file is written, or how it is lost (`LOST`).
        After `timeout` seconds SIGALRM ends the command.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([words, str(cwd), dict(env), streams, int(timeout)]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Ends it."""
        self._process.communicate()


@cache
def shared(_: int) -> Commands:
    """Returns the one of the process with this id, which ends with it."""
    from tests.support import environment

    made = Commands(environment())
    atexit.register(made.close)
    return made


def _become(cwd: str, env: Mapping[str, str], streams: tuple[str, str], seconds: int) -> None:
    """Makes this process what it would be had it been started so."""
    signal.alarm(seconds)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    _put(os.open(os.devnull, os.O_RDWR), 0)
    for stream, where in enumerate(streams, 1):
        if where == "closed":
            os.close(stream)
        elif where == "reader gone":
            reading, writing = os.pipe()
            os.close(reading)
            _put(writing, stream)
        else:
            path = "/dev/full" if where == "disk full" else where
            _put(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), stream)
        # As Python begins: nothing for what is closed, and otherwise a stream that has a buffer.
        made = None if where == "closed" else open(stream, "w", closefd=False)  # noqa: SIM115
        setattr(sys, _NAMES[stream], made)
        setattr(sys, f"__{_NAMES[stream]}__", made)


def _put(descriptor: int, stream: int) -> None:
    os.dup2(descriptor, stream)
    os.close(descriptor)


def _serve() -> None:
    """Until there are no more lines."""
    from conformance.certificate import issue, keys, verify
    from conformance.cli import main
    from conformance.doctor import examine
    from conformance.fuzz import replay
    from conformance.report import compare_views, render
    from conformance.runner import job

    del issue, keys, verify, examine, replay, compare_views, job
    render.prepare()
    gc.freeze()
    for line in sys.stdin:
        words, cwd, env, streams, seconds = json.loads(line)
        child = os.fork()
        if not child:
            _become(cwd, env, streams, seconds)
            main(words, prog_name="python -m conformance")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)


if __name__ == "__main__":
    _serve()
