"""The journal: nothing that was written is lost, however the run ended."""

import os
import random
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import RecordError
from conformance.model import Check, Exchange, Outcome, Problem
from conformance.report import journal

from . import sample
from .strategies import lines, quick

Line = tuple[Check, tuple[Exchange, ...]]


@quick
@given(st.lists(lines(), max_size=4, unique_by=lambda line: line[0].id))
def test_what_was_written_is_read(written: list[Line]) -> None:
    """Checks and bodies come back as they were, with indices that point at the same exchanges."""
    with tempfile.TemporaryDirectory() as folder:
        with journal.Journal(Path(folder, "main.ndjson")) as log:
            for check, exchanges in written:
                log.write(check, exchanges)
        checks, pool = journal.read(Path(folder))
    found = {check.id: check for check in checks}
    for check, exchanges in written:
        again = found.pop(check.id)
        assert tuple(pool[index] for index in again.exchanges) == exchanges
        if check.problem and check.problem.exchange is not None:
            assert again.problem is not None
            assert again.problem.exchange is not None
            assert pool[again.problem.exchange] == exchanges[check.problem.exchange]
        assert replace(again, exchanges=(), problem=None) == replace(check, exchanges=(), problem=None)
    assert not found


def test_the_result_does_not_depend_on_the_workers(tmp_path: Path) -> None:
    """However checks are spread over files, they fold to the same record."""
    written = [
        (sample.check(f"a::{n}", Outcome.PASSED, "WD-01", exchanges=(0,)), [sample.exchange(status=200 + n)])
        for n in range(12)
    ]
    seen = []
    for seed in range(3):
        shuffled = random.Random(seed).sample(written, len(written))
        folder = tmp_path / str(seed)
        for number in range(3):
            with journal.Journal(folder / f"gw{number}.ndjson") as log:
                for check, exchanges in shuffled[number::3]:
                    log.write(check, exchanges)
        seen.append(journal.read(folder))
    assert seen[0] == seen[1] == seen[2]
    assert [check.id for check in seen[0][0]] == sorted(check.id for check, _ in written)


def test_checks_come_in_the_order_in_which_they_started(tmp_path: Path) -> None:
    """The earlier check comes first, whatever its name."""
    with journal.Journal(tmp_path / "main.ndjson") as log:
        log.write(sample.check("a::1", Outcome.PASSED, "WD-01", started_at="2026-03-01T12:00:02Z"), [])
        log.write(sample.check("z::1", Outcome.PASSED, "WD-01", started_at="2026-03-01T12:00:01Z"), [])
    assert [check.id for check in journal.read(tmp_path)[0]] == ["z::1", "a::1"]


@pytest.mark.parametrize("kept", [1, 20, 200])
def test_a_torn_last_line_is_ignored(tmp_path: Path, kept: int) -> None:
    """Half a line costs that line; a journal that is opened again goes on after the last whole one."""
    path = tmp_path / "main.ndjson"
    with journal.Journal(path) as log:
        log.write(sample.check("a::1", Outcome.PASSED, "WD-01"), [])
    path.write_bytes(path.read_bytes() + path.read_bytes()[:kept])
    assert [check.id for check in journal.read(tmp_path)[0]] == ["a::1"]
    with journal.Journal(path) as log:
        log.write(sample.check("a::2", Outcome.PASSED, "WD-01"), [])
    assert [check.id for check in journal.read(tmp_path)[0]] == ["a::1", "a::2"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """Anything but a torn end is an error that says where."""
    path = tmp_path / "main.ndjson"
    with journal.Journal(path) as log:
        log.write(sample.check("a::1", Outcome.PASSED, "WD-01"), [])
    path.write_bytes(b'{"check": {}}\n' + path.read_bytes())
    with pytest.raises(RecordError, match=r"line 1 of .*main\.ndjson"):
        journal.read(tmp_path)


def test_the_worse_of_two_lines_stands(tmp_path: Path) -> None:
    """A check that is run again doesn't wash its failure off."""
    for name, outcome in (("gw0", Outcome.FAILED), ("gw1", Outcome.PASSED)):
        with journal.Journal(tmp_path / f"{name}.ndjson") as log:
            log.write(sample.check("a::1", outcome, "WD-01"), [])
    assert [check.outcome for check in journal.read(tmp_path)[0]] == [Outcome.FAILED]


def test_an_index_out_of_range_is_refused(tmp_path: Path) -> None:
    """A check can't cite what isn't there."""
    citing = sample.check("a::1", Outcome.FAILED, "WD-01", problem=Problem("a", "b", exchange=1))
    with journal.Journal(tmp_path / "main.ndjson") as log, pytest.raises(IndexError):
        log.write(citing, [sample.exchange()])


def test_a_killed_process_loses_nothing_it_wrote(tmp_path: Path) -> None:
    """SIGKILL right after `write` leaves the line on file."""
    code = (
        "import os, signal, sys; from pathlib import Path; from conformance.report.journal import Journal\n"
        "from conformance.model import Check, Level, Outcome\n"
        "Journal(Path(sys.argv[1])).write(Check('a::1','a','t',('WD-01',),Level.MUST,Outcome.PASSED,'',"
        "'2026-03-01T12:00:00Z',0.1), [])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = str(Path(journal.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "main.ndjson")],
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert [check.id for check in journal.read(tmp_path)[0]] == ["a::1"]


def test_the_header_is_kept(tmp_path: Path) -> None:
    """The journal's header comes back as it was written; a missing one is an error with a hint."""
    with pytest.raises(RecordError) as missing:
        journal.read_header(tmp_path)
    assert missing.value.hint
    journal.write_header(tmp_path / "journal", {"seed": 7, "target": {"name": "\u202eé"}})
    assert journal.read_header(tmp_path / "journal") == {"seed": 7, "target": {"name": "\u202eé"}}


def test_what_ended_in_one_way_is_taken_out(tmp_path: Path) -> None:
    """Those lines and a torn one go; the others stay to the byte, and a file without any of them isn't touched."""
    kinds = {
        "main": (Outcome.PASSED, Outcome.ERROR, Outcome.FAILED, Outcome.ERROR),
        "fuzz": (Outcome.PASSED, Outcome.WARNED),
    }
    for name, outcomes in kinds.items():
        with journal.Journal(tmp_path / f"{name}.ndjson") as log:
            for number, outcome in enumerate(outcomes):
                check = sample.check(f"{name}::{number}", outcome, "WD-01", exchanges=(0,))
                log.write(check, [sample.exchange(response_body=f"\u2028{number}".encode())])
    main, fuzz = tmp_path / "main.ndjson", tmp_path / "fuzz.ndjson"
    lines_before = main.read_bytes().splitlines(keepends=True)
    main.write_bytes(main.read_bytes() + b'{"check": {"id": "torn')
    untouched = fuzz.stat().st_ino

    taken = journal.take_out(tmp_path, lambda check: check.outcome is Outcome.ERROR)

    assert [check.id for check in taken] == ["main::1", "main::3"]
    assert main.read_bytes() == lines_before[0] + lines_before[2]
    assert fuzz.stat().st_ino == untouched
    assert {check.id for check in journal.read(tmp_path)[0]} == {"main::0", "main::2", "fuzz::0", "fuzz::1"}
    assert journal.take_out(tmp_path, lambda check: check.outcome is Outcome.ERROR) == ()
