"""Callers who may cancel and read: only those with the right pair of key and secret, sent by Basic.

Every request that has to be refused differs in one thing from one that has to work, on the same intent.
"""

from collections.abc import Callable
from functools import partial

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.auth import basic
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.difference import difference
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import Violation, requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.advice import hint_for
from conformance.suites.payout_intents.assertions import (
    accepted,
    holds,
    not_accepted,
    read_not_cancelled,
    unauthorized,
)
from conformance.suites.payout_intents.bad_requests import (
    BODY,
    FAILURES,
    FORGERIES,
    LENIENCIES,
    any_secret_will_do,
    base64_of,
    forged,
    forgeries,
    unauthenticated,
)
from conformance.suites.payout_intents.client import Ask, PayoutIntents, body_of, cancel_path, read_path
from conformance.suites.payout_intents.kept_decisions import or_by_what_was_read
from conformance.suites.payout_intents.kept_keys import KeptKeys
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.together import Together

OTHERS = ("other_merchant", "other_environment")
EITHER = pytest.mark.parametrize("asked", [Ask.CANCEL, Ask.READ], ids=Ask.what)
_NOTHING = "Nothing was sent to authenticate with: is every path behind authentication?"
_READ_ALONE = (
    "The cancel was refused: are reads behind authentication, or is a decision about their owner kept?"
)


@requirement("PI-39")
def test_documented_credentials_cancel(api: PayoutIntents, evidence: Evidence) -> None:
    """A cancel with key and secret, joined by a colon, in Base64, behind Basic, is accepted."""
    one = evidence.cancel()
    bare = api.post(one.intent, BODY, change={"Authorization": None})

    _not_turned_away(one.reply, bare, "a cancel with the documented credentials")


@requirement("PI-39")
def test_documented_credentials_read(api: PayoutIntents, evidence: Evidence) -> None:
    """A read with the same credentials is accepted."""
    one = evidence.cancel()
    bare = api.read(one.intent, authorization=None)

    _not_turned_away(one.before, bare, "a read with the documented credentials")


def _not_turned_away(reply: Reply, bare: Reply, what: str) -> None:
    """The answer isn't that to a request without credentials; any other refusal is judged where its cause is."""
    as_bare = reply.status == bare.status and equality.same_but_nulls(
        reply.at("error.code"), bare.at("error.code")
    )
    holds(
        reply,
        reply.ok or (reply.status not in (401, 403) and (reply.status >= 500 or not as_bare)),
        f"{what} to be accepted",
        fault=f"{wording.capital(what)} was answered {summary.short(reply)}"
        + (", as one without any" if as_bare else ""),
        hint=hints.by_answer(reply, "It is answered as a request without credentials is: how are they read?"),
    )


@requirement("PI-39", level="SHOULD")
@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION"])
def test_header_name_has_no_letter_case(api: PayoutIntents, evidence: Evidence, name: str) -> None:
    """The header is recognised however its name is capitalised (RFC 9110 section 5.1)."""
    intent = evidence.cancel().intent

    reply = api.send("GET", read_path(intent), [(name, api.authorization())])

    accepted(
        reply,
        f"a read with a header named {name} in place of Authorization",
        hint="Names of headers have no letter case (RFC 9110 section 5.1).",
    )


@requirement("PI-40")
@pytest.mark.parametrize("kind", FORGERIES)
def test_wrong_credentials_are_rejected(api: PayoutIntents, given: Given, kind: str) -> None:
    """Wrong credentials neither cancel nor read, and the right ones still cancel afterwards."""
    intent = given.shared("requires_approval")

    for number, (what, value) in enumerate(forgeries(api, FORGERIES[kind])):
        try:
            _cancel_is_refused(api, intent, value, what, hint=_NOTHING if kind == "absent" else "")
            if number == 0:
                _read_is_refused(api, intent, value, what, hint=_READ_ALONE if kind == "absent" else "")
        except Violation as fault:
            raise or_by_what_was_read(api, given, value, fault) from None

    api.still_cancels(intent, after="requests with wrong credentials")


