"""Every answer of a run, of all its workers, for the checks that look back on the run in the end.

After each check, a worker appends to a file of its own in `RUN/answers/`: one line per answer, mark, 5xx and finished
check. An answer is written as the journal has it, without secrets; in its own process it is kept as it came. Where the
two differ (the answer held a secret, or is long), the worker judges it before it is written, and keeps the findings.
A run that is resumed begins anew: it looks back on what it has sent itself, for it may use no resource again.
"""

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from conformance.http.redact import Redactor
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Check, Exchange, Outcome
from conformance.oracles.expect import Violation
from conformance.report import codec
from conformance.states import Resource, Wanted

FOLDER = "answers"
UNEXPLAINED = "unexplained"
"""Marks a resource whose documented cancel was refused, and no request before it is the reason."""
# How often a worker that waits looks for what the others have finished.
_LOOK_S = 0.05
# A worker keeps so many answers with a 5xx: where there are more, those look alike.
_MOST = 500
# The texts of a Violation that are written where the answer itself can't be.
_TEXTS = ("expected", "observed", "hint", "fault", "persisted")

# Who asks where nothing else is said.
_PLAIN = "primary"


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """An answer, the credentials that the request had (their name in the profile), and the resource that it was about.

    `documented` is False if anything about the request isn't as documented. `carried` is what its authentication
    headers held; it is never written. `findings` is None where `reply` is the answer as it came, otherwise what each
    judge found then.
    """

    reply: Reply
    by: str = "primary"
    resource: Resource | None = None
    documented: bool = False
    carried: tuple[str, ...] = field(default=(), repr=False)
    findings: Mapping[str, Mapping[str, str]] | None = None

    @property
    def is_unredacted(self) -> bool:
        """Returns whether `reply` is the answer as it came, so that it can be compared with another one."""
        return self.findings is None


@dataclass(frozen=True, slots=True)
class Mark:
    """A remark on a resource besides answers: `word` says which. `sent` is the answer that showed it, if any."""

    word: str
    id: str
    resource: Resource | None = None
    sent: RecordedAnswer | None = None


@dataclass(frozen=True, slots=True)
class ServerError:
    """An answer with a 5xx in the evidence of a check. `told` says whether that check was failed or warned."""

    exchange: Exchange
    told: bool

    @property
    def name(self) -> tuple[str, str, str]:
        """Returns the key of this answer among all others: several checks may have the same one in their evidence."""
        return self.exchange.started_at, self.exchange.method, self.exchange.url

    @property
    def reply(self) -> Reply:
        """The answer as it is recorded."""
        return _reply(self.exchange, 0.0, self.exchange.duration_s)


Judge = Callable[[RecordedAnswer], object]
"""Raises the Violation of one answer."""


