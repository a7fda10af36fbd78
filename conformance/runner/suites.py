"""Runs the hand-written suites: one pytest session, in this process and in forked ones."""

import gc
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conformance import catalogue, contracts
from conformance.coverage import quietly
from conformance.errors import HarnessError
from conformance.profile import Profile
from conformance.report import render
from conformance.runner import selection
from conformance.runner.options import Options
from conformance.runner.workers import ForkedWorkers

# Workers that aren't forked look for no module in the current folder either. Slashes end the word: see execnet's XSpec.
_PYTHON = f"{shlex.quote(re.sub('//+', '/', sys.executable))} -P"
# Exit codes of a pytest that worked; its results are in the journal.
_SOUND = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)

Progress = Callable[[str, int, int], None]


def suites(profile: Profile, options: Options, workers: int, folder: Path, progress: Progress) -> bool:
    """Runs the selected checks that aren't finished yet; returns false if Ctrl-C or SIGTERM ended them.

    Raises HarnessError if pytest itself fails.
    """
    arguments = ["--profile", str(profile.path), "--conformance-run", str(folder)]
    arguments += ["--watch", str(profile.limits.watch_s)]
    if options.allow_live:
        arguments.append("--allow-live")
    known = catalogue.load(profile.target.api).by_id()
    for one in options.requirements:
        if one.upper() in known:
            arguments += ["--requirement", one]
    if options.expression:
        arguments.append(f"-k{selection.expression(options.expression)}")
    watch = SuiteProgress(profile.target.api, progress)
    plugins: list[object] = [watch]
    if workers > 1 and forkable():
        plugins.append(ForkedWorkers(workers, watch, profile.limits.timeout_s, render.prepare))
    elif workers > 1:
        arguments += ["-p", "xdist", "--dist", "load", "--tx", f"{workers}*popen//python={_PYTHON}"]
    arguments.append(str(contracts.checks_folder(profile.target.api)))
    with _signals_end(watch):
        code = quietly(arguments, plugins)
    watch.interrupted |= watch.asked_to_end and not watch.broken
    if watch.broken:
        raise HarnessError(
            f"the suites can't be collected: {watch.broken}", hint="Reinstall payout-conformance."
        )
    if watch.stopped:
        raise HarnessError(watch.stopped, hint="Nothing more was sent.")
    if not watch.interrupted and code not in _SOUND:
        raise HarnessError(f"pytest ended with exit code {code}")
    return not watch.interrupted


def forkable() -> bool:
    """Returns whether this process may fork: not beside other threads, nor on macOS, whose libraries forbid it.

    Otherwise pytest-xdist starts new processes, which takes longer.
    """
    return sys.platform != "darwin" and threading.active_count() == 1


class SuiteProgress:
    """A pytest plugin that reports progress, and records how the session ended: by a signal, or a broken suite."""

    def __init__(self, api: str, progress: Progress) -> None:
        self._api, self._progress, self._done, self._total = api, progress, 0, 0
        self.interrupted = False
        self.asked_to_end = False
        self.broken = ""
        self.stopped = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Records a suite that can't be imported."""
        if report.failed:
            self.broken = report.longreprtext.strip().splitlines()[-1]

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Records Ctrl-C, or the reason of `pytest.exit`."""
        if isinstance(excinfo.value, pytest.exit.Exception):
            self.stopped = str(excinfo.value.msg)
        else:
            self.interrupted = not self.broken

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Reports the number of checks."""
        self._total = len(session.items) or self._total
        self._progress(self._api, 0, self._total)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Records the number of checks that another process collected."""
        self._total = len(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts a check once it is finished."""
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self.one_more()

    def one_more(self) -> None:
        """Counts a finished check. Raises KeyboardInterrupt if a signal to end was lost before."""
        self._done += 1
        if self.asked_to_end:
            raise KeyboardInterrupt
        self._progress(self._api, self._done, self._total)


@contextmanager
def _signals_end(watch: SuiteProgress) -> Iterator[None]:
    """Lets SIGTERM end the run as Ctrl-C does: a CI server that times out gets reports, too.

    Python drops an exception that a signal raises in a callback: so the signal is remembered as well.
    """

    def interrupt(*_: object) -> None:
        watch.asked_to_end = True
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, interrupt) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Makes cyclic garbage collection rarer.

    A run makes little garbage, and pytest's objects live to its end: scanning them every few hundred allocations took
    a tenth of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
