"""The requests that led to a problem, in order, in words: what each named, what was sent, how it was answered. Pure.

Which requests these are, `leading` says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from conformance import contracts
from conformance.contract import Contract
from conformance.model import Auth, Check, Exchange, RunRecord
from conformance.report import sent_bodies
from conformance.report.altered import altered, in_characters
from conformance.report.answers import at, senders
from conformance.report.curl import auth_headers, implied
from conformance.report.safe import flat, line
from conformance.report.sent_bodies import described

# So many steps at most are listed.
_MOST = 12
_HEADERS = 3
_VALUE = 40
# How an observation begins that quotes a read; so much of a body is compared with it.
_READ_SHOWS, _QUOTED, _CUT = "a read shows ", 4000, 150
_UUID = re.compile(r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_OF_OTHERS = ("Another merchant's", "The other merchant's")
# Statuses that an id which names nothing may get, as other ids don't.
_UNKNOWN_TO = (401, 403, 404)
_LIKE_AN_ID = re.compile(r"(?=.*\d)[\w-]{8,64}")
_CREDENTIAL = re.compile(r"\[redacted:([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)\]")
PRIMARY = "primary"
"""The credentials of a profile that checks use unless they say otherwise."""
_OF_ANOTHER = " of the "
# What was asked for doesn't exist.
# What isn't said by then isn't what a problem is about.
_TOLD = 2000
_UNKNOWN = re.compile(r"\bunknown (?!key|header|field)", re.IGNORECASE)
# Statuses that whoever stands in front of a server answers by itself (RFC 9110 sections 15.5.4 and 15.6.3).
_BY_OTHERS = (403, 406, 429, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that steps name: its `id`, as paths have it, the `name` that lists and scripts use, what it is."""

    name: str
    id: str
    what: str


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a problem: its place among the run's `exchanges`, and how it reads.

    `sent` says what was sent in words, empty for a plain documented request without a body; `answer` is its status
    and that of the resource that it shows, or why none came. `decides` marks the one that shows the problem, `together`
    one that was sent before the step above it was answered. `pause_s` are whole seconds that passed before it.
    """

    number: int
    index: int
    request: str
    sent: str
    answer: str
    decides: bool
    together: bool = False
    pause_s: int = 0

    @property
    def line(self) -> str:
        """The step in one line, without its number."""
        return f"{self.request}{f', {self.sent}' if self.sent else ''}: {self.answer}"


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a problem, the resources that they name, the keys that they carry; `left_out` were not listed."""

    steps: tuple[Step, ...]
    resources: tuple[Resource, ...]
    keys: Mapping[str, str]
    left_out: int = 0


def steps(record: RunRecord, check: Check, indices: Sequence[int]) -> Steps:
    """Returns the steps at `indices`, the last of which decides, in words; at most twelve, the last ones."""
    shown = tuple(indices)[-_MOST:]
    exchanges = [record.exchanges[index] for index in shown]
    resources = resources_of(record, check, exchanges)
    keys = _keys(record, exchanges)
    shows = _read_that_shows(check, shown, exchanges)
    found: list[Step] = []
    # The words of the check are about the last request whose authentication was altered, if any was.
    altered_ones = [index for index in shown if record.exchanges[index].auth is not Auth.DOCUMENTED]
    told = {*shown[-1:], *altered_ones[-1:]}
    for number, (index, exchange) in enumerate(zip(shown, exchanges, strict=True), 1):
        before = exchanges[number - 2] if number > 1 else None
        gap = None if before is None else gap_s(before, exchange)
        found.append(
            Step(
                number,
                index,
                f"{line(exchange.method, 20)} {_path(record, exchange, resources)}",
                _sent(record, exchange, resources, keys, check if index in told else None),
                _answered(record, exchange),
                number - 1 == shows,
                gap is not None and gap < 0,
                _pause(exchange, gap),
            )
        )
    return Steps(tuple(found), resources, keys, len(indices) - len(shown))


def _read_that_shows(check: Check, indices: Sequence[int], exchanges: Sequence[Exchange]) -> int:
    """Returns the place of the step that shows the problem: the first read that it quotes, or else the deciding step.

    Where a read shows what came of that, it is the last one.
    """
    said = "" if check.problem is None else flat(check.problem.observed)
    if said.startswith(_READ_SHOWS):
        for place, one in enumerate(exchanges):
            body = flat(one.response_body[:_QUOTED].decode("utf-8", "replace"))[:_CUT]
            if one.method == "GET" and body and f"{one.status} {body}" in said:
                return place
    if check.problem is not None and not check.problem.persisted and check.shown_by in indices:
        return indices.index(check.shown_by)
    return len(exchanges) - 1


def _pause(exchange: Exchange, gap: float | None) -> int:
    """Returns the seconds to wait before a request; before others than reads a second came about by chance.

    So did all before one whose authentication was altered: no check waits before it.
    """
    if exchange.auth is not Auth.DOCUMENTED:
        return 0
    least = 0.9 if exchange.method == "GET" else 1.5
    return round(gap) if gap is not None and gap >= least else 0


