"""Who may cancel and read: only those with the right pair of key and secret, sent by Basic.

Every negative changes one thing, and has its twin: the documented request still works on the same intent.
"""

from collections.abc import Callable
from functools import partial

import pytest

from conformance.http import summary
from conformance.http.auth import basic
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles import equality, expect
from conformance.oracles.difference import difference
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.evidence import Evidence
from conformance.suites.payout_intents.forgeries import FORGERIES, LENIENCIES, encoded, made
from conformance.suites.payout_intents.pieces import Cancelled
from conformance.suites.payout_intents.verbs import PayoutIntents, body_of, cancel_path, is_cancelled

BODY = b'{"reason": "ordered twice"}'
OTHERS = ("other_merchant", "other_environment")


@requirement("PI-39")
def test_documented_credentials_cancel(api: PayoutIntents, evidence: Evidence) -> None:
    """A cancel with key and secret, joined by a colon, in Base64, behind Basic, is accepted."""
    tried = evidence.tried()
    bare = api.post(tried.intent, BODY, change={"Authorization": None})

    _not_turned_away(tried.reply, bare, "a cancel with the documented credentials")


@requirement("PI-39")
def test_documented_credentials_read(api: PayoutIntents, evidence: Evidence) -> None:
    """A read with the same credentials is accepted."""
    tried = evidence.tried()
    bare = api.read(tried.intent, authorization=None)

    _not_turned_away(tried.before, bare, "a read with the documented credentials")


def _not_turned_away(reply: Reply, bare: Reply, what: str) -> None:
    """It isn't answered as a request without credentials is; any other refusal is for the row about its cause."""
    as_bare = reply.status == bare.status and equality.same_but_nulls(
        reply.at("error.code"), bare.at("error.code")
    )
    expect.that(
        reply.ok or (reply.status not in (401, 403) and (reply.status >= 500 or not as_bare)),
        expected=f"{what} to be accepted",
        observed=summary.of(reply),
        reply=reply,
    )


def _accepted(reply: Reply, what: str) -> None:
    expect.that(reply.ok, expected=f"{what} to be accepted", observed=summary.of(reply), reply=reply)


@requirement("PI-39", level="SHOULD")
@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION"])
def test_header_name_has_no_letter_case(api: PayoutIntents, evidence: Evidence, name: str) -> None:
    """The header is recognised however its name is capitalised (RFC 9110 section 5.1)."""
    path = cancel_path(evidence.tried().intent).removesuffix("/cancel")

    reply = api.send("GET", path, [(name, api.authorization())])

    _accepted(reply, f"a read with a header named {name}")


@requirement("PI-40")
@pytest.mark.parametrize("kind", FORGERIES)
def test_wrong_credentials_are_rejected(api: PayoutIntents, given: Given, kind: str) -> None:
    """Wrong credentials neither cancel nor read, and the right ones still cancel afterwards."""
    intent = given("requires_approval")

    for number, (what, forgery) in enumerate(FORGERIES[kind].items()):
        value, wrong = made(api, forgery)
        if wrong and number == 0:
            _rejects_read(api, intent, value, what)
        if wrong:
            _rejects(api, intent, value, what)

    api.still_cancels(intent, after="requests with wrong credentials")


@requirement("PI-40")
@pytest.mark.parametrize("who", OTHERS)
def test_pair_of_two_halves_is_rejected(api: PayoutIntents, given: Given, who: str) -> None:
    """A key with the secret that belongs to another one neither cancels nor reads."""
    theirs, own = given.credentials(who), api.credentials()
    intent = given("requires_approval")
    halves = {
        "this key with the secret of": (own.key, theirs.secret),
        "this secret with the key of": (theirs.key, own.secret),
    }

    whose = who.replace("_", " ")
    for what, pair in halves.items():
        if pair not in api.known_pairs():
            _rejects_read(api, intent, basic(*pair), f"with {what} {whose}")
            if not api.reads_only(who):
                _rejects(api, intent, basic(*pair), f"with {what} {whose}")

    api.still_cancels(intent, after="requests with half of somebody else's credentials")


@requirement("PI-40")
@pytest.mark.parametrize("kind", ["absent", "wrong_secret", "empty_secret"])
def test_nobody_profits_from_its_owners_requests(api: PayoutIntents, given: Given, kind: str) -> None:
    """Right after its owner has read or cancelled an intent, wrong credentials neither read nor cancel it."""
    what, forgery = next(iter(FORGERIES[kind].items()))
    intent, value = given("requires_approval"), made(api, forgery)[0]

    api.seen(intent)
    _rejects_read(api, intent, value, f"{what}, right after its owner's,")
    _rejects(api, intent, value, f"{what}, right after its owner's read,")
    api.still_cancels(intent, after="requests with wrong credentials")
    _rejects(api, intent, value, f"{what}, right after its owner's,")
    api.confirmed(intent)
    _rejects_read(api, intent, value, f"{what}, right after its owner's,")


