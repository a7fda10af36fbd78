"""Each exception of the oracle, both ways: what it accepts, and what it must not."""

import json
from datetime import UTC, datetime

import pytest

from conformance import catalogue
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.fuzz_contract import checks
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.oracle.results import Target
from conformance.http.reply import Reply
from conformance.model import Auth, Exchange, Level
from conformance.states.resource import Resource, Wanted

JSON = (("Content-Type", "application/json"),)
HTML = (("Content-Type", "text/html"),)
ID = "660e8400-e29b-41d4-a716-446655440001"
INTENT = "word_01HZXAAAAAAAAAAAAAAAAAAAAA"
PAGE = b"<!doctype html><title>Not Found</title><h1>Not Found</h1>"


def reply(status, body=b"", headers=JSON):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    exchange = Exchange(
        "2026-01-01T00:00:00.000000Z", 0.01, "POST", "http://x/", (), b"", Auth.DOCUMENTED, status, "HTTP/1.1",
        headers, raw,
    )  # fmt: skip
    return Reply(status, headers, raw, False, datetime.now(UTC), 0.01, 0.0, 0.01, exchange)


def refusal(code, **more):
    return {"error": {"code": code, "message": "no"}, **more}


def wd(mutation, **more):
    return Case("cancelWithdraw", "fuzzing", "POST", mutation, **more)


def pi(mutation, body=b"{}", **more):
    value = more.pop("value", {})
    return Case(
        "cancelPayoutIntent",
        "fuzzing",
        "POST",
        mutation,
        headers=more.pop("headers", JSON),
        body=body,
        value=value,
        **more,
    )


def get(mutation=Mutation.DOCUMENTED, **more):
    return Case("getPayoutIntent", "fuzzing", "GET", mutation, **more)


@pytest.fixture(scope="module")
def judges():
    return {
        "cancelWithdraw": Oracle("withdraws", capabilities={"cancel_processing": True}),
        "cancelPayoutIntent": Oracle("payout-intents", capabilities={}, leased=LEASED),
        "getPayoutIntent": Oracle("payout-intents", capabilities={}),
    }


LEASED = {one: Resource(one, Wanted("payout-intents", "requires_approval")) for one in (INTENT, "word_other")}
NOWHERE, ANY = Target(None, None), Target("x", "unknown")
PENDING, PAID = Target(ID, "pending"), Target(ID, "paid")
WAITING, PROCESSING = Target(INTENT, "requires_approval"), Target(INTENT, "processing")
OK_WD = refusal("VALIDATION_ERROR", success=False)

