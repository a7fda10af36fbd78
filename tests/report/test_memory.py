"""A run of ten thousand checks needs no machine of its own: what is read and written isn't in memory twice."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.model import Auth, Check, Exchange, Level, Outcome
from conformance.report import codec, har, journal, record

from . import sample

CHECKS, BODY = 400, 600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run with four hundred checks of two exchanges each, each of its own bodies."""
    headers = tuple((f"X-Header-{number}", "v" * 30) for number in range(12))
    with journal.Journal(tmp_path / "journal" / "main.ndjson") as book:
        for number in range(CHECKS):
            at = f"2026-01-01T00:00:00.{number:06d}Z"
            exchanges = [
                Exchange(at, 0.01, "POST", f"https://t/{number}/{turn}", headers, b"", Auth.DOCUMENTED, 404,
                         "HTTP/1.1", headers, f"{number:08d}{turn}".encode() * (BODY // 9))
                for turn in range(2)
            ]  # fmt: skip
            check = Check(
                f"s::c[{number}]", "s", "t", ("WD-01",), Level.MUST, Outcome.PASSED, "", at, 0.01, (0, 1)
            )
            book.write(check, exchanges)
    return tmp_path


def peak(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result of `work`, and its peak of additional memory in megabytes."""
    tracemalloc.start()
    try:
        done = work()
        return done, tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def test_a_journal_is_read_line_by_line(folder: Path) -> None:
    """Besides the checks and the exchanges themselves, nothing grows with their number."""
    size = (folder / "journal" / "main.ndjson").stat().st_size / 1e6
    assert size > 1

    (checks, exchanges), used = peak(lambda: journal.read(folder / "journal"))

    assert (len(checks), len(exchanges)) == (CHECKS, 2 * CHECKS)
    bodies = sum(len(exchange.response_body) for exchange in exchanges) / 1e6
    # Headers come again and again, and are kept once; of a text and its bytes only one stays.
    assert used < bodies + 0.008 * CHECKS, f"{used:.1f} MB for {bodies:.1f} MB of bodies"


def test_the_exchanges_are_written_piece_by_piece(folder: Path) -> None:
    """Writing eight hundred of them takes no more room than writing one."""
    checks, exchanges = journal.read(folder / "journal")
    run = sample.folded([sample.requirement("WD-01")], checks, exchanges)

    written, used = peak(lambda: codec.replace_file(folder / "exchanges.har", har.pieces(run)))

    assert written.stat().st_size > 1_000_000
    assert used < 0.5, f"{used:.1f} MB"
    assert json.loads(written.read_bytes()) == har.har(run)


@pytest.mark.parametrize("number", [0, 1])
def test_pieces_are_what_the_whole_is(tmp_path: Path, number: int) -> None:
    """Also without any exchange."""
    run = sample.showcase() if number else sample.folded([sample.requirement("WD-01")], [], [])

    assert json.loads("".join(har.pieces(run))) == json.loads(codec.dumps(har.har(run)))
    assert "".join(har.pieces(run)).count("\n") == len(run.exchanges) + 2
    record.write(run, tmp_path)
    assert (tmp_path / "exchanges.har").read_text() == "".join(har.pieces(run))
