"""Exchanges as a page shows them, within a budget: however much a run sent, the page stays small enough to open.

Every exchange that there is room for is shown with its request, its answer, the string that was signed and the
command that repeats it; long bodies are cut, and the cut is said. `exchanges.har` has them all. Pure; no errors.
"""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from conformance.model import Auth, Check, Exchange, Headers, Outcome, Problem, RunRecord
from conformance.report import explain
from conformance.report.html.marks import NOTHING, Marks, body, joined, marks
from conformance.report.safe import counted, line, visible

# Characters of markup for all exchanges of a page together.
ROOM = 5_000_000
BODY = 4000
_HEADER = 400
_HEADERS = 40
_COMMAND = 6000
_URL = 2000
_SIGNED = 2000
# How many exchanges of one check are listed; the HAR has them all.
_LISTED = {Outcome.FAILED: 8, Outcome.WARNED: 8, Outcome.ERROR: 8}
_LISTED_OTHERWISE = 4
_AUTH = {Auth.ALTERED: "authentication altered on purpose", Auth.NONE: "sent without authentication"}


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: its first line and headers, its body as far as shown, and what was cut."""

    head: Markup
    body: Markup
    cut: str


@dataclass(frozen=True, slots=True)
class Sent:
    """An exchange on the page; `request` and `answer` are None where there was no room for them."""

    index: int
    method: str
    path: str
    status: str
    kind: str
    auth: str
    request: Message | None = None
    answer: Message | None = None
    signed: str | None = None
    curl: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """The exchanges of a check that the page names, and how many it doesn't."""

    sent: tuple[Sent, ...]
    left_out: int


class Evidence:
    """Shows exchanges of one record, each in full while there is room; ask for the important ones first."""

    def __init__(self, record: RunRecord, room: int = ROOM) -> None:
        self.record = record
        self._room = room
        self._listed: dict[str, Listed] = {}
        # Checks share evidence: what isn't marked looks the same with each of them.
        self._unmarked: dict[int, Sent] = {}

    def of(self, index: int, problem: Problem | None = None) -> Sent:
        """The exchange at `index`, with what `problem` says of it marked."""
        exchange = self.record.exchanges[index]
        if self._room <= 0:
            return self._short(index, exchange)
        named = problem is not None and problem.exchange in (None, index)
        found = marks(problem, exchange) if named else NOTHING
        sent = None if found else self._unmarked.get(index)
        if sent is None:
            sent = self._full(index, exchange, found)
            if not found:
                self._unmarked[index] = sent
        self._room -= _size(sent)
        return sent

    def listed(self, check: Check) -> Listed:
        """The exchanges of `check`, the one that its problem names among them; the same answer each time."""
        if check.id not in self._listed:
            self._listed[check.id] = self._list(check)
        return self._listed[check.id]

    def _list(self, check: Check) -> Listed:
        indices = list(check.exchanges[: _LISTED.get(check.outcome, _LISTED_OTHERWISE)])
        named = check.problem.exchange if check.problem else None
        if named is not None and named not in indices:
            indices.append(named)
        sent = tuple(self.of(index, check.problem if index == named else None) for index in indices)
        return Listed(sent, len(set(check.exchanges) - set(indices)))

    def _short(self, index: int, exchange: Exchange) -> Sent:
        return Sent(
            index,
            line(exchange.method, 20),
            line(path(self.record, exchange), 160),
            line(explain.status_line(exchange), 160),
            kind(exchange.status),
            _AUTH.get(exchange.auth, ""),
        )

    def _full(self, index: int, exchange: Exchange, found: Marks) -> Sent:
        first = f"{exchange.method} {exchange.url}"
        return replace(
            self._short(index, exchange),
            request=_message(first, exchange.request_headers, exchange.request_body),
            answer=_answer(exchange, found),
            signed=None if exchange.signed is None else visible(exchange.signed[:_SIGNED]),
            curl=shown_command(explain.command(self.record, index)),
            marked=bool(found),
        )


def path(record: RunRecord, exchange: Exchange) -> str:
    """The URL of `exchange` without the target's base."""
    base, url = record.target.base_url, exchange.url
    if base and url.startswith(base):
        return url.removeprefix(base) or "/"
    return url


def operation(record: RunRecord, exchange: Exchange) -> str:
    """Method and path without query; which segments are ids is for the caller to see."""
    try:
        return f"{exchange.method} {urlsplit(path(record, exchange)).path}"
    except ValueError:
        return exchange.method


def kind(status: int | None) -> str:
    """The name of the colour that a status gets."""
    return {2: "ok", 3: "info", 4: "info", 5: "bad"}.get((status or 0) // 100, "none")


def shown_command(text: str) -> str:
    """A command to show, unless its body makes it too long to be of use."""
    if len(text) > _COMMAND:
        text = f"# {len(text)} characters long: see the request in exchanges.har\n" + text[:500] + " …"
    return visible(text, newlines=True)


def _answer(exchange: Exchange, found: Marks) -> Message:
    if exchange.status is None:
        return Message(escape(line(exchange.error or "No answer came.", _URL)), Markup(""), "")
    first = f"{exchange.http_version} {exchange.status}".strip()
    return _message(
        first, exchange.response_headers, exchange.response_body, found, truncated=exchange.truncated
    )


def _message(
    first: str, headers: Headers, raw: bytes, found: Marks = NOTHING, *, truncated: bool = False
) -> Message:
    lines = [(line(first, _URL), found.status)]
    for name, value in headers[:_HEADERS]:
        lines += [("\n", False), (line(f"{name}: {value}", _HEADER), name.lower() in found.headers)]
    if len(headers) > _HEADERS:
        lines.append((f"\n… and {counted(len(headers) - _HEADERS, 'more header')}", False))
    shown, cut = body(raw[: BODY * 16].decode("utf-8", "backslashreplace"), found.fields, BODY)
    notes = []
    if cut or len(raw) > BODY * 16:
        notes.append(f"cut here: the body has {len(raw):,} bytes, exchanges.har has them all")
    if truncated:
        notes.append("the harness stopped reading at its size limit")
    return Message(joined(lines), shown, "; ".join(notes))


def _size(sent: Sent) -> int:
    """About how many characters of markup it takes: text twice over where it is escaped."""
    shown = [part for part in (sent.request, sent.answer) if part is not None]
    parts = [sent.curl, sent.signed or "", *(text for part in shown for text in (part.head, part.body))]
    return 700 + sum(len(str(part).encode()) for part in parts)