class RunAnswers:
    """The answers and marks of all workers of a run. Each worker has one, and opens its file after it was forked."""

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self._folder, self._redactor = folder / FOLDER, redactor
        self.judges: Mapping[str, Judge] = {}
        self._path = self._folder / f"{uuid4()}.ndjson"
        self._file: int | None = None
        self._own = _Told()
        # What is in the file already: so many answers, marks and 5xx; resources, and whether
        # their facts hold no secret.
        self._written = [0, 0, 0]
        self._shown_at: list[int | None] = []
        self._described: dict[str, bool] = {}
        self._others: dict[Path, _Told] = {}
        self._has_waited = False

    # -- what this worker tells ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Opens the file and locks it for as long as this process lives: the others know then whether to wait."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def note(self, sent: RecordedAnswer) -> None:
        """Keeps an answer. Safe to call from racing threads."""
        self._own.answers.append(sent)

    def mark(self, word: str, what: Resource | str, reply: Reply | None = None) -> None:
        """Keeps a remark on a resource; `reply` is an answer that was noted before, and shows it."""
        resource = what if isinstance(what, Resource) else None
        own = self._own.answers
        at = next((at for at in range(len(own) - 1, -1, -1) if own[at].reply is reply), None)
        shown = None if at is None else own[at]
        self._shown_at.append(at)
        self._own.marks.append(Mark(word, what if isinstance(what, str) else what.id, resource, shown))

    def unexplained(self, resource: Resource) -> None:
        """Marks a resource whose cancel was refused, though the same requests to another one don't have that effect."""
        self.mark(UNEXPLAINED, resource)

    def finished(self, check: str, carried: Collection[str] = ()) -> None:
        """Writes what this worker has sent since the last check, in one piece. Raises OSError where it can't.

        `carried` is what the authentication headers of the check held: findings are written without it.
        """
        self.begin()
        assert self._file is not None
        lines: list[dict[str, Any]] = []
        answers, marks = len(self._own.answers), len(self._own.marks)
        for one in self._own.answers[self._written[0] : answers]:
            lines += self._of_resource(one.resource)
            lines.append(self._of_answer(one, carried))
        for at, mark in enumerate(self._own.marks[self._written[1] : marks], self._written[1]):
            lines += self._of_resource(mark.resource)
            lines.append({"mark": mark.word, "id": mark.id, "answer": self._shown_at[at]})
        errors = self._own.server_errors
        lines += [
            {"server_error": codec.to_json(one.exchange), "told": one.told}
            for one in errors[self._written[2] :]
        ]
        lines.append({"finished": check})
        left = memoryview("".join(json.dumps(line) + "\n" for line in lines).encode())
        self._written = [answers, marks, len(errors)]
        self._own.finished.add(check)
        while left:
            left = left[os.write(self._file, left) :]

    def ended(self, check: Check, exchanges: Collection[Exchange], carried: Collection[str] = ()) -> None:
        """Notes a check as `finished` does, and keeps those answers in its evidence apart that have a 5xx."""
        told, room = check.outcome in (Outcome.FAILED, Outcome.WARNED), _MOST - len(self._own.server_errors)
        found = [one for one in exchanges if one.status is not None and one.status >= 500]
        self._own.server_errors += [ServerError(one, told) for one in found[:room]]
        self.finished(check.id, carried)

    def _of_resource(self, resource: Resource | None) -> list[dict[str, Any]]:
        """Returns the line that describes a resource, none where it stands in the file."""
        if resource is None or resource.id in self._described:
            return []
        safe = self._redactor.is_clean([json.dumps(dict(resource.facts)).encode()])
        self._described[resource.id] = safe
        facts = dict(resource.facts) if safe else {}
        return [{"resource": resource.id, "wanted": asdict(resource.wanted), "facts": facts}]

    def _of_answer(self, sent: RecordedAnswer, carried: Collection[str]) -> dict[str, Any]:
        reply, kept = sent.reply, sent.reply.exchange
        same = reply.body == kept.response_body and reply.headers == kept.response_headers
        safe = sent.resource is None or self._described[sent.resource.id]
        return {
            "exchange": codec.to_json(kept),
            "written": reply.written,
            "finished_at": reply.finished,
            "by": sent.by,
            "about": None if sent.resource is None else sent.resource.id,
            "documented": sent.documented,
            "findings": None if same and safe else self._findings(sent, carried),
        }

    def _findings(self, sent: RecordedAnswer, carried: Collection[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for name, judge in self.judges.items():
            try:
                judge(sent)
            except Violation as fault:
                found[name] = {text: self._redactor.text(getattr(fault, text), carried) for text in _TEXTS}
        return found

    # -- what all workers told ---------------------------------------------------------------------------------------

    def answers(self) -> list[RecordedAnswer]:
        """Returns the answers of all workers so far, the earliest first; of one worker, in the order it noted them."""
        told = self._told()
        every = [one for each in told for one in each.answers]
        return every if len(told) == 1 else sorted(every, key=lambda one: one.reply.finished)

    def marked(self, word: str) -> list[Mark]:
        """Returns the marks of a word, of all workers."""
        return [mark for each in self._told() for mark in each.marks if mark.word == word]

    def explained(self) -> set[str]:
        """Returns the ids of resources with a mark that may be the reason of a refusal, of all workers."""
        return {mark.id for each in self._told() for mark in each.marks if mark.word != UNEXPLAINED}

    def server_errors(self) -> tuple[list[ServerError], list[ServerError]]:
        """Returns each 5xx of all workers once: those that no failed check shows, and those that one does."""
        every = [one for each in self._told() for one in each.server_errors]
        shown = {one.name: one for one in every if one.told}
        left = {one.name: one for one in every if one.name not in shown}
        return list(left.values()), list(shown.values())

    def handed(self) -> dict[str, Wanted]:
        """Returns what the other workers' resources were asked for as, as far as read, by id as a path segment."""
        every = (one for each in self._others.values() for one in each.resources.values())
        return {segment(one.id): one.wanted for one in every}

    @property
    def is_shared(self) -> bool:
        """Returns whether another process has told of answers: another worker, or an earlier round of checks."""
        return any(each.answers for each in self._told()[1:])

    def each(self, name: str, ones: Iterable[RecordedAnswer]) -> None:
        """Raises a Violation that the judge of that name finds, or found when an answer came: that of the plainest one.

        Its title says of how many such answers the same can be said: whether all are wrong, or one of many.
        """
        every = list(ones)
        wrong = [(one, fault) for one in every if (fault := self._fault(name, one)) is not None]
        if not wrong:
            return
        usual = Counter(one.resource.status for one in every if one.resource is not None)

        def plainness(pair: tuple[RecordedAnswer, Violation]) -> tuple[bool, bool, int]:
            one = pair[0]
            return one.documented, one.by == _PLAIN, usual[one.resource.status] if one.resource else 0

        shown, fault = max(wrong, key=plainness)
        if fault.fault and len(every) > 1:
            fault.fault += _how_many([one for one, _ in wrong], every, shown)
        raise fault

    def _fault(self, name: str, one: RecordedAnswer) -> Violation | None:
        """Returns the Violation that a judge finds in an answer, or found when it came; None where it found none."""
        if one.findings is None:
            try:
                self.judges[name](one)
            except Violation as found:
                return found
            return None
        said = one.findings.get(name)
        if said is None:
            return None
        return Violation(
            expected=said["expected"],
            observed=said["observed"],
            reply=one.reply,
            hint=said["hint"],
            fault=said["fault"],
            persisted=said["persisted"],
        )

    def wait(self, checks: Collection[str], patience_s: float) -> None:
        """Waits until all `checks` are finished, or no other worker is left that might finish them.

        Also ends after `patience_s` without any progress: a pytest plugin may have put a check behind this one.
        """
        done, since = -1, time.monotonic()
        while not self._has_waited:
            # In this order: a worker may finish a check, and end, in between.
            is_alone = not self._has_company()
            finished = set[str]().union(*(each.finished for each in self._told()))
            if len(finished) > done:
                done, since = len(finished), time.monotonic()
            stuck = time.monotonic() - since > patience_s
            self._has_waited = is_alone or stuck or finished.issuperset(checks)
            if not self._has_waited:
                time.sleep(_LOOK_S)

    def _has_company(self) -> bool:
        """Returns whether another worker lives: the kernel releases the lock of one that ended, however it did."""
        for path in self._folder.glob("*.ndjson"):
            if path == self._path:
                continue
            file = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
            finally:
                os.close(file)
        return False

    def _told(self) -> "list[_Told]":
        for path in sorted(self._folder.glob("*.ndjson")):
            if path != self._path:
                self._others.setdefault(path, _Told()).read(path)
        return [self._own, *self._others.values()]


@dataclass(slots=True)
class _Told:
    """The content of one file, as far as it was read."""

    answers: list[RecordedAnswer] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    server_errors: list[ServerError] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    resources: dict[str, Resource] = field(default_factory=dict)
    at: int = 0

    def read(self, path: Path) -> None:
        """Reads on. A last line without an end isn't read: it is being written, or its worker was killed."""
        with path.open("rb") as file:
            file.seek(self.at)
            raw = file.read()
        whole = raw[: raw.rfind(b"\n") + 1]
        self.at += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))

    def _take(self, line: Mapping[str, Any]) -> None:
        if "exchange" in line:
            about = line["about"]
            reply = _reply(codec.from_json(Exchange, line["exchange"]), line["written"], line["finished_at"])
            resource = None if about is None else self.resources[about]
            self.answers.append(
                RecordedAnswer(reply, line["by"], resource, line["documented"], findings=line["findings"])
            )
        elif "resource" in line:
            wanted = line["wanted"] | {"extra": tuple(map(tuple, line["wanted"]["extra"]))}
            self.resources[line["resource"]] = Resource(line["resource"], Wanted(**wanted), line["facts"])
        elif "mark" in line:
            shown = None if line["answer"] is None else self.answers[line["answer"]]
            self.marks.append(Mark(line["mark"], line["id"], self.resources.get(line["id"]), shown))
        elif "server_error" in line:
            exchange = codec.from_json(Exchange, line["server_error"])
            self.server_errors.append(ServerError(exchange, line["told"]))
        else:
            self.finished.add(line["finished"])


def _reply(exchange: Exchange, written: float, finished: float) -> Reply:
    """Returns the answer that is on record."""
    assert exchange.status is not None
    return Reply(
        exchange.status,
        exchange.response_headers,
        exchange.response_body,
        exchange.truncated,
        datetime.fromisoformat(exchange.started_at),
        exchange.duration_s,
        written,
        finished,
        exchange,
    )


def _how_many(wrong: Sequence[RecordedAnswer], every: Sequence[RecordedAnswer], shown: RecordedAnswer) -> str:
    """Returns of how many answers the same can be said as of the one shown: all, all with its status, or so many."""
    if len(wrong) == len(every):
        return f", and so in all {len(every)} such answers"
    groups: tuple[tuple[str, Callable[[RecordedAnswer], object]], ...] = (
        (f"with status {shown.reply.status}", lambda one: one.reply.status),
        ("to the same caller", lambda one: one.by),
    )
    for words, kind in groups:
        alike = [one for one in every if kind(one) == kind(shown)]
        if len(alike) == len(wrong) > 1 and all(kind(one) == kind(shown) for one in wrong):
            return f", and so in all {len(alike)} such answers {words}, and in no other"
    return f", and so in {len(wrong)} of {len(every)} such answers"
