"""The pytest side of a run: options, markers, fixtures, and a journal line for every finished check.

Inert without `--profile`: an installed package changes no other tests.
"""

import errno
import json
import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conformance import catalogue, contracts, openapi, order
from conformance.common_results import CommonResults
from conformance.deferred import Deferred
from conformance.errors import ConformanceError, NotApplicable
from conformance.given import Given as Given  # noqa: PLC0414 - for the suites
from conformance.items import (
    MARKERS,
    TERMINAL,
    check_id,
    first_line,
    keyword,
    level,
    needs_whole_run,
    requirements,
    runs_last,
)
from conformance.model import Check, Exchange
from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import RunAnswers
from conformance.outcome import classify, described, raised
from conformance.profile import Profile, load
from conformance.protocol import run_check
from conformance.report import journal
from conformance.report.journal import Journal
from conformance.session import Session, give_back
from conformance.states import id_lists

RUN = pytest.StashKey["Run"]()
# When a check began: the time of day, and the clock to measure by.
CHECK = pytest.StashKey[tuple[datetime, float]]()
# In the folder of a resumed run: the ids of the checks that are in its journal already.
FINISHED = "finished.json"
# A worker that looks back on the run waits so long for a check of another one that makes no progress.
_PATIENCE_S = 60.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options that make a pytest run a conformance run."""
    group = parser.getgroup("payout-conformance")
    group.addoption("--profile", metavar="FILE", help="certify the target that this profile names")
    group.addoption(
        "--requirement", metavar="ID", action="append", default=[], help="only checks of this requirement"
    )
    group.addoption("--watch", type=float, metavar="SECONDS", help="instead of the profile's limits.watch_s")
    group.addoption("--allow-live", action="store_true", help="permit a profile whose environment is live")
    group.addoption(
        "--conformance-run", metavar="DIR", help="where the run's journal goes (default: nowhere)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Opens the run. A profile that can't be used ends pytest with a usage error."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if not config.getoption("--profile"):
        return
    try:
        profile = load(Path(config.getoption("--profile")), allow_live=config.getoption("--allow-live"))
        profile = profile.watching(config.getoption("--watch"))
    except ConformanceError as fault:
        raise pytest.UsageError(f"{fault.message}\n{fault.hint}") from None
    given = getattr(config, "workerinput", {})
    config.option.conformance_run = given.get("conformance_run") or config.getoption("--conformance-run")
    if not config.option.conformance_run:
        config.option.conformance_run = tempfile.mkdtemp(prefix="payout-conformance-")
        config.add_cleanup(lambda: shutil.rmtree(config.option.conformance_run, ignore_errors=True))
        id_lists.share(Path(config.option.conformance_run), profile)
    run = Run(profile, Path(config.option.conformance_run), given.get("workerid", "main"), config)
    config.stash[RUN] = run
    config.pluginmanager.register(run, "payout-conformance-run")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Has every worker of pytest-xdist use the folder of its controller."""
    node.workerinput["conformance_run"] = node.config.option.conformance_run


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ends a check whose capability isn't declared before any fixture, inside the wrappers of all plugins."""
    run = item.config.stash.get(RUN, None)
    if run is not None:
        run.applicable(item)


