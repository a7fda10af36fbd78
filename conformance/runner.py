"""Profiles -> pytest and fuzzing -> the run record and its reports."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from _pytest.mark.expression import Expression  # the only way to ask beforehand; pytest is pinned

from conformance import __version__, catalogue, fuzz, origin
from conformance.coverage import quiet_pytest
from conformance.errors import HarnessError, TransportError, UsageError
from conformance.http.auth import basic, signed_headers
from conformance.http.client import Request
from conformance.model import Auth, RunRecord
from conformance.profile import Profile, load
from conformance.report import journal, record, render
from conformance.session import Session

_SUITES = Path(__file__).parent / "suites"
# What a finished run no longer needs: everything else in its folder can be rendered from the record.
_WORKING = ("journal", "leases", "pool", "gate", "plan.json", "no-reuse", "fuzz.json")

# How pytest ends where it did its work; what was found is in the journal.
_SOUND = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)

# So long after an answer a connection that the target didn't mean to keep has been closed.
_MOMENT_S = 0.05

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is to be done. `examples` is the number of fuzzing cases per operation, 0 for none."""

    output: Path = Path("reports")
    examples: int = 60
    fuzz_budget_s: float = 60.0
    seed: int = 1
    expression: str | None = None
    requirements: tuple[str, ...] = ()
    workers: int = 0
    allow_live: bool = False
    allure: bool = True

    def recorded(self) -> dict[str, Any]:
        """What the record keeps of them."""
        return {
            "examples": self.examples,
            "expression": self.expression or "",
            "requirements": list(self.requirements),
            "workers": self.workers,
        }


@dataclass(slots=True)
class Finished:
    """A run that has its record, and where its files are. `interrupted` by Ctrl-C: nothing should follow it."""

    record: RunRecord
    folder: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    interrupted: bool = False


def ready(path: Path, options: Options) -> Profile:
    """The profile, checked against what may be run. Raises ProfileError or UsageError."""
    profile = load(path, allow_live=options.allow_live)
    _known(profile.target.api, options.requirements)
    try:
        Expression.compile(options.expression or "")
    except SyntaxError as fault:
        raise UsageError(
            f"-k {options.expression!r} is no expression: {fault.msg}",
            hint="It looks like 'matrix and not paid': words that names of checks hold, and, or, not, brackets.",
        ) from None
    return profile


def _known(api: str, requirements: Sequence[str]) -> None:
    """Raises UsageError for an id that no catalogue has, or where none is of this API."""
    mine = catalogue.load(api).by_id()
    everybody = [one for each in catalogue.apis() for one in catalogue.load(each).by_id()]
    hint = f"payout-conformance catalogue lists them: {min(mine)} to {max(mine)}."
    for one in requirements:
        if one.upper() not in everybody:
            raise UsageError(f"no catalogue has a requirement {one}", hint=hint)
    if requirements and not any(one.upper() in mine for one in requirements):
        raise UsageError(f"{api} has no requirement {', '.join(requirements)}", hint=hint)