@requirement("PI-41")
@pytest.mark.parametrize("kind", LENIENCIES)
def test_nearly_right_credentials_are_rejected(api: PayoutIntents, given: Given, kind: str) -> None:
    """Scheme, key and secret are compared as they are, and nothing stands around them."""
    intent = given("requires_approval")

    for what, forgery in LENIENCIES[kind].items():
        value, wrong = made(api, forgery)
        if wrong:
            _rejects(api, intent, value, what)

    api.still_cancels(intent, after="requests with nearly right credentials")


def _rejects(api: PayoutIntents, intent: Resource, value: str | None, what: str) -> None:
    what = f"a cancel {what}"
    reply = api.answered(lambda: api.post(intent, BODY, change={"Authorization": value}), to=what)
    if reply is not None:
        _rejected(reply, what)


def _rejects_read(api: PayoutIntents, intent: Resource, value: str | None, what: str) -> None:
    reply = api.answered(lambda: api.read(intent, authorization=value), to=f"a read {what}")
    if reply is not None:
        _rejected(reply, f"a read {what}")


def _rejected(reply: Reply, what: str) -> None:
    expect.that(
        not reply.ok,
        expected=f"{what} to be rejected",
        observed=summary.of(reply),
        reply=reply,
        hint="Decode the pair, look the key up, and compare the whole secret, on every path.",
    )


# What a router may take for the cancel path, and a rule that guards that path may not.
DETOURS: dict[str, Callable[[str], str]] = {
    "with a slash behind it": lambda path: path + "/",
    "with a slash twice": lambda path: path.replace("/payout_intents/", "/payout_intents//"),
    "with two slashes before it": lambda path: "/" + path,
    "with an ending": lambda path: path + ".json",
    "with a parameter behind a semicolon": lambda path: path + ";x=1",
    "in capitals": lambda path: path.removesuffix("cancel") + "CANCEL",
    "percent-encoded": lambda path: path.removesuffix("cancel") + "%63ancel",
    "with a dot segment": lambda path: path.replace("/payout_intents/", "/payout_intents/./"),
}
NEIGHBOUR = (("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"))


@requirement("PI-40")
def test_no_detour_leads_around_authentication(api: PayoutIntents, given: Given) -> None:
    """However the path is spelt, and wherever a request claims to be from: without credentials it cancels nothing."""
    intent = given("requires_approval")
    path, plain = cancel_path(intent), [("Content-Type", "application/json")]

    asked = {f"at the path {how}": (detour(path), plain) for how, detour in DETOURS.items()}
    asked["from 127.0.0.1, as its headers say,"] = path, [*plain, *NEIGHBOUR]
    came = {
        what: api.answered(partial(api.send, "POST", target, headers, BODY, Auth.NONE), to=f"a cancel {what}")
        for what, (target, headers) in asked.items()
    }
    replies = {what: reply for what, reply in came.items() if reply is not None}

    accepted = ", ".join(f"{reply.status} {how}" for how, reply in replies.items() if reply.ok)
    read = api.seen(intent)
    expect.that(
        not is_cancelled(read),
        expected="an intent not to be cancelled by requests without credentials, however their path is spelt",
        observed=f"GET shows {summary.of(read)}; accepted was {accepted or 'none of them'}",
        reply=next((reply for reply in replies.values() if reply.ok), read),
        hint="Guard handlers, not patterns of paths: a router may take more spellings for one path than a rule does.",
    )
    api.still_cancels(intent, after="requests without credentials by other spellings of the path")


STOLEN = ("absent", "wrong_secret", "empty_secret", "unknown_key", "other_scheme")


@requirement("PI-40")
def test_stored_answer_needs_credentials(api: PayoutIntents, given: Given) -> None:
    """An answer that is stored under a key isn't repeated for whoever can't authenticate."""
    intent, reason, key = given("requires_approval"), api.new_reason(), api.new_key()
    api.cancels(intent, reason=reason, key=key)

    for kind in STOLEN:
        what, forgery = next(iter(FORGERIES[kind].items()))
        reply = api.post(intent, body_of(reason), key=key, change={"Authorization": made(api, forgery)[0]})
        expect.that(
            not reply.ok and reason not in reply.text,
            expected=f"a repeated request {what} to be rejected",
            observed=summary.of(reply),
            reply=reply,
            hint="Authenticate before the key is looked up.",
        )


FAILURES = ("absent", "wrong_secret", "unknown_key", "other_scheme")


def _fails(api: PayoutIntents, target: Resource | str, kind: str, asked: str) -> Reply:
    value, _ = made(api, next(iter(FORGERIES[kind].values())))
    if asked == "read":
        return api.read(target, authorization=value)
    return api.post(target, BODY, change={"Authorization": value})