class Run:
    """The pytest plugin of one worker of a run: selects, runs and journals checks."""

    def __init__(self, profile: Profile, folder: Path, worker: str, config: pytest.Config) -> None:
        self.profile = profile
        self.folder = folder
        self._worker = worker
        self._requirements = catalogue.load(profile.target.api).by_id()
        self._session: Session | None = None
        self._results: CommonResults | None = None
        self._journal: Journal | None = None
        self._run_answers: RunAnswers | None = None
        self._deferred: Deferred | None = None
        # The checks that have to be finished before those that look back on the run begin.
        self._awaited: frozenset[str] = frozenset()
        self._deselected: dict[str, list[str]] = {}
        self._allure = bool(config.getoption("allure_report_dir", None))
        # `payout-conformance run` has written a header, and ends the run after pytest; a worker has a controller.
        begun = (folder / journal.FOLDER / journal.HEADER).exists()
        self._is_last = not begun and not hasattr(config, "workerinput")

    @property
    def session(self) -> Session:
        """Returns the session, opened on first use: the controller of a parallel run sends nothing."""
        if self._session is None:
            self._session = Session(self.profile, self.folder, self._results)
        return self._session

    @property
    def run_answers(self) -> RunAnswers:
        """Returns the answers of all workers, for the checks that look back on the run."""
        if self._run_answers is None:
            self._run_answers = RunAnswers(self.folder, self.session.redactor)
        return self._run_answers

    @property
    def deferred(self) -> Deferred:
        """Returns the control requests of this worker that wait for a later cancel."""
        if self._deferred is None:
            self._deferred = Deferred(self.session, self._write, self.run_answers.unexplained)
        return self._deferred

    def prepare(self, results: CommonResults | None = None) -> None:
        """Loads before the fork all that every forked worker would load for itself; `results` are what they share."""
        openapi.prepare(self.profile.target.api)
        self._results = results

    def called(self, worker: str) -> None:
        """Renames this worker: a process forked off a run that has sent nothing yet."""
        assert self._session is None
        assert self._journal is None
        self._worker = worker
        self.run_answers.begin()

    # -- choosing ----------------------------------------------------------------------------------------

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Lets `-k` know each check by the id that reports print."""
        item.extra_keyword_matches.add(keyword(check_id(item)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keeps the checks of the profile's API, and of the requirements that were asked for."""
        wanted = {one.upper() for one in config.getoption("--requirement")}
        unknown = wanted - self._requirements.keys()
        if unknown:
            raise pytest.UsageError(
                f"{self.profile.target.api} has no requirement {', '.join(sorted(unknown))}; "
                f"its ids run from {min(self._requirements)} to {max(self._requirements)}"
            )
        ours = [item for item in items if self._is_ours(item)]
        kept = [item for item in ours if not wanted or wanted & set(requirements(item))]
        api, have = self.profile.target.api, id_lists.left(self.profile)
        items[:] = order.arranged(kept, api, self._requirements, have, self._applies)
        staying = set(items)
        config.hook.pytest_deselected(items=[item for item in ours if item not in staying])
        if self._allure:
            for item in items:
                self._label(item)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Remembers the checks that `-k` and `--requirement` leave out."""
        for item in items:
            self._deselected[check_id(item)] = list(requirements(item))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Writes the ids of the selected checks, without those that a resumed run has finished already."""
        if not session.config.pluginmanager.hasplugin("terminalreporter"):
            # Nobody sees tracebacks, which take longer than most checks.
            session.config.option.tbstyle = "no"
        if session.config.pluginmanager.hasplugin("dsession"):
            return
        done = self.folder / FINISHED
        if done.exists():
            finished = set(json.loads(done.read_text()))
            session.items[:] = [item for item in session.items if check_id(item) not in finished]
        self._awaited = frozenset(check_id(item) for item in session.items if not needs_whole_run(item))
        if self._worker != "main":
            self.run_answers.begin()
        if (self.folder / "plan.json").exists():
            return
        plan = {"selected": [check_id(item) for item in session.items], "deselected": self._deselected}
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"plan.{self._worker}.json"
        draft.write_text(json.dumps(plan))
        draft.replace(self.folder / "plan.json")

    def _is_ours(self, item: pytest.Item) -> bool:
        if contracts.checks_folder(self.profile.target.api) not in item.path.parents:
            return False
        ids = requirements(item)
        if not ids or set(ids) - self._requirements.keys():
            raise pytest.UsageError(f"{item.nodeid} names no requirement that the catalogue knows: {ids}")
        return True

    # -- running -----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Runs the check, in place of pytest's own protocol."""
        try:
            run_check(item, nextitem, lambda: self.deferred, self._wait)
        except OSError as full:
            raise pytest.exit.Exception(f"the journal can't be written: {full.strerror}") from None
        return True

    def _wait(self) -> None:
        if self._worker != "main":
            self.run_answers.wait(self._awaited, _PATIENCE_S)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Begins the check; ends it if its setup fails."""
        self.session.recorder.drain()
        self.session.sharing.begin(
            item.stash.get(order.NEEDED, frozenset()), item.stash.get(order.SPARE, None)
        )
        item.stash[CHECK] = datetime.now(UTC), time.perf_counter()
        try:
            return (yield)
        except BaseException as fault:
            self._end(item, fault)
            raise

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Ends the check: an exception of the test becomes its outcome, with secrets redacted."""
        try:
            answer = yield
        except BaseException as fault:
            self._end(item, fault)
            raise
        self._end(item, None)
        return answer

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Shows the outcome of a check without its traceback, whose frames hold secrets."""
        report = yield
        if report.failed and call.excinfo is not None:
            report.longrepr = self.session.redactor.text(str(call.excinfo.value))
        return report

    def pytest_sessionfinish(self) -> None:
        """Returns the resources to their source, in the last process: other workers may still read them."""
        if self._session is not None:
            self._session.close(later=not self._is_last)
        if self._is_last:
            give_back(self.profile, self.folder)
        if self._journal is not None:
            self._journal.close()

    def applicable(self, item: pytest.Item) -> None:
        """Raises NotApplicable if the profile doesn't declare the capability that the check needs."""
        needed = self._requirements[requirements(item)[0]].capability
        if not self._applies(item):
            raise NotApplicable(f"the profile doesn't declare the capability {needed}")

    def _applies(self, item: pytest.Item) -> bool:
        needed = [self._requirements[one].capability for one in requirements(item)]
        return not all(one and not self.profile.capabilities.get(one) for one in needed)

    def _end(self, item: pytest.Item, fault: BaseException | None) -> None:
        if isinstance(fault, KeyboardInterrupt | SystemExit | pytest.exit.Exception):
            return
        if isinstance(fault, OSError) and fault.errno in _FULL:
            raise pytest.exit.Exception(f"the run's folder can't be written to: {fault.strerror}") from None
        began, clock = item.stash[CHECK]
        weight = level(item, self._requirements)
        if isinstance(fault, Violation) and any(
            self._requirements[one].premise for one in requirements(item)
        ):
            # It is about the request that controls all other checks.
            fault.control = False
        outcome = classify(fault, weight)
        recorder = self.session.recorder
        if isinstance(fault, Violation) and fault.reply is not None:
            # It may be an answer to an earlier check.
            recorder.cite([fault.reply.exchange])
        sent, exchanges = recorder.sent, recorder.drain()
        title = first_line(item)
        message, problem = described(fault, title, exchanges, self.session.redactor, sent)
        check = Check(
            id=check_id(item),
            suite=item.path.stem.removeprefix("test_"),
            title=title,
            requirements=requirements(item),
            level=weight,
            outcome=outcome,
            message=message,
            started_at=began.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            duration_s=time.perf_counter() - clock,
            exchanges=tuple(range(len(exchanges))),
            problem=problem,
            resources=self._named(exchanges),
            lacks=order.lacks(self.profile.target.api, check_id(item), fault),
        )
        try:
            judged, last = isinstance(fault, AssertionError), runs_last(item)
            if self.deferred.ended(check, exchanges, judged=judged, looks_back=last):
                self._write(check, exchanges)
            self.run_answers.ended(check, exchanges, sent)
        except OSError as full:
            # Without a journal no further resource is cancelled.
            raise pytest.exit.Exception(f"the journal can't be written: {full.strerror}") from None
        if self._allure:
            from conformance.report import allure_labels  # only runs with Allure results pay for it

            case = f" [{item.callspec.id}]" if hasattr(item, "callspec") else ""
            allure_labels.attach(f"{title}{case}", exchanges)
        if fault is not None:
            about = [self._requirements[one] for one in check.requirements]
            raise raised(check, about) from None

    def _write(self, check: Check, exchanges: Sequence[Exchange]) -> None:
        if self._journal is None:
            self._journal = Journal(self.folder / "journal" / f"{self._worker}.ndjson")
        self._journal.write(check, exchanges)

    def _named(self, exchanges: Sequence[Exchange]) -> tuple[tuple[str, str], ...]:
        """Returns the resources of this run that the requests name, each with the state it was handed over in."""
        handed = {**self.run_answers.handed(), **self.session.leases.handed}
        parts = dict.fromkeys(part for one in exchanges for part in one.url.partition("?")[0].split("/"))
        return tuple((part, handed[part].of_whom()) for part in parts if part in handed)

    def _label(self, item: pytest.Item) -> None:
        from conformance.report import allure_labels  # only runs with Allure results pay for it

        about = [self._requirements[one] for one in requirements(item)]
        suite = item.path.stem.removeprefix("test_")
        named = allure_labels.labels(self.profile.target.api, suite, about, level(item, self._requirements))
        for kind, values in named.items():
            item.add_marker(pytest.mark.allure_label(*values, label_type=kind))
        for name, url in allure_labels.links(about):
            item.add_marker(pytest.mark.allure_link(url, link_type="link", name=name))


def terminal_states_of(config: pytest.Config) -> tuple[str, ...]:
    """Returns the terminal states that the profile names, for collection; without one, those in the stash."""
    run = config.stash.get(RUN, None)
    return run.profile.states.terminal if run is not None else config.stash.get(TERMINAL, ())


# -- fixtures --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def conformance_session(request: pytest.FixtureRequest) -> Session:
    """Returns the session of the run. For fixtures only: a test speaks of resources and answers."""
    run = request.config.stash.get(RUN, None)
    if run is None:
        raise pytest.UsageError("the conformance suites need --profile FILE")
    return run.session


@pytest.fixture(scope="session")
def run_answers(conformance_session: Session, request: pytest.FixtureRequest) -> RunAnswers:
    """Returns the answers that all workers of the run were given."""
    return request.config.stash[RUN].run_answers


@pytest.fixture(scope="session")
def given(conformance_session: Session) -> Given:
    """Hands over resources in named states, from the state source: new ones, and ones that checks share."""
    return Given(conformance_session)
