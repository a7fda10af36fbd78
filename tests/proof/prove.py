"""Runs the suites of one API against the sandbox, once per defect and once per variant.

    python -m tests.proof.prove API OUT [--full] [--defect ID]... [--variant JSON]...

A defect is judged by the checks of the requirements that it breaks, or by all of them with `--full` or where it shows
late.
Start-up is shared: a few sandboxes on sockets of their own, each with one run at a time, its world reset over the
control endpoint; for all defects the suites are collected once, and each gets a process forked off there. Writes a
JSON list of `{"kind", "id", "outcomes": {requirement: outcome}, "checks": {check: [outcome, message]}, "untitled":
[check], "exit_code"}`, with `--full` of each defect also the `headlines` that a report has.
"""

import argparse
import contextlib
import gc
import io
import json
import os
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from conformance import catalogue, demo
from conformance.coverage import quiet_pytest
from conformance.items import requirements
from conformance.model import Check, Outcome, RunRecord
from conformance.plugin import RUN
from conformance.profile import Profile, load
from conformance.report import journal, record, verdict
from conformance.sandbox import Defect, list_defects
from tests.proof import told
from tests.support import CREDENTIAL_ENV, SandboxProcess

SUITES = Path(catalogue.__file__).parent / "suites"
JUDGED = ("failed", "warned", "error", "not_testable")
SANDBOXES = 4
"""How many runs go on side by side: each waits as much as it works."""


