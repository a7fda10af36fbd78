"""The log of a run in progress: one line per finished check, so that a run that is killed loses nothing.

`RUN/journal/` holds `header.json` (what the run is about) and one `<worker>.ndjson` per process. Each line is
`{"check": ..., "exchanges": [...]}`; the indices in its check are local to the line.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from conformance.errors import RecordError
from conformance.model import Check, Exchange, Outcome
from conformance.report import codec

FOLDER = "journal"
HEADER = "header.json"

# Where two lines speak of the same check, the worse one stands: running again doesn't wash a failure off.
_WORST_FIRST = (
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.NOT_TESTABLE,
    Outcome.WARNED,
    Outcome.PASSED,
    Outcome.NOT_APPLICABLE,
    Outcome.DESELECTED,
)


class Journal:
    """Appends to one file. Each line is with the kernel when `write` returns: SIGKILL costs at most the next.

    Safe to call from several threads; one process per file. A line that an earlier crash left torn
    is cut off.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _mend(path)
        self._file = path.open("ab", buffering=0)
        self._lock = Lock()

    def write(self, check: Check, exchanges: Sequence[Exchange]) -> None:
        """Keeps `check`, whose `exchanges` and `problem.exchange` are indices into `exchanges`.

        Raises OSError where it can't, because the disk is full, say; the file is then as it was before.
        """
        for index in check.named:
            if not 0 <= index < len(exchanges):
                raise IndexError(f"check {check.id} refers to exchange {index} of {len(exchanges)}")
        line = codec.dumps({"check": codec.to_json(check), "exchanges": [*map(codec.to_json, exchanges)]})
        with self._lock:
            self._append(line.encode("ascii") + b"\n")

    def _append(self, raw: bytes) -> None:
        before = os.fstat(self._file.fileno()).st_size
        left = memoryview(raw)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            # Half a line would stand in the way of the next one. Making a file shorter needs no room.
            os.ftruncate(self._file.fileno(), before)
            raise

    def close(self) -> None:
        """Closes the file; writing afterwards is an error."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_header(folder: Path, header: Mapping[str, object]) -> Path:
    """Keeps what a later fold needs to know of the run (JSON values); `folder` is the journal's."""
    folder.mkdir(parents=True, exist_ok=True)
    return codec.replace_file(folder / HEADER, codec.dumps(dict(header), indent=1) + "\n")


def read_header(folder: Path) -> dict[str, Any]:
    """Returns the header that was written. Raises RecordError where there is none or it can't be read."""
    path = folder / HEADER
    try:
        header = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RecordError(
            f"{path} is missing", hint="Name the folder of a run: the one that holds run.json or journal/."
        ) from None
    except (OSError, ValueError) as fault:
        raise RecordError(f"{path} can't be read: {fault}", hint="Run again.") from fault
    if not isinstance(header, dict):
        raise RecordError(f"{path} is not a JSON object", hint="Run again.")
    return header


def read(folder: Path) -> tuple[tuple[Check, ...], tuple[Exchange, ...]]:
    """All checks that finished, in the order in which they started (ties by id), and their exchanges.

    Indices are renumbered to point into the returned exchanges. The result doesn't depend on how the checks
    were spread over files. A torn last line is ignored; a broken line anywhere else raises RecordError.
    """
    finished: dict[str, tuple[Check, tuple[Exchange, ...]]] = {}
    for path in sorted(folder.glob("*.ndjson")):
        for check, exchanges in _finished(path):
            known = finished.get(check.id)
            if known is None or _rank(check) < _rank(known[0]):
                finished[check.id] = check, exchanges
    checks: list[Check] = []
    # Evidence that several checks look at stands on the line of each, and once in the record.
    pool: dict[Exchange, int] = {}
    for check, exchanges in sorted(finished.values(), key=lambda pair: (pair[0].started_at, pair[0].id)):
        checks.append(_moved(check, [pool.setdefault(exchange, len(pool)) for exchange in exchanges]))
    return tuple(checks), tuple(pool)


def take_out(folder: Path, chosen: Callable[[Check], bool], *, but: str = "") -> tuple[Check, ...]:
    """Takes the `chosen` checks out of a journal, and returns them.

    No process may write to it meanwhile, except to the file of the worker `but`, which is left alone. Each file is
    replaced in one step. Raises RecordError for a line that can't be read, OSError for a file that can't be written.
    """
    taken: dict[str, Check] = {}
    for path in sorted(folder.glob("*.ndjson")):
        if path.stem == but:
            continue
        found = [check for check, _ in _finished(path)]
        if not any(map(chosen, found)):
            continue
        lines = path.read_text(encoding="ascii").splitlines(keepends=True)
        pairs = list(zip(found, lines, strict=False))
        codec.replace_file(path, [line for check, line in pairs if not chosen(check)])
        taken |= {check.id: check for check in found if chosen(check)}
    return tuple(taken.values())


def _finished(path: Path) -> tuple[tuple[Check, tuple[Exchange, ...]], ...]:
    """Returns the checks of a file: what was read of it stands for as long as the file is the same."""
    try:
        found = path.stat()
    except OSError:
        return tuple(_lines(path))
    return _read(path, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, *_: int) -> tuple[tuple[Check, tuple[Exchange, ...]], ...]:
    return tuple(_lines(path))


def _lines(path: Path) -> Iterator[tuple[Check, tuple[Exchange, ...]]]:
    try:
        file = path.open("rb")
    except OSError as fault:
        raise RecordError(
            f"{path} can't be read: {fault}", hint="May it be read? Without it, nothing is known of the run."
        ) from fault
    with file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            yield _line(line, f"line {number} of {path}")


def _line(line: bytes, where: str) -> tuple[Check, tuple[Exchange, ...]]:
    try:
        data = json.loads(line)
        check = codec.from_json(Check, data["check"])
        exchanges = tuple(codec.from_json(Exchange, exchange) for exchange in data["exchanges"])
        if any(index >= len(exchanges) for index in check.named):
            raise ValueError(f"check {check.id} refers to an exchange that the line doesn't hold")
    except (ValueError, KeyError, TypeError) as fault:
        what = f"{where} is damaged: {type(fault).__name__}: {fault}"
        raise RecordError(what, hint="Take that line out to fold the rest, or run again.") from fault
    return check, exchanges


def _mend(path: Path) -> None:
    """Cuts off a torn last line, so that the next one starts on its own."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        raw = file.read()
        file.truncate(raw.rfind(b"\n") + 1)


def _moved(check: Check, to: Sequence[int]) -> Check:
    problem = check.problem
    if problem is not None and problem.exchange is not None:
        problem = replace(problem, exchange=to[problem.exchange])
    return replace(
        check, exchanges=tuple(dict.fromkeys(to[index] for index in check.exchanges)), problem=problem
    )


def _rank(check: Check) -> tuple[int, str]:
    return _WORST_FIRST.index(check.outcome), check.started_at