def resources_of(record: RunRecord, check: Check, exchanges: Sequence[Exchange]) -> tuple[Resource, ...]:
    """Returns the resources that these requests name, in the order in which they do."""
    contract = _contract(record)
    noun = contract.noun if contract else "resource"
    known, states = dict(check.resources), _states(record, check)
    found: dict[str, str] = {}
    for exchange in exchanges:
        for one in _in_path(contract, exchange, known):
            state = known.get(one) or (states[len(found)] if len(found) < len(states) else "")
            state = state or ("unknown" if one not in known and _is_about_unknown_ids(check) else "")
            if state or one in known or (not known and not states):
                found.setdefault(one, _what(noun, state) + _kind(contract, check, state))
        text = exchange.request_body[:4000].decode("utf-8", "replace") + exchange.url.partition("?")[2]
        text += "\n".join(value for _, value in exchange.request_headers)
        for one, state in known.items():
            if one in text:
                found.setdefault(one, _what(noun, state))
        shown = at(exchange, contract.answers.id) if contract else None
        if isinstance(shown, str) and _LIKE_AN_ID.fullmatch(shown) and shown in text:
            # What another check knows, and this one only named.
            of_others = _said(check).startswith(_OF_OTHERS)
            found.setdefault(shown, _what(noun, ", of other_merchant") if of_others else f"another {noun}")
    many = len(found) > 1
    return tuple(
        Resource(f"ID{number}" if many else "ID", one, what)
        for number, (one, what) in enumerate(found.items(), 1)
    )


def _kind(contract: Contract | None, check: Check, state: str) -> str:
    """Returns what tells a kind of resources apart in that state, where the check speaks of it."""
    said = "" if check.problem is None else f"{check.problem.fault} {check.problem.expected}"
    kinds = contract.states.kinds if contract else ()
    return next(
        (f" {one.clause}" for one in kinds if one.status == state and one.clause and one.clause in said), ""
    )


def _is_about_unknown_ids(check: Check) -> bool:
    problem = check.problem
    return problem is not None and bool(
        _UNKNOWN.search(f"{problem.fault[:_TOLD]} {problem.expected[:_TOLD]}")
    )


def _in_path(contract: Contract | None, exchange: Exchange, known: Mapping[str, str]) -> list[str]:
    """Returns the segments of a path that name resources: those that are known, or stand where documents have ids."""
    path = exchange.url.partition("?")[0]
    # In a segment of its own, or with more around it.
    parts = [part for part in path.split("/") if part in known] or [one for one in known if one in path]
    if parts or known or contract is None:
        return parts
    for template in (
        contract.requests.cancel,
        contract.requests.read or "",
        contract.requests.read_example or "",
    ):
        before, brace, after = template.partition("{")
        after = after.partition("}")[2]
        match = re.search(f"{re.escape(before)}([^/]+){re.escape(after)}$", path) if brace else None
        if match:
            # What is no id at all is sent as it is.
            return [match[1]] if _LIKE_AN_ID.fullmatch(match[1]) else []
    return []


def _states(record: RunRecord, check: Check) -> list[str]:
    """Returns the states of the resources that fuzzing's case began with; none for a check that was written by hand."""
    told = (record.fuzz or {}).get("failing")
    cases = told.get(check.id) if isinstance(told, Mapping) else None
    case = (
        cases[0].get("case")
        if isinstance(cases, list | tuple) and cases and isinstance(cases[0], Mapping)
        else None
    )
    if not isinstance(case, Mapping):
        return []
    start = case.get("start")
    if isinstance(start, list | tuple):
        pairs = (str(one).rpartition(":") for one in start)
        return [f"{state}, of {owner}" if owner else state for owner, _, state in pairs]
    return [str(case["state"])] if case.get("state") else [""]


def _what(noun: str, state: str) -> str:
    """Returns a resource in words: its article, its state, its noun, and its owner."""
    state, _, whose = state.partition(", of ")
    if state.startswith("unknown"):
        return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun} that doesn't exist"
    article = "an" if (state or noun)[:1] in "aeiou" else "a"
    owner = (
        "" if not whose else f" of {whose.replace('_', ' ').replace('other merchant', 'the other merchant')}"
    )
    return f"{article} {state + ' ' if state else ''}{noun}{owner}"


def _keys(record: RunRecord, exchanges: Sequence[Exchange]) -> dict[str, str]:
    """Returns a name for each idempotency key that is sent; only one that is made afresh can be sent again."""
    found = dict.fromkeys(key for exchange in exchanges if (key := key_of(record, exchange)))
    return {key: f"KEY{number}" if len(found) > 1 else "KEY" for number, key in enumerate(found, 1)}


def key_of(record: RunRecord, exchange: Exchange) -> str:
    """Returns the idempotency key that a request carries; empty for none."""
    contract = _contract(record)
    name = (contract.requests.key_header or "").lower() if contract else ""
    return next((value for header, value in exchange.request_headers if header.lower() == name), "")


def is_fresh(key: str) -> bool:
    """Returns whether a key is one of those that a check makes for itself: a UUID."""
    return _UUID.fullmatch(key) is not None