def control(url: str, defects: list[str], variants: Mapping[str, Any]) -> None:
    """A fresh world with these defects and variants."""
    body = json.dumps({"defects": defects, "variants": dict(variants), "reset": True}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_control", body)) as answer:
        answer.read()


def side_by_side(
    urls: Sequence[str], jobs: Iterable[tuple[str, Callable[[str], object]]]
) -> dict[str, tuple[float, float]]:
    """Does each job, a name and what is done with a URL, in a process forked off here.

    Returns by name how long each took, and how much of that the processor worked for it, in seconds.

    No URL is given to two at a time. Raises RuntimeError where a process ends badly.
    """
    free, running = list(urls), dict[int, tuple[str, str, float]]()
    seconds: dict[str, tuple[float, float]] = {}

    def one_ends() -> None:
        child, status, used = os.wait4(-1, 0)
        if child not in running:
            raise RuntimeError("a sandbox ended")
        name, url, began = running.pop(child)
        if status:
            raise RuntimeError(f"the checks of {name} ended with an error")
        seconds[name] = round(time.perf_counter() - began, 2), round(used.ru_utime + used.ru_stime, 2)
        free.append(url)

    for name, work in jobs:
        if not free:
            one_ends()
        url, began = free.pop(), time.perf_counter()
        child = os.fork()
        if child == 0:
            _only(partial(work, url))
        running[child] = name, url, began
    while running:
        one_ends()
    return seconds


def _only(work: Callable[[], object]) -> None:
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


@cache
def _proved_by(item: pytest.Item) -> frozenset[str]:
    return frozenset(requirements(item))


Job = tuple[str, Callable[[pytest.Session, str], object]]
"""A name, and what is done with what was collected and a sandbox's URL."""


class Each:
    """A pytest plugin: runs what was collected once per job, each time in a process of its own."""

    def __init__(self, jobs: Sequence[Job], urls: Sequence[str]) -> None:
        self._jobs, self._urls = jobs, urls
        self.seconds: dict[str, tuple[float, float]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Raises RuntimeError where a process ends badly."""
        run = session.config.stash[RUN]
        run.prepare()
        # Each process would ask all the items anew.
        for item in session.items:
            _proved_by(item)
        # A process ends before its garbage matters.
        gc.freeze()
        gc.disable()
        self.seconds = side_by_side(self._urls, ((name, partial(work, session)) for name, work in self._jobs))
        return True


def checked(session: pytest.Session, profile: Profile, folder: Path, items: Sequence[pytest.Item]) -> None:
    """Runs these checks against another target than the one that they were collected for, in a process that ends.

    Nothing is given back: the sandbox's world is made anew for the next one.
    """
    run = session.config.stash[RUN]
    run.folder, run.profile = folder, profile
    # What the workers of a run have in common isn't what runs against several targets may share.
    run.prepare()
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def defective(
    api: str, urls: Sequence[str], folder: Path, defects: list[Defect], *, full: bool
) -> Iterator[dict[str, Any]]:
    """Outcomes of every requirement and check, for one defect after the other."""
    if not defects:
        return
    path = adapted(demo.profiles(urls[0], folder, os.environ), api, {})

    def work(defect: Defect, session: pytest.Session, url: str) -> None:
        control(url, [defect.id], {})
        own = folder / defect.id
        own.mkdir()
        profile = session.config.stash[RUN].profile
        profile = replace(profile, target=replace(profile.target, base_url=url))
        items = [
            item
            for item in session.items
            if full or defect.late or not _proved_by(item).isdisjoint(defect.breaks)
        ]
        checked(session, profile.watching(defect.watch_s), own, items)

    # Those that wait begin first: for events that never come, for a caller, or for what is undone later.
    order = sorted(
        defects,
        key=lambda one: (
            not (one.watch_s or "-event-" in one.id or "-caller" in one.id or "hung-up" in one.id)
        ),
    )
    each = Each([(defect.id, partial(work, defect)) for defect in order], urls)
    code = run_pytest(api, path, folder / "defects", each)
    assert code == 0, f"pytest ended with {code}"
    profile = load(path)
    for defect in defects:
        yield {
            "kind": "defect",
            "id": defect.id,
            "seconds": each.seconds[defect.id][0],
            "cpu_seconds": each.seconds[defect.id][1],
            **judged(api, profile, folder / defect.id),
            **(
                {
                    "breaks": defect.breaks,
                    "headlines": told.headlines(folded(api, profile, folder / defect.id)),
                }
                if full
                else {}
            ),
        }


def honestly(
    api: str, urls: Sequence[str], folder: Path, variants: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Outcomes of every requirement and check, for one honest implementation after the other."""
    if not variants:
        return
    path = adapted(demo.profiles(urls[0], folder, os.environ), api, {})

    def result(number: int) -> Path:
        return folder / f"honest-{number}.json"

    def work(number: int, session: pytest.Session, url: str) -> None:
        own = folder / f"honest-{number}"
        own.mkdir()
        found = honest(api, url, own, variants[number], session)
        result(number).write_text(json.dumps(found))

    # Those that take long begin first.
    order = sorted(range(len(variants)), key=lambda number: not variants[number].keys() & _SLOW)
    each = Each([(json.dumps(variants[number]), partial(work, number)) for number in order], urls)
    code = run_pytest(api, path, folder / "honest", each)
    assert code == 0, f"pytest ended with {code}"
    for number, variant in enumerate(variants):
        found: dict[str, Any] = json.loads(result(number).read_text())
        took, worked = each.seconds[json.dumps(variant)]
        yield {**found, "seconds": took, "cpu_seconds": worked}


_SLOW = {"latency_ms", "budget", "read_lag_ms", "unavailable_every", "rate_limit"}
_COLLECTED = {"terminal"}
"""Variants that decide which checks are collected: each takes a pytest of its own."""


def honest(
    api: str, url: str, folder: Path, variants: Mapping[str, Any], session: pytest.Session
) -> dict[str, Any]:
    """Outcomes of a run of all suites: of each requirement, and of each check that didn't pass."""
    control(url, [], variants)
    path = adapted(demo.profiles(url, folder, os.environ), api, variants)
    profile, run = load(path), folder / "run"
    if variants.keys() & _COLLECTED:
        code = run_pytest(api, path, run)
        assert code in (0, 1), f"pytest ended with {code}"
    else:
        run.mkdir()
        checked(session, profile, run, session.items)
    return {
        "kind": "variant" if variants else "clean",
        "id": json.dumps(variants) if variants else "clean",
        **judged(api, profile, run),
    }


def run_pytest(api: str, profile: Path, run: Path, *plugins: object) -> int:
    """Pytest over the suites of one API, in this process and without a word."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(
            pytest.main(
                [
                    *quiet_pytest(),
                    "--profile",
                    str(profile),
                    "--conformance-run",
                    str(run),
                    str(SUITES / api.replace("-", "_")),
                ],
                plugins=list(plugins),
            )
        )


def folded(api: str, profile: Profile, run: Path, fuzz: Mapping[str, Any] | None = None) -> RunRecord:
    """The record of what is in the journal of a run; `fuzz` are the statistics of its fuzzing."""
    checks, exchanges = journal.read(run / "journal")
    return record.fold(
        catalogue.load(api),
        profile.target,
        checks,
        exchanges,
        deselected={},
        declared=profile.capabilities,
        seed=0,
        started_at="2026-01-01T00:00:00Z",
        finished_at="2026-01-01T00:00:00Z",
        complete=True,
        fuzz=fuzz,
    )


def judged(api: str, profile: Profile, run: Path) -> dict[str, Any]:
    """The outcomes in the journal of a run."""
    found = folded(api, profile, run)
    return {
        "outcomes": {result.requirement.id: str(result.outcome) for result in found.requirements},
        "checks": {
            check.id: [str(check.outcome), check.message] for check in found.checks if check.outcome in JUDGED
        },
        "untitled": [check.id for check in found.checks if check.problem and not _is_titled(check)],
        "exit_code": verdict.exit_code(found),
    }


def _is_titled(check: Check) -> bool:
    """Whether a check that fails or warns says in a title what the target did."""
    wrong = check.outcome in (Outcome.FAILED, Outcome.WARNED)
    return not wrong or (check.problem is not None and bool(check.problem.fault))


def adapted(paths: list[Path], api: str, variants: Mapping[str, Any], *, watch_s: float = 0) -> Path:
    """The profile that an honest provider with these variants would write; nothing is watched for long."""
    path = next(one for one in paths if one.stem == api)
    text = path.read_text()
    if not variants.get("read_endpoint", True):
        text = "\n".join(line for line in text.splitlines() if not line.startswith("read_path"))
    if not variants.get("processing_cancellable", True):
        text = text.replace("cancel_processing = true", "cancel_processing = false")
    if "terminal" in variants:
        names = json.dumps(list(variants["terminal"]))
        text = "\n".join(
            f"terminal = {names}" if line.startswith("terminal") else line for line in text.splitlines()
        )
    path.write_text(f"{text}\n[limits]\nwatch_s = {watch_s:g}\n")
    return path


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser()
    parser.add_argument("api")
    parser.add_argument("out", type=Path)
    parser.add_argument("--defect", action="append", default=[])
    parser.add_argument("--variant", action="append", default=[], type=json.loads)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--no-defects", action="store_true")
    parser.add_argument("--no-clean", action="store_true")
    chosen = parser.parse_args()
    only = [] if chosen.no_defects else chosen.defect or None
    # What only fuzzing finds is another proof's, unless it is asked for.
    defects = [
        one
        for one in list_defects(chosen.api)
        if (only is None and not one.needs) or (only is not None and one.id in only)
    ]
    sandboxes = [SandboxProcess() for _ in range(SANDBOXES)]
    urls = [sandbox.url for sandbox in sandboxes]
    os.environ.update(CREDENTIAL_ENV)
    # What is there now stays: no process has to look through it for garbage.
    gc.freeze()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            variants = [*([] if chosen.no_clean else [{}]), *chosen.variant]
            results = list(honestly(chosen.api, urls, folder, variants))
            results += defective(chosen.api, urls, folder, defects, full=chosen.full)
    finally:
        for sandbox in sandboxes:
            sandbox.close()
    chosen.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
