"""Runs a check as pytest does, and runs it once more where others have used its resource before it."""

from collections.abc import Callable

import pytest
from _pytest.runner import runtestprotocol

from conformance.deferred import KEPT, Deferred
from conformance.items import check_id, looks_on_shared, needs_whole_run


def run_check(
    item: pytest.Item,
    nextitem: pytest.Item | None,
    deferred: Callable[[], Deferred],
    wait: Callable[[], None],
) -> None:
    """Runs a check and reports it; has control requests sent before the checks that look back, and in the end.

    `wait` returns when the other workers have finished all checks that don't look back on the run.
    """
    hook, session = item.ihook, item.session
    if needs_whole_run(item):
        wait()
        _settle(deferred(), item, item, keep=0 if looks_on_shared(item) else KEPT)
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    # Fixtures of the session stay for the checks that run again behind the last one.
    behind = nextitem or next((one for one in session.items if one is not item), None)
    reports = runtestprotocol(item, log=False, nextitem=behind)
    while deferred().again:
        with deferred().isolated():
            reports = runtestprotocol(item, log=False, nextitem=behind)
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    if nextitem is None:
        wait()
        _settle(deferred(), item, behind)
        session._setupstate.teardown_exact(None)  # noqa: SLF001 - pytest has no public way to end fixtures early


def _settle(deferred: Deferred, item: pytest.Item, behind: pytest.Item | None, *, keep: int = 0) -> None:
    session = item.session
    by_id: dict[str, pytest.Item] = {}

    def perform(check: str) -> None:
        if not by_id:
            by_id.update((check_id(one), one) for one in session.items)
        again = by_id.get(check)
        if again is None:
            return  # a run that begins some of its checks again has only these
        session._setupstate.teardown_exact(again)  # noqa: SLF001 - as above
        # What comes behind keeps its fixtures: no check may come behind itself, or it would not begin anew.
        other = (
            behind if behind is not again else next((one for one in session.items if one is not again), None)
        )
        for report in runtestprotocol(again, log=False, nextitem=other):
            # It was reported as passed before.
            if report.outcome != "passed" and not deferred.is_trial:
                again.ihook.pytest_runtest_logreport(report=report)

    deferred.prove_waiting(perform, keep=keep)