@requirement("PI-40")
@pytest.mark.parametrize("who", OTHERS)
def test_pair_of_two_halves_is_rejected(api: PayoutIntents, given: Given, who: str) -> None:
    """A public key with another account's secret key neither cancels nor reads."""
    theirs, own = given.credentials(who), api.credentials()
    intent = given.shared("requires_approval")
    whose = "another merchant's" if who == "other_merchant" else "the other environment's"
    halves = {
        f"with this key and {whose} secret": (own.key, theirs.secret),
        f"with this secret and {whose} key": (theirs.key, own.secret),
    }

    for what, pair in halves.items():
        if pair not in api.known_pairs():
            _read_is_refused(api, intent, basic(*pair), what)
            if not api.reads_only(who):
                _cancel_is_refused(api, intent, basic(*pair), what)

    api.still_cancels(intent, after="requests with half of somebody else's credentials")


@requirement("PI-40")
@pytest.mark.parametrize("kind", ["absent", "wrong_secret", "empty_secret"])
def test_nobody_profits_from_its_owners_requests(
    api: PayoutIntents, given: Given, kept: KeptKeys, kind: str
) -> None:
    """An owner's read or cancel opens an intent to no wrong credentials: right after it they have no effect."""
    what, forgery = next(iter(FORGERIES[kind].items()))
    intent, value = given.shared("requires_approval"), forged(api, forgery)

    api.seen(intent)
    _read_is_refused(api, intent, value, f"{what}, right after its owner's,")
    _cancel_is_refused(api, intent, value, f"{what}, right after its owner's read,")
    api.still_cancels(intent, after="requests with wrong credentials")
    done = kept.just_now()
    _cancel_is_refused(api, done.intent, value, f"{what}, right after its owner's,")
    api.confirmed(done.intent)
    _read_is_refused(api, done.intent, value, f"{what}, right after its owner's,")


@requirement("PI-41")
@pytest.mark.parametrize("kind", LENIENCIES)
def test_nearly_right_credentials_are_rejected(api: PayoutIntents, given: Given, kind: str) -> None:
    """Credentials that differ from the right ones in case, white space or scheme are refused."""
    intent = given.shared("requires_approval")

    for what, value in forgeries(api, LENIENCIES[kind]):
        reply = api.answered(
            partial(api.post, intent, BODY, change={"Authorization": value}), to=f"a cancel {what}"
        )
        if reply is not None and reply.ok and any_secret_will_do(api, intent):
            raise NotApplicable("any secret is accepted, which PI-40 judges")
        if reply is not None:
            not_accepted(reply, f"a cancel {what}", hint=_NEARLY[kind], wanted="401")

    api.still_cancels(intent, after="requests with nearly right credentials")


_NEARLY = {
    "another_scheme": "Compare the name of the scheme: only Basic is documented.",
    "more_behind_a_colon": "Split the pair at its first colon: all that follows is the secret.",
    "key_in_other_letter_case": "Compare the key as it is, with its letter case.",
    "white_space_around_the_secret": "Compare the secret as it comes, without trimming it.",
    "NUL_and_more_behind_the_secret": "Some functions end a text at a NUL: refuse credentials that hold one.",
}


def _cancel_is_refused(
    api: PayoutIntents, intent: Resource, value: str | None, what: str, hint: str = ""
) -> None:
    ask = partial(api.post, intent, BODY, change={"Authorization": value})
    reply = api.answered(ask, to=f"a cancel {what}")
    if reply is not None:
        seen = partial(api.seen, intent)
        not_accepted(reply, f"a cancel {what}", hint=hint or hint_for(what), wanted="401", read=seen)