@requirement("PI-41")
@pytest.mark.parametrize(
    ("asked", "kind"),
    [*(("cancel", kind) for kind in FAILURES), ("read", "absent"), ("read", "wrong_secret")],
)
def test_failed_authentication_is_a_401(
    api: PayoutIntents, cancelled: Cancelled, asked: str, kind: str
) -> None:
    """Failing authentication is answered by 401, which tells a client that it is about its credentials."""
    reply = _fails(api, cancelled.intent, kind, asked)

    # What is accepted is for PI-40 to judge.
    expect.that(
        reply.status == 401 or reply.ok,
        expected=f"401 to a {asked} whose credentials are {kind.replace('_', ' ')}",
        observed=summary.of(reply),
        reply=reply,
    )


@requirement("PI-41")
@pytest.mark.parametrize("asked", ["cancel", "read"])
def test_401_has_a_basic_challenge(api: PayoutIntents, cancelled: Cancelled, asked: str) -> None:
    """A 401 says how to authenticate: WWW-Authenticate with the scheme Basic, whatever the credentials were."""
    for kind in ("absent", "wrong_secret"):
        reply = _fails(api, cancelled.intent, kind, asked)
        challenge = reply.header("WWW-Authenticate")
        words = [word.lower() for word in (challenge or "").replace(",", " ").split()]
        expect.that(
            reply.status != 401 or "basic" in words,
            expected=f"WWW-Authenticate: Basic with the 401 to a {asked} ({kind.replace('_', ' ')})",
            observed=f"WWW-Authenticate {challenge!r}",
            reply=reply,
            hint='RFC 9110 section 15.5.2: WWW-Authenticate: Basic realm="...".',
        )


@requirement("PI-41")
@pytest.mark.parametrize(
    ("asked", "kind"), [("cancel", "absent"), ("cancel", "wrong_secret"), ("read", "wrong_secret")]
)
def test_failed_authentication_tells_nothing(
    api: PayoutIntents, cancelled: Cancelled, evidence: Evidence, asked: str, kind: str
) -> None:
    """Failing authentication is answered alike for an intent that exists and one that doesn't."""
    unknown = evidence.unknown().ids

    known = _fails(api, cancelled.intent, kind, asked)
    nobodys = [_fails(api, one, kind, asked) for one in unknown]

    found = difference(known, nobodys, (cancelled.intent.id, *unknown))
    expect.that(
        found is None,
        expected=f"the answer for an unknown id: {summary.of(nobodys[0])}",
        observed=f"{found} ({summary.of(known)})",
        reply=known,
        hint="Authenticate before anything is looked up.",
    )


@requirement("PI-42")
@pytest.mark.parametrize("scheme", ["basic", "BASIC"])
@pytest.mark.usefixtures("cancelled")
def test_scheme_has_no_letter_case(api: PayoutIntents, given: Given, scheme: str) -> None:
    """The name of the scheme is recognised however it is capitalised (RFC 9110 section 11.1)."""
    pair, intent = api.credentials(), given("requires_approval")
    value = f"{scheme} {encoded(f'{pair.key}:{pair.secret}')}"
    api.seen(intent)

    _accepted(api.read(intent, authorization=value), f"a read with the scheme {scheme}")
    _accepted(api.post(intent, BODY, change={"Authorization": value}), f"a cancel with the scheme {scheme}")


MALFORMED = {
    "scheme_alone": "Basic",
    "not_Base64": "Basic ***",
    "damaged_Base64": "Basic QWxhZGRpbjpvcGVu=c2VzYW1l",
    "Base64_of_no_text": "Basic //79Ov/+",
    "Base64_of_a_NUL": f"Basic {encoded(chr(0) + ':' + chr(0))}",
    "no_colon": f"Basic {encoded('nobody')}",
    "emoji": f"Basic {encoded('💸:💸')}",
    "6_kB": f"Basic {encoded('nobody:' + 'x' * 4500)}",
}


@requirement("PI-43")
@pytest.mark.parametrize("asked", ["cancel", "read"])
@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_credentials_are_no_server_error(
    api: PayoutIntents, cancelled: Cancelled, kind: str, asked: str
) -> None:
    """Credentials that don't decode, or are far too long, never end in a 5xx."""
    headers = {**api.documented(), "Authorization": MALFORMED[kind]}
    pairs = [(name, value) for name, value in headers.items() if value is not None]
    path = cancel_path(cancelled.intent)

    def ask() -> Reply:
        if asked == "cancel":
            return api.send("POST", path, pairs, BODY, Auth.ALTERED)
        return api.send("GET", path.removesuffix("/cancel"), pairs[:1], None, Auth.ALTERED)

    what = f"a {asked} with credentials like this: {kind.replace('_', ' ')}"
    no_server_error(api.odd(ask, to=what), to=what)
