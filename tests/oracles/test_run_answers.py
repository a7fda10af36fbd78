"""The answers of all workers of a run: read by another worker, without secrets, judged as they came."""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.http.redact import Redactor
from conformance.http.reply import Reply
from conformance.model import Auth, Check, Exchange, Level, Outcome
from conformance.oracles.expect import Violation
from conformance.oracles.run_answers import FOLDER, Judge, RecordedAnswer, RunAnswers
from conformance.oracles.server_errors import RequestKind, no_other
from conformance.states import Resource, Wanted

SECRET = "a-secret-that-is-long"
WITHDRAW = Resource(
    "7f", Wanted("withdraws", "pending", extra=(("provider_supports_cancel", True),)), {"amount": "1.00"}
)


def clean(sent: RecordedAnswer) -> None:
    """A judge: the answer doesn't hold the secret, nor the word `wrong`."""
    for word in (SECRET, "wrong"):
        if word in sent.reply.text:
            raise Violation(
                expected=f"no {word}", observed=sent.reply.text, reply=sent.reply, hint="Mask it."
            )


JUDGES: Mapping[str, Judge] = {"clean": clean}


def a_reply(body: bytes, kept: bytes | None = None, *, finished: float = 0.0) -> Reply:
    """An answer; `kept` is its body as it is recorded."""
    sent_at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    headers = (("Content-Type", "application/json"),)
    exchange = Exchange(
        started_at=sent_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        duration_s=0.25,
        method="POST",
        url="http://127.0.0.1/withdraws/7f/cancel",
        request_headers=(),
        request_body=b"",
        auth=Auth.DOCUMENTED,
        status=200,
        http_version="HTTP/1.1",
        response_headers=headers,
        response_body=body if kept is None else kept,
    )
    return Reply(200, headers, body, False, sent_at, 0.25, finished - 0.25, finished, exchange)


@pytest.fixture
def workers(tmp_path: Path) -> tuple[RunAnswers, RunAnswers]:
    """Two workers of one run."""
    made = [RunAnswers(tmp_path, Redactor({"primary.secret": SECRET})) for _ in range(2)]
    for one in made:
        one.judges = JUDGES
    return made[0], made[1]


def written(folder: Path) -> str:
    """The content of all files of the run."""
    return "".join(file.read_text() for file in (folder / FOLDER).iterdir())


def test_another_worker_reads_all_that_was_told(workers: tuple[RunAnswers, RunAnswers]) -> None:
    """Answers, the resources that they are about, and marks come out as they went in."""
    mine, other = workers
    reply = a_reply(b'{"id": "7f"}', finished=3.5)
    mine.note(RecordedAnswer(reply, "other_merchant", WITHDRAW, documented=True, carried=(SECRET,)))
    mine.mark("settled", WITHDRAW)
    mine.mark("confirmed", WITHDRAW, reply)
    mine.mark("unsure", "an id")
    assert not other.answers()
    mine.finished("a::check")

    assert other.is_shared
    assert other.answers() == [RecordedAnswer(reply, "other_merchant", WITHDRAW, documented=True)]
    assert [mark.resource for mark in other.marked("settled")] == [WITHDRAW]
    assert [mark.sent for mark in other.marked("confirmed")] == other.answers()
    assert [(mark.id, mark.resource) for mark in other.marked("unsure")] == [("an id", None)]
    assert other.handed() == {"7f": WITHDRAW.wanted}
    assert not mine.is_shared


def test_answers_of_all_workers_come_in_the_order_of_time(workers: tuple[RunAnswers, RunAnswers]) -> None:
    """By their last byte; each once, however often they are asked for."""
    mine, other = workers
    for worker, times in ((mine, (1.0, 4.0)), (other, (2.0, 3.0))):
        for at in times:
            worker.note(RecordedAnswer(a_reply(b"{}", finished=at)))
            worker.finished(f"check::{at}")

    assert [one.reply.finished for one in mine.answers()] == [1.0, 2.0, 3.0, 4.0]
    assert len(mine.answers()) == len(other.answers()) == 4


def test_a_finding_in_one_worker_is_told_in_another(workers: tuple[RunAnswers, RunAnswers]) -> None:
    """With the exchange of the answer that shows it."""
    mine, other = workers
    good, bad = a_reply(b'"good"'), a_reply(b'"wrong"')
    for reply in (good, bad):
        mine.note(RecordedAnswer(reply, resource=WITHDRAW))
    mine.finished("a::check")

    with pytest.raises(Violation) as told:
        other.each("clean", other.answers())

    assert told.value.reply == bad
    other.each("clean", other.answers()[:1])


def test_a_secret_is_found_and_not_written(workers: tuple[RunAnswers, RunAnswers], tmp_path: Path) -> None:
    """An answer is judged before the secret is taken out; the finding is told without it, in the same words."""
    mine, other = workers
    kept = b'"[redacted:primary.secret]"'
    mine.note(RecordedAnswer(a_reply(f'"{SECRET}"'.encode(), kept), resource=WITHDRAW, carried=(SECRET,)))
    mine.note(RecordedAnswer(a_reply(b'"sent-by-chance"', b'"[redacted]"')))
    mine.finished("a::check", ["sent-by-chance"])

    assert SECRET not in written(tmp_path)
    assert "by-chance" not in written(tmp_path)
    found, silent = other.answers()
    assert not found.is_unredacted
    assert found.reply.body == kept
    with pytest.raises(Violation, match=r'expected no \[redacted:primary\.secret\]; observed "') as told:
        other.each("clean", [found])
    assert told.value.hint == "Mask it."
    other.each("clean", [silent])
    with pytest.raises(Violation, match=SECRET):
        mine.each("clean", mine.answers())