def _read_is_refused(
    api: PayoutIntents, intent: Resource, value: str | None, what: str, hint: str = ""
) -> None:
    reply = api.answered(partial(api.read, intent, authorization=value), to=f"a read {what}")
    if reply is not None:
        not_accepted(reply, f"a read {what}", hint=hint or hint_for(what), wanted="401")


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
    """A request without credentials cancels nothing, however its path is spelt and wherever it claims to be from."""
    intent = given.shared("requires_approval")
    path, plain = cancel_path(intent), [("Content-Type", "application/json")]

    asked = {f"at the path {how}": (detour(path), plain) for how, detour in DETOURS.items()}
    asked["from 127.0.0.1, as its headers say,"] = path, [*plain, *NEIGHBOUR]
    came = {
        what: api.answered(
            partial(api.send, "POST", target, headers, BODY, Auth.NONE, of=intent), to=f"a cancel {what}"
        )
        for what, (target, headers) in asked.items()
    }
    replies = {what: reply for what, reply in came.items() if reply is not None}

    took = [how for how, reply in replies.items() if reply.ok]
    read_not_cancelled(
        api.seen(intent),
        "an intent not to be cancelled by requests without credentials, however their path is spelt",
        accepted=f"{'; '.join(f'{one.status} to a cancel {how}' for how, one in replies.items() if one.ok) or _NONE}",
        fault=f"A request without credentials {' and '.join(took)} cancelled an intent"
        if took
        else "Requests without credentials cancelled an intent, though each of them was refused",
        reply=next((reply for reply in replies.values() if reply.ok), None),
        hint="Guard handlers, not patterns of paths: a router may take more spellings for one path than a rule does.",
    )
    api.still_cancels(intent, after="requests without credentials by other spellings of the path")


_NONE = "each of the requests was refused"


STOLEN = ("absent", "wrong_secret", "empty_secret", "unknown_key", "other_scheme")


@requirement("PI-40")
def test_stored_answer_needs_credentials(api: PayoutIntents, kept: KeptKeys) -> None:
    """An answer that is stored under a key isn't repeated to a caller that can't authenticate."""
    one = kept.shared()
    intent, reason, key = one.intent, one.reason, one.key

    for kind in STOLEN:
        what, forgery = next(iter(FORGERIES[kind].items()))
        reply = api.post(intent, body_of(reason), key=key, change={"Authorization": forged(api, forgery)})
        not_accepted(
            reply,
            f"a repeated cancel, key and all, {what}",
            secret=reason,
            hint="Authenticate before the key is looked up.",
            wanted="401",
        )


def _named(value: Ask | str) -> str:
    return value.what() if isinstance(value, Ask) else value


@requirement("PI-41")
@pytest.mark.parametrize(
    ("asked", "kind"),
    [*((Ask.CANCEL, kind) for kind in FAILURES), (Ask.READ, "absent"), (Ask.READ, "wrong_secret")],
    ids=_named,
)
def test_failed_authentication_is_a_401(
    api: PayoutIntents, evidence: Evidence, asked: Ask, kind: str
) -> None:
    """Failing authentication is answered by 401, which tells a client that it is about its credentials."""
    reply = unauthenticated(api, evidence.cancelled().intent, kind, asked)

    unauthorized(reply, f"a {asked.what()} {FAILURES[kind]}")


@requirement("PI-41")
@EITHER
def test_401_has_a_basic_challenge(api: PayoutIntents, evidence: Evidence, asked: Ask) -> None:
    """A 401 has WWW-Authenticate with the scheme Basic, whatever the credentials were."""
    intent = evidence.cancelled().intent
    replies = {kind: unauthenticated(api, intent, kind, asked) for kind in ("absent", "wrong_secret")}
    if all(reply.status != 401 for reply in replies.values()):
        raise NotApplicable("there is no 401, which the other checks of PI-41 judge")
    for kind, reply in replies.items():
        challenge = reply.header("WWW-Authenticate")
        words = [word.lower() for word in (challenge or "").replace(",", " ").split()]
        expect.that(
            reply.status != 401 or "basic" in words,
            expected=f"WWW-Authenticate: Basic with the 401 to a {asked.what()} {FAILURES[kind]}",
            observed=f"WWW-Authenticate is {challenge or 'absent'} (the answer was {summary.of(reply)})",
            reply=reply,
            hint='RFC 9110 section 15.5.2: WWW-Authenticate: Basic realm="...".',
            fault=f"The 401 to a {asked.what()} {FAILURES[kind]} "
            + ("had no WWW-Authenticate" if challenge is None else f"had WWW-Authenticate: {challenge}"),
        )


