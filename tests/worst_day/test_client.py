"""The client alone on a target's worst day: every row of the table, on a real socket."""

import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.errors import TransportError
from conformance.http.auth import basic
from conformance.http.client import BODY_CAP, KEPT_CAP, Client, Recorder, Request
from conformance.http.gate import Gate
from conformance.http.redact import Redactor
from conformance.http.reply import NotStrictJson
from conformance.oracles.disclosure import disclosed
from tests.worst_day.authority import authority
from tests.worst_day.faults import answer, misbehaving, says
from tests.worst_day.table import CASES, CUT, README, Case, page

CANARY = "canary-of-the-worst-day"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """One whose patience is short."""
    made = Gate(tmp_path / "gate", requests_per_second=None, max_requests=100, concurrency=4, patience_s=0.6)
    yield made
    made.close()


def told(client: Client) -> str:
    """Returns the client's result of one request, in the table's words."""
    headers = (("Authorization", basic("key", CANARY)),)
    try:
        reply = client.send(lambda: Request("GET", "/x", headers))
    except TransportError as fault:
        return f"{fault.kind}: {fault.message} {fault.hint}"
    # What every check may ask of an answer: none of it may raise, or take for ever.
    assert reply.text is not None
    assert isinstance(reply.json, object)
    assert len([disclosed(text) for text in reply.strings()]) >= 1
    assert len(reply.exchange.response_body) <= KEPT_CAP
    assert len(reply.body) <= BODY_CAP
    if reply.truncated:
        return f"{reply.status}: {CUT}"
    try:
        reply.strictly()
    except NotStrictJson as fault:
        return f"{reply.status}: {fault}"
    return f"{reply.status}: fine"


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_worst_day(case: Case, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named as the table names it, in little time and memory, and nothing of it spoils the next request."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority().file))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    recorder = Recorder()
    with (
        misbehaving(says(answer())) as other,
        misbehaving(case.fault, tls=case.tls and case.tls(), reads=case.reads) as target,
    ):
        client = Client(
            case.url(target.url),
            timeout_s=case.timeout_s,
            connections=4,
            gate=gate,
            redactor=Redactor({"primary.secret_key": CANARY}),
            recorder=recorder,
        )
        found = []
        for number, _ in enumerate(case.becomes):
            if number:
                target.has_done(number)
            found.append(told(client))
        client.close()

    for observed, expected in zip(found, case.becomes, strict=True):
        kind, _, detail = expected.partition(": ")
        assert observed.startswith(f"{kind}: "), observed
        assert detail in observed, observed
        assert len(observed) < 1000
    if case.connections is not None:
        assert target.connections == case.connections
    assert not other.requests
    assert not any(b"cookie:" in request.lower() for request in target.requests)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
    assert CANARY not in repr(recorder.exchanges) + repr(found)
    # What failed isn't sent again behind our back.
    assert len(recorder.exchanges) == len(target.requests) or not case.reads or case.tls


def test_the_page_is_up_to_date() -> None:
    """`python -m tests.worst_day.table` writes it anew."""
    assert README.read_text(encoding="utf-8") == page()


def test_the_table_has_a_row_for_each_kind_of_bad_day() -> None:
    """Names are unique, and every kind of fault that can be told is among them."""
    kinds = {one.partition(":")[0] for case in CASES.values() for one in case.becomes}

    assert len(CASES) >= 80
    assert {
        "reset",
        "timeout",
        "protocol",
        "tls",
        "rate_limited",
        "200",
        "302",
        "404",
        "unavailable",
    } <= kinds
    assert not [name for name in CASES if not re.fullmatch(r"[a-z][\w' ,.:()/-]+", name)]