# What is excused, then what is not, for the same case: the check that has to tell.
BOTH = {
    "a router's page for a malformed id": (
        wd(Mutation.PATH, segment="%zz"),
        NOWHERE,
        reply(404, PAGE, HTML),
        reply(500, PAGE, HTML),
        "crash.path",
    ),
    "an id too long for a router": (
        wd(Mutation.PATH, segment="0" * 10_000),
        NOWHERE,
        reply(414, PAGE, HTML),
        reply(200, {"success": True}),
        "accepts.malformed_id",
    ),
    "a framework's page for broken JSON": (
        pi(Mutation.BODY, b"{", value=None),
        WAITING,
        reply(400, PAGE, HTML),
        reply(500, PAGE, HTML),
        "crash.body",
    ),
    "a body that is too large": (
        pi(Mutation.BODY, b"[" * 9999, value=None),
        WAITING,
        reply(413, PAGE, HTML),
        reply(502, PAGE, HTML),
        "crash.body",
    ),
    "a foreign content type": (
        pi(Mutation.TYPE, headers=(("Content-Type", "text/plain"),)),
        WAITING,
        reply(415, b"", HTML),
        reply(500, b""),
        "crash.content_type",
    ),
    "a method that nobody implements": (
        wd(Mutation.METHOD),
        ANY,
        reply(501, b"", HTML),
        reply(500, b"", HTML),
        "crash.method",
    ),
    "an odd key": (
        pi(Mutation.KEY, headers=(*JSON, ("Idempotency-Key", "k" * 300))),
        PROCESSING,
        reply(400, refusal("bad_key")),
        reply(500, b""),
        "crash.key",
    ),
    "missing credentials": (
        wd(Mutation.MISSING, omitted=("X-API-Key",)),
        PENDING,
        reply(403, PAGE, HTML),
        reply(200, {"success": True}),
        "auth.missing",
    ),
    "wrong credentials": (
        get(Mutation.WRONG, altered=(("Authorization", "Basic x"),)),
        WAITING,
        reply(400, b""),
        reply(200, {}),
        "auth.wrong",
    ),
    "an unknown id that may look malformed": (
        pi(Mutation.DOCUMENTED),
        Target("word_0", "unknown", certain=False),
        reply(400, refusal("bad_id")),
        reply(422, refusal("approval_required")),
        "status.unknown",
    ),
    "an unknown id that can't look malformed": (
        pi(Mutation.DOCUMENTED),
        Target("word_0", "unknown"),
        reply(404, refusal("not_found")),
        reply(400, refusal("bad_id")),
        "status.unknown",
    ),
    "a code that is missing is the envelope's affair": (
        wd(Mutation.DOCUMENTED),
        PAID,
        reply(400, OK_WD),
        reply(400, {"success": False, "error": {"message": "no"}}),
        "error.envelope",
    ),
    "what is processing may be paid meanwhile": (
        wd(Mutation.DOCUMENTED),
        Target(ID, "processing"),
        reply(400, OK_WD),
        reply(409, OK_WD),
        "status.processing_cancelled",
    ),
    "a reason that isn't promised": (
        pi(Mutation.OPEN, b'{"reason": "a\\u0000b"}', value={"reason": "a\0b"}),
        WAITING,
        reply(422, refusal("invalid_reason")),
        reply(500, b""),
        "crash.body",
    ),
    "an answer that repeats what was sent": (
        pi(Mutation.OPEN, b'{"more": "SELECT a FROM b WHERE c"}', value={"more": "SELECT a FROM b WHERE c"}),
        PROCESSING,
        reply(400, refusal("SELECT a FROM b WHERE c")),
        reply(400, refusal("SELECT id FROM payouts WHERE id = 1")),
        "insides",
    ),
    "a reused key that leads to its own intent": (
        pi(Mutation.KEY, headers=(*JSON, ("Idempotency-Key", "k"))),
        WAITING,
        reply(202, {"id": INTENT}),
        reply(202, {"id": "word_other"}),
        "key.other_intent",
    ),
    "a refusal of another label": (
        wd(Mutation.DOCUMENTED),
        PAID,
        reply(400, OK_WD, (("content-type", "application/problem+json"),)),
        reply(400, OK_WD, HTML),
        "json.content_type",
    ),
    "a refusal with another status": (
        wd(Mutation.DOCUMENTED),
        PAID,
        reply(400, OK_WD),
        reply(409, OK_WD),
        "status.refusal",
    ),
    "a page that isn't labelled as JSON": (
        wd(Mutation.PATH, segment="0"),
        NOWHERE,
        reply(404, b"{", HTML),
        reply(404, b"{", JSON),
        "json.strict",
    ),
}


@pytest.mark.parametrize("name", BOTH)
def test_an_excuse_holds_and_no_further(name, judges):
    case, at, honest, bad, check = BOTH[name]
    oracle = judges[case.operation]
    excused = wrong(oracle, case, at, honest)
    # Short as they are, these bodies lack a lot; nothing else may weigh more than a warning.
    heavy = {each for each in excused if ".body." not in each and levels(case)[each] is not Level.SHOULD}
    assert heavy == set()
    assert not any(each.endswith(f".{check}") for each in excused), excused
    found = wrong(oracle, case, at, bad)
    assert any(each.endswith(f".{check}") for each in found), found


def levels(case):
    api = "withdraws" if case.operation == "cancelWithdraw" else "payout-intents"
    requirements = catalogue.load(api).by_id()
    return {check.key: check.level(requirements) for check in checks(api)}


@pytest.mark.parametrize(
    ("case", "at", "answer"),
    [
        (wd(Mutation.PATH, segment="%zz"), NOWHERE, reply(500, PAGE, HTML)),
        (pi(Mutation.BODY, b"{", value=None), WAITING, reply(500, PAGE, HTML)),
        (pi(Mutation.BODY, b"{}" * 99, value=None), WAITING, reply(507, PAGE, HTML)),
        (pi(Mutation.TYPE, headers=(("Content-Type", "a/b"),)), WAITING, reply(500, PAGE, HTML)),
        (pi(Mutation.FIELD_TYPE, b'{"reason": 1}', value={"reason": 1}), WAITING, reply(202, {})),
        (wd(Mutation.METHOD), ANY, reply(500, PAGE, HTML)),
        (wd(Mutation.WRONG, altered=(("X-API-Key", "x"),)), PENDING, reply(500, PAGE, HTML)),
    ],
)
def test_what_no_document_describes_is_a_warning_at_most(case, at, answer, judges):
    found = wrong(judges[case.operation], case, at, answer)
    about_it = {name for name in found if ".body." not in name}
    assert about_it
    assert {levels(case)[name] for name in about_it} == {Level.SHOULD}


def wrong(oracle, case, at, answer):
    return {one.check: one.finding.cause for one in oracle.judge(case, at, answer) if one.finding is not None}