@requirement("PI-41")
@pytest.mark.parametrize(
    ("asked", "kind"),
    [(Ask.CANCEL, "absent"), (Ask.CANCEL, "wrong_secret"), (Ask.READ, "wrong_secret")],
    ids=_named,
)
def test_failed_authentication_tells_nothing(
    api: PayoutIntents, evidence: Evidence, asked: Ask, kind: str
) -> None:
    """Failing authentication is answered alike for an intent that exists and one that doesn't."""
    intent, unknown = evidence.cancelled().intent, evidence.ask_about_unknown_ids().ids

    known = unauthenticated(api, intent, kind, asked)
    nobodys = [unauthenticated(api, one, kind, asked) for one in unknown]

    found = difference(known, nobodys, (intent.id, *unknown))
    expect.that(
        found is None,
        expected=f"the answer for an unknown id: {summary.of(nobodys[0])}",
        observed=f"for an intent that exists, {found} ({summary.of(known)})",
        reply=known,
        hint="Authenticate before anything is looked up.",
        fault=f"A {asked.what()} {FAILURES[kind]} was answered otherwise for an intent that exists than for an "
        "unknown id",
    )


@requirement("PI-42")
@pytest.mark.parametrize("scheme", ["basic", "BASIC"])
@pytest.mark.cancels
def test_scheme_has_no_letter_case(
    api: PayoutIntents, given: Given, evidence: Evidence, together: Together, scheme: str
) -> None:
    """The name of the scheme is recognised however it is capitalised (RFC 9110 section 11.1)."""
    evidence.cancelled()
    worked, pair = together.worked(scheme), api.credentials()
    intent = worked.intent if worked else given.used("requires_approval")
    value = f"{scheme} {base64_of(f'{pair.key}:{pair.secret}')}"
    api.seen(intent)

    hint = "Compare the name of the scheme without regard to case (RFC 9110 section 11.1)."
    accepted(api.read(intent, authorization=value), f"a read with the scheme {scheme}", hint=hint)
    if not worked:
        reply = api.post(intent, BODY, change={"Authorization": value})
        accepted(reply, f"a cancel with the scheme {scheme}", hint=hint)


MALFORMED = {
    "scheme_alone": "Basic",
    "not_Base64": "Basic ***",
    "damaged_Base64": "Basic QWxhZGRpbjpvcGVu=c2VzYW1l",
    "Base64_of_no_text": "Basic //79Ov/+",
    "Base64_of_a_NUL": f"Basic {base64_of(chr(0) + ':' + chr(0))}",
    "no_colon": f"Basic {base64_of('nobody')}",
    "emoji": f"Basic {base64_of('💸:💸')}",
    "6_kB": f"Basic {base64_of('nobody:' + 'x' * 4500)}",
}


@requirement("PI-43")
@EITHER
@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_credentials_are_no_server_error(
    api: PayoutIntents, evidence: Evidence, kind: str, asked: Ask
) -> None:
    """Credentials that don't decode, or are far too long, never end in a 5xx."""
    intent, value = evidence.cancelled().intent, MALFORMED[kind]
    headers = api.headers(change={"Authorization": value})

    def ask() -> Reply:
        if asked is Ask.READ:
            return api.read(intent, authorization=value)
        return api.send("POST", cancel_path(intent), headers, BODY, Auth.ALTERED)

    what = f"a {asked.what()} with malformed credentials ({kind.replace('_', ' ')})"
    no_server_error(api.odd(ask, to=what), to=what)