def run(profile: Profile, options: Options, progress: Progress) -> Finished:
    """Certifies the target of one profile.

    Raises TransportError where the target can't be reached at all, HarnessError where the harness failed.
    """
    started = _now()
    folder = _new_folder(profile, options.output)
    try:
        _reachable(profile, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    origin.keep(folder, profile.path)
    journal.write_header(folder / journal.FOLDER, _header(profile, options, started))
    pools = profile.states.ids is not None
    fuzzing = _wants_fuzz(options)
    # Lists of ids are finite: there fuzzing waits, and takes what the suites leave over.
    fuzzer = _start_fuzz(profile, options, folder) if fuzzing and not pools else None
    try:
        code, watch = _suites(profile, options, folder, progress)
        interrupted = watch.interrupted
        if fuzzing and pools and not interrupted:
            fuzzer = _start_fuzz(profile, options, folder)
        statistics, fault = _fuzzed(fuzzer, folder, options, stop=interrupted)
    finally:
        if fuzzer is not None and fuzzer.poll() is None:
            fuzzer.kill()
            fuzzer.wait()
    if watch.broken:
        raise HarnessError(
            f"the suites can't be collected: {watch.broken}", hint="Reinstall payout-conformance."
        )
    if not interrupted and code not in _SOUND:
        raise HarnessError(f"pytest ended with exit code {int(code)}", hint=f"What was found is in {folder}.")
    if fault:
        raise HarnessError(f"fuzzing failed: {fault}", hint="--no-fuzz leaves it out.")
    notes = [] if fuzzing else ["Fuzzing was left out."]
    finished = _finish(profile, options, folder, started, statistics, notes)
    finished.interrupted = interrupted
    return finished


def _finish(
    profile: Profile,
    options: Options,
    folder: Path,
    started: str,
    statistics: Mapping[str, Any] | None,
    notes: Sequence[str],
) -> Finished:
    checks, exchanges = journal.read(folder / journal.FOLDER)
    plan = _plan(folder)
    complete = set(plan["selected"]) <= {check.id for check in checks}
    folded = record.fold(
        catalogue.load(profile.target.api),
        profile.target,
        checks,
        exchanges,
        deselected=record.deselection(plan["deselected"]),
        declared=profile.capabilities,
        seed=options.seed,
        started_at=started,
        finished_at=_now(),
        complete=complete,
        options=options.recorded(),
        notes=(*notes, *(() if complete else ("The run was ended before its last check.",))),
        fuzz=statistics,
    )
    files = render.write_all(folded, folder)
    if complete:
        for name in _WORKING:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    render.latest(options.output, folder)
    return Finished(folded, folder, files)


def _new_folder(profile: Profile, output: Path) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", profile.target.name.lower()).strip("-") or "target"
    name = f"{slug[:60]}-{profile.target.api}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1, 1000):
        folder = output / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not output.is_dir():
                break
            continue
        except OSError as fault:
            raise UsageError(
                f"nothing can be written to {output}: {fault.strerror}",
                hint="Name another folder with --output.",
            ) from fault
        return folder.resolve()
    raise UsageError(
        f"nothing can be written to {output}: it is not a folder", hint="Name another with --output."
    )


def _reachable(profile: Profile, folder: Path) -> None:
    """One harmless request, so that a target that isn't there is never taken for one that fails.

    The next two show whether connections can be used again: a target that closes them without saying so gets
    one connection per request.
    """
    session = Session(profile, folder)
    pair = profile.credentials["primary"]

    def withdraws() -> Request:
        headers = signed_headers(pair, session.gate.timestamp(), b"")
        return Request(
            "POST", f"/api/v1/withdraws/{uuid4()}/cancel", tuple(headers.items()), auth=Auth.DOCUMENTED
        )

    def payout_intents() -> Request:
        headers = (("Authorization", basic(pair.key, pair.secret)),)
        return Request("GET", f"/payout_intents/{uuid4()}", headers, auth=Auth.DOCUMENTED)

    make = withdraws if profile.target.api == "withdraws" else payout_intents
    try:
        session.client.send(make)
        try:
            session.client.send(make)
            session.client.send(make)
            time.sleep(_MOMENT_S)
            closes = session.client.hung_up()
        except TransportError as fault:
            if fault.kind != "reset":
                raise
            closes = True
        if closes:
            (folder / "no-reuse").touch()
    except TransportError as fault:
        raise TransportError(
            fault.kind,
            f"{profile.target.base_url} gives no answer: {fault.message}",
            hint=fault.hint or "Is this the right base_url?",
        ) from fault
    finally:
        session.close()


def _suites(profile: Profile, options: Options, folder: Path, progress: Progress) -> "tuple[int, _Watch]":
    arguments = [*quiet_pytest(), "--profile", str(profile.path), "--conformance-run", str(folder)]
    if options.allow_live:
        arguments.append("--allow-live")
    known = catalogue.load(profile.target.api).by_id()
    for one in options.requirements:
        if one.upper() in known:
            arguments += ["--requirement", one]
    if options.expression:
        arguments.append(f"-k{options.expression}")
    if options.workers:
        arguments += ["-p", "xdist", "-n", str(options.workers)]
    if options.allure:
        arguments += ["-p", "allure_pytest", "--alluredir", str(folder / "allure-results")]
    arguments.append(str(_SUITES / profile.target.api.replace("-", "_")))
    watch = _Watch(profile.target.api, progress)
    with _own_environment(), _sigterm_is_ctrl_c():
        return int(pytest.main(arguments, plugins=[watch])), watch


class _Watch:
    """Tells how far a run is, and how it ended: by Ctrl-C, or because a suite can't be collected."""

    def __init__(self, api: str, progress: Progress) -> None:
        self._api, self._progress, self._done, self._total = api, progress, 0, 0
        self.interrupted = False
        self.broken = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken = report.longreprtext.strip().splitlines()[-1]

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = not self.broken

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._total = len(session.items) or self._total
        self._progress(self._api, 0, self._total)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        self._total = len(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self._done += 1
            self._progress(self._api, self._done, self._total)


@contextmanager
def _own_environment() -> Iterator[None]:
    """Options for somebody else's pytest, left in the environment, are none of a run's."""
    kept = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _sigterm_is_ctrl_c() -> Iterator[None]:
    """A CI server that runs out of patience gets reports of what was found, too."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wants_fuzz(options: Options) -> bool:
    return options.examples > 0 and (not options.expression or "fuzz" in options.expression)


def _start_fuzz(profile: Profile, options: Options, folder: Path) -> "subprocess.Popen[bytes]":
    return fuzz.start(
        profile.path,
        folder,
        examples=options.examples,
        seed=options.seed,
        budget_s=options.fuzz_budget_s,
        requirements=options.requirements,
        allow_live=options.allow_live,
    )


def _fuzzed(
    fuzzer: "subprocess.Popen[bytes] | None", folder: Path, options: Options, *, stop: bool
) -> tuple[Mapping[str, Any] | None, str]:
    """Waits for the fuzzing: its statistics, and what went wrong with it."""
    if fuzzer is None:
        return None, ""
    if stop:
        fuzzer.send_signal(signal.SIGTERM)
    try:
        # Its budget is its own affair; the rest is for starting, and for a last request to time out.
        said = fuzzer.communicate(timeout=options.fuzz_budget_s + 60)[1]
    except subprocess.TimeoutExpired:
        fuzzer.kill()
        return None, "it didn't stop when its time was up"
    statistics = None
    with suppress(OSError, ValueError):
        statistics = json.loads((folder / "fuzz.json").read_text())
    if fuzzer.returncode == 0 or stop:
        return statistics, ""
    return statistics, (said or b"").decode(errors="replace").strip()[
        -400:
    ] or f"exit code {fuzzer.returncode}"


def _plan(folder: Path) -> dict[str, Any]:
    try:
        plan: dict[str, Any] = json.loads((folder / "plan.json").read_text())
    except (OSError, ValueError):
        # Ended while it was still collecting: nothing was done, and nothing is complete.
        return {"selected": ["collection"], "deselected": {}}
    return plan


def _header(profile: Profile, options: Options, started: str) -> dict[str, object]:
    target = profile.target
    return {
        "target": {
            "name": target.name,
            "api": target.api,
            "base_url": target.base_url,
            "environment": target.environment,
            "env": dict(target.env),
        },
        "declared": dict(profile.capabilities),
        "seed": options.seed,
        "options": options.recorded(),
        "started_at": started,
        "harness_version": __version__,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def worst(codes: Sequence[int]) -> int:
    """One exit code for several runs: a failure outweighs a fault, a fault what couldn't be settled."""
    return next((code for code in (1, 4, 2, 3) if code in codes), 0)
