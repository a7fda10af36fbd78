"""Processes that make requests: the same stream however many, and none of them left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.generate.stream import Generator, distinct, stream, units
from tests.fuzz.support import apis
from tests.support import ROOT, environment, eventually

PRINTED = """
import sys
from conformance.fuzz.generate.stream import Generator
generator = Generator("withdraws", 7, 130, int(sys.argv[1]))
cases = list(generator.cases())
print(len(generator.pids), len(cases), hash(tuple(map(repr, cases))))
generator.close()
"""


def printed(processes, **env):
    return subprocess.run(
        [sys.executable, "-c", PRINTED, str(processes)],
        env=environment(**{"PYTHONHASHSEED": "1", **env}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_the_number_of_processes_changes_nothing():
    alone, three = printed(0), printed(3)
    assert (alone[0], three[0]) == ("0", "3")
    assert alone[1:] == three[1:]
    assert int(alone[1]) > 150


def test_a_process_that_dies_is_made_up_for():
    whole = list(stream("withdraws", 3, 130))
    generator = Generator("withdraws", 3, 130, 2)
    try:
        made = generator.cases()
        first = next(made)
        for pid in generator.pids:
            os.kill(pid, signal.SIGKILL)
        assert [first, *made] == whole
        assert generator.pids == []
    finally:
        generator.close()


def test_nothing_goes_on_once_the_parent_is_killed():
    code = (
        "import sys, time\nfrom conformance.fuzz.generate.stream import Generator\n"
        "generator = Generator('withdraws', 1, 50_000, 2)\nmade = generator.cases()\nnext(made)\n"
        "print(*generator.pids, flush=True)\nfor _ in made: pass\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not any(map(alive, pids)))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@apis
def test_a_run_that_stops_waits_for_nothing(api):
    generator = Generator(api, 1, 50_000, 1)
    try:
        assert len(list(generator.cases(lambda: False))) == 0
    finally:
        generator.close()


def test_only_documented_requests_come_twice():
    one = Case("cancelWithdraw", "fuzzing", "POST", Mutation.PATH, segment="x")
    other = Case("cancelWithdraw", "documented", "POST", Mutation.DOCUMENTED)
    assert list(distinct([one, other, one, other])) == [one, other, other]


@pytest.mark.parametrize(("examples", "number"), [(60, 6), (61, 8), (1, 6)])
def test_every_operation_has_its_share_of_units(examples, number):
    assert len(units("payout-intents", examples)) == number
    assert sum(unit.size for unit in units("payout-intents", examples)) == 2 * examples
