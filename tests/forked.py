"""Runs the command as a process of its own that is forked off one that has imported everything: half of the time.

`python -m tests.forked` reads a line of JSON for each command: `[words, folder, environment, stdout, stderr]`, the last
two the files that its output goes to; it writes the process id, and then the exit code. What Python itself reads when
it begins is not looked at again: who changes a PYTHON variable starts an interpreter.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock, Timer


class Forked:
    """Where commands are forked off, one at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._python = _python(environment)
        self._lock = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked"],
            env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str] | None:
        """What became of a command; None where it has to be started in another way."""
        if _python(environment) != self._python or not self._lock.acquire(blocking=False):
            return None
        try:
            with tempfile.TemporaryDirectory() as name:
                out, err = Path(name) / "out", Path(name) / "err"
                code = self._code([words, str(folder), dict(environment), str(out), str(err)], timeout)
                return subprocess.CompletedProcess([*words], code, out.read_text(), err.read_text())
        finally:
            self._lock.release()

    def _code(self, message: object, timeout: float) -> int:
        asking, telling = self._process.stdin, self._process.stdout
        assert asking is not None
        assert telling is not None
        asking.write(json.dumps(message) + "\n")
        asking.flush()
        child = int(telling.readline())
        late = Timer(timeout, os.kill, (child, 9))
        late.start()
        began = time.monotonic()
        code = int(telling.readline())
        late.cancel()
        if code == -9 and time.monotonic() - began >= timeout:
            raise subprocess.TimeoutExpired("payout-conformance", timeout)
        return code

    def close(self) -> None:
        """Ends it."""
        self._process.communicate()


def _python(environment: Mapping[str, str]) -> dict[str, str]:
    """What an interpreter reads when it begins."""
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LC_", "LANG"))}


def become(folder: str, environment: Mapping[str, str], out: str, err: str) -> None:
    """This process is in that folder and environment, reads nothing, and writes to these files."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for stream, path in enumerate((os.devnull, out, err)):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(descriptor, stream)
        os.close(descriptor)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", errors="backslashreplace", closefd=False)  # type: ignore[misc] # noqa: SIM115


def serve() -> None:
    """Until there are no more lines."""
    from conformance.cli import main
    from conformance.report import render
    from tests.exit_codes.commands import LOADED

    assert LOADED
    render.prepare()
    gc.freeze()
    for line in sys.stdin:
        words, *where = json.loads(line)
        child = os.fork()
        if not child:
            become(*where)
            sys.argv = ["payout-conformance", *words]
            main(words, prog_name="payout-conformance")
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