def test_facts_with_a_secret_stay_in_their_worker(
    workers: tuple[RunAnswers, RunAnswers], tmp_path: Path
) -> None:
    """An answer about such a resource is judged before it is written, for its judge may need the facts."""
    mine, other = workers
    mine.note(RecordedAnswer(a_reply(b'"wrong"'), resource=Resource("8a", WITHDRAW.wanted, {"key": SECRET})))
    mine.finished("a::check")

    assert SECRET not in written(tmp_path)
    (found,) = other.answers()
    assert found.resource == Resource("8a", WITHDRAW.wanted)
    with pytest.raises(Violation):
        other.each("clean", [found])


def test_a_line_without_an_end_is_not_read(workers: tuple[RunAnswers, RunAnswers], tmp_path: Path) -> None:
    """The worker was killed in the middle of it, or goes on with it just now."""
    mine, other = workers
    mine.note(RecordedAnswer(a_reply(b"1")))
    mine.finished("a::check")
    (file,) = (tmp_path / FOLDER).iterdir()
    line = json.dumps({"finished": "b::check"})
    with file.open("a") as more:
        more.write(line[:9])
    assert [one.reply.body for one in other.answers()] == [b"1"]
    with file.open("a") as more:
        more.write(line[9:] + "\n")

    other.wait({"a::check", "b::check"}, 60)
    assert len(other.answers()) == 1


def test_a_worker_waits_for_the_checks_of_the_others(workers: tuple[RunAnswers, RunAnswers]) -> None:
    """A worker that waits for the checks of others has their answers afterwards."""
    mine, other = workers
    mine.begin()

    def later() -> None:
        time.sleep(0.2)
        mine.note(RecordedAnswer(a_reply(b"1")))
        mine.finished("a::check")

    thread = threading.Thread(target=later)
    thread.start()
    other.finished("b::check")
    other.wait({"a::check", "b::check"}, 60)

    assert len(other.answers()) == 1
    thread.join()


def _die(folder: Path, ready: str) -> None:
    RunAnswers(folder, Redactor({})).begin()
    Path(ready).touch()
    time.sleep(0.2)
    os._exit(1)


def test_nobody_waits_for_a_worker_that_died(tmp_path: Path) -> None:
    """The kernel has released the lock of its file."""
    other = RunAnswers(tmp_path, Redactor({}))
    ready = tmp_path / "ready"
    process = multiprocessing.get_context("fork").Process(target=_die, args=(tmp_path, str(ready)))
    process.start()
    while not ready.exists():
        time.sleep(0.01)

    other.wait({"never::finished"}, 600)

    process.join()
    assert process.exitcode == 1


def test_a_wait_without_progress_ends(workers: tuple[RunAnswers, RunAnswers]) -> None:
    """A pytest plugin may have put a check behind the one that waits for it, in the same worker."""
    mine, other = workers
    mine.begin()
    began = time.monotonic()
    other.wait({"never::finished"}, 0.2)

    assert time.monotonic() - began >= 0.2


def ended(worker: RunAnswers, name: str, status: int, outcome: Outcome, *, at: str = "1") -> None:
    """A check of that outcome, whose only answer has that status."""
    exchange = replace(
        a_reply(b"{}").exchange, status=status, request_body=b"", started_at=f"2026-01-0{at}T00:00:00Z"
    )
    check = Check(name, "http", "A check.", ("WD-27",), Level.SHOULD, outcome, "", "", 0.0, (0,))
    worker.ended(check, [exchange])


def test_a_server_error_is_left_over_unless_a_failed_check_shows_it(
    workers: tuple[RunAnswers, RunAnswers],
) -> None:
    """In any worker; an answer that several checks have in their evidence is one answer."""
    mine, other = workers
    ended(mine, "a::passed", 500, Outcome.PASSED, at="1")
    ended(mine, "a::fine", 404, Outcome.FAILED, at="2")
    ended(mine, "a::failed", 500, Outcome.FAILED, at="3")
    ended(other, "a::passed", 503, Outcome.NOT_TESTABLE, at="4")
    ended(other, "a::cited", 500, Outcome.PASSED, at="3")

    for worker in workers:
        left, shown = worker.server_errors()
        assert {one.exchange.started_at[9] for one in left} == {"1", "4"}
        assert [one.exchange.started_at[9] for one in shown] == ["3"]


def _kind(sent: Exchange) -> RequestKind:
    return RequestKind(sent.request_body.decode() or "documented", "a request")


REQUIREMENTS = {"body": "WD-39", "documented": "WD-27"}


def test_each_server_error_that_is_left_over_is_told_once(workers: tuple[RunAnswers, RunAnswers]) -> None:
    """By the requirement of the most telling kind; not if a check has shown one, nor if it says unavailable."""
    mine, _ = workers
    ended(mine, "a::passed", 503, Outcome.PASSED)
    for requirement_id in REQUIREMENTS.values():
        no_other(mine, requirement_id, REQUIREMENTS, _kind)
    ended(mine, "b::passed", 500, Outcome.PASSED, at="2")
    no_other(mine, "WD-39", REQUIREMENTS, _kind)
    with pytest.raises(Violation, match="a request not to be answered by a 5xx") as told:
        no_other(mine, "WD-27", REQUIREMENTS, _kind)
    assert told.value.fault == "A request was answered 500"

    ended(mine, "c::failed", 500, Outcome.WARNED, at="3")
    no_other(mine, "WD-27", REQUIREMENTS, _kind)