def _path(record: RunRecord, exchange: Exchange, resources: Sequence[Resource]) -> str:
    base = record.target.base_url
    path = exchange.url.removeprefix(base) if base and exchange.url.startswith(base) else exchange.url
    for one in resources:
        path = path.replace(one.id, one.name)
    known = {id_ for check in record.checks for id_, _ in check.resources}
    left = [part for part in re.split(r"[/?]", path) if _LIKE_AN_ID.fullmatch(part) and part not in known]
    unknown = " (an unknown id)" if known and left and exchange.status in _UNKNOWN_TO else ""
    return line(path or "/", 120) + unknown


def _answered(record: RunRecord, exchange: Exchange) -> str:
    """Returns how a request was answered, and the status of the resource that a success shows."""
    said, contract = _answer(exchange), _contract(record)
    if (
        contract is None
        or exchange.status is None
        or said != str(exchange.status)
        or exchange.status // 100 != 2
    ):
        return said
    shown = at(exchange, contract.answers.status)
    return f"{said}, status {line(shown, _VALUE)}" if isinstance(shown, str) and shown.strip() else said


def _answer(exchange: Exchange) -> str:
    if exchange.status is None:
        return "hung up before the answer" if hung_up(exchange) else "no answer"
    kind = next((value for name, value in exchange.response_headers if name.lower() == "content-type"), "")
    begin = exchange.response_body[:100].lstrip().lower()
    if kind.lower().startswith("text/html") or begin.startswith((b"<!doctype html", b"<html")):
        proxy = ", perhaps of a firewall or a proxy" if exchange.status in _BY_OTHERS else ""
        return f"{exchange.status} with an HTML page{proxy}"
    return str(exchange.status)


def hung_up(exchange: Exchange) -> bool:
    """Returns whether the harness hung up by itself, without waiting for an answer."""
    return exchange.status is None and "hung up, on purpose" in (exchange.error or "")


def _sent(
    record: RunRecord,
    exchange: Exchange,
    resources: Sequence[Resource],
    keys: Mapping[str, str],
    decided: Check | None,
) -> str:
    said = []
    owner = caller(exchange)
    if exchange.auth is not Auth.DOCUMENTED:
        said.append(altered(record, exchange, decided))
    elif owner != PRIMARY:
        said.append(f"by the {owner.replace('_', ' ')}")
    elif any(_OF_ANOTHER in one.what for one in resources):
        # So that nobody takes the request for one of the owner's.
        said.append("by the primary")
    key = key_of(record, exchange)
    if key:
        said.append(f"key {keys[key] if is_fresh(key) else described(key)}")
    headers = ", ".join(_headers(record, exchange))
    for one in resources:
        headers = headers.replace(one.id, one.name)
    said += [headers] if headers else []
    if exchange.request_body:
        text = sent_bodies.in_words(exchange.request_body, _said(decided))
        for one in resources:
            text = text.replace(one.id, one.name)
        said.append(f"body {text}")
    return ", ".join(said)


def _said(check: Check | None) -> str:
    problem = check.problem if check else None
    return f"{problem.fault} {problem.expected}"[:_TOLD] if problem else ""


def caller(exchange: Exchange) -> str:
    """Returns whose credentials a request carried, by their name in the profile."""
    return next(iter(senders(exchange)), PRIMARY)


def _headers(record: RunRecord, exchange: Exchange) -> list[str]:
    """Returns the headers that a plain request doesn't have, a few of them; no secret of the profile is among them."""
    contract = _contract(record)
    known = auth_headers(exchange, record.target.api) | {
        (contract.requests.key_header or "").lower() if contract else ""
    }
    found = []
    for name, value in exchange.request_headers:
        json_body = name.lower() == "content-type" and value == "application/json" and exchange.request_body
        if name.lower() in known or implied(name, value, exchange) or json_body:
            continue
        if "[redacted" in _CREDENTIAL.sub("", value):
            continue
        if name.lower() == "content-length" and value == str(len(exchange.request_body)):
            continue
        said = _CREDENTIAL.sub(r"the \2 of [credentials.\1]", line(in_characters(value), _VALUE))
        found.append(f"{line(name, _VALUE)}: {said}")
    if exchange.request_body and all(name.lower() != "content-type" for name, _ in exchange.request_headers):
        found.append("no content type")
    rest = [one.partition(":")[0] for one in found[_HEADERS:] if ":" in one]
    return [*found[:_HEADERS], *([f"and {', '.join(rest)}"] if rest else [])]


def gap_s(before: Exchange, exchange: Exchange) -> float | None:
    """Returns the seconds from the answer of one request to the next request; negative where that came sooner."""
    try:
        ended = datetime.fromisoformat(before.started_at) + timedelta(seconds=before.duration_s)
        return (datetime.fromisoformat(exchange.started_at) - ended).total_seconds()
    except (ValueError, OverflowError, TypeError):
        return None


def _contract(record: RunRecord) -> Contract | None:
    api = record.target.api
    return contracts.contract(api) if api in contracts.names() else None
