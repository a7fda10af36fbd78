"""Input that any client can send and some targets trust: headers of proxies, other spellings, an id beside the path."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, single_cause, wording
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws import named_beside
from conformance.suites.withdraws.assertions import VERIFY_HINT, not_cancelled, succeeded
from conformance.suites.withdraws.attempts import had_no_effect
from conformance.suites.withdraws.bad_requests import DAY_MS, HALVES, JSON, KEY_SPELLINGS, TRUSTED, Headers
from conformance.suites.withdraws.client import Withdraws
from conformance.suites.withdraws.titles import AS_IT_IS, FRESH

_EVERYBODY = "Every client can send this header: verify the signature of every request."
_PATH_ALONE = "Take the id from the path alone, and look the withdraw up among those of the caller."
# So many further cases are named in a title.
_NAMED = 3
_PLACES = ["body", "query", "headers"]
# Names that a framework may bind to the merchant whose withdraws are looked up.
_MERCHANT = (
    "merchantId",
    "merchant_id",
    "merchant",
    "accountId",
    "account_id",
    "tenantId",
    "apiKey",
    "api_key",
)
_MERCHANT_HEADERS = (
    "X-Merchant-Id",
    "X-Merchant",
    "X-Account-Id",
    "X-Tenant-Id",
    "X-Owner-Id",
    "X-On-Behalf-Of",
    "X-Consumer-Username",
)
_SIGNATURES = {
    "the word undefined": "undefined",
    "the word null": "null",
    "sha256= and the word undefined": "sha256=undefined",
    "sha256= and the word null": "sha256=null",
    "sha1= and 40 digits": "sha1=" + "0" * 40,
    "md5= and 32 digits": "md5=" + "0" * 32,
    "sha512= and 128 digits": "sha512=" + "0" * 128,
    "an asterisk": "*",
}


def _let_in(
    api: Withdraws,
    given: Given,
    cases: Iterable[str],
    send: Callable[[Resource, str], Reply],
    name: Callable[[str], str],
    hint: str,
) -> None:
    """Sends each case to a withdraw; a failure names all that were accepted, not only the first.

    One withdraw serves for all that are refused, and is cancelled by its owner in the end.
    """
    withdraw, title = given.shared("pending"), ""
    taken, also, first, answers = [], [], None, []
    for case in cases:
        reply = send(withdraw, case)
        if reply.ok:
            taken.append(name(case).rstrip(","))
            also.append(case)
            first, title = (reply, name(case)) if first is None else (first, title)
            withdraw = given.shared("pending")
        else:
            answers.append(reply)
    if first is not None:
        raise expect.Violation(
            expected="none of these requests to be accepted",
            observed=f"accepted: {'; '.join(taken)} (the first answer was {summary.of(first)}); "
            f"{len(answers)} others were refused",
            reply=first,
            hint=hint,
            fault=f"{wording.capital(title)} was accepted ({first.status}){_and_so(also[1:])}",
        )
    for_all = f"{len(answers)} requests such as {name(next(iter(cases)))}"
    api.still_cancels(withdraw, after=for_all, earlier=answers[-1])


def _and_so(others: Sequence[str]) -> str:
    """The end of a title: what else was accepted, by the names of the cases."""
    if not others:
        return ""
    named = ", ".join(others[:_NAMED]) + (", ..." if others[_NAMED:] else "")
    return f", and so was {named}" if len(others) == 1 else f", and so were {len(others)} others: {named}"


@requirement("WD-31")
@pytest.mark.parametrize("key", ["with_the_key", "without_a_key"])
def test_trusted_headers_replace_no_signature(api: Withdraws, given: Given, key: str) -> None:
    """A header that something in front of the target may set doesn't stand in for a signature."""
    own = str(api.signed()["X-API-Key"])
    base: Headers = {"X-API-Key": own} if key == "with_the_key" else {}

    def send(withdraw: Resource, name: str) -> Reply:
        return api.send(withdraw, {**base, name: TRUSTED[name].replace("{key}", own)})

    def named(name: str) -> str:
        shown = TRUSTED[name].replace("{key}", "the API key")
        return f"an unsigned cancel with {name}: {shown}"

    _let_in(api, given, TRUSTED, send, named, _EVERYBODY)


@requirement("WD-32")
def test_word_is_no_signature(api: Withdraws, given: Given) -> None:
    """A word, a sign or the name of another algorithm doesn't stand in for a signature."""
    _let_in(
        api,
        given,
        _SIGNATURES,
        lambda withdraw, case: api.send(withdraw, {**api.signed(), "X-Signature": _SIGNATURES[case]}),
        lambda case: f"a cancel with {case} for its signature",
        VERIFY_HINT,
    )


@requirement("WD-33", level="SHOULD")
def test_key_spelt_otherwise_is_refused(api: Withdraws, given: Given) -> None:
    """An API key is compared byte for byte: with a blank in it, quotes around it or more behind it, it is another."""
    own = str(api.signed()["X-API-Key"])

    _let_in(
        api,
        given,
        KEY_SPELLINGS,
        lambda withdraw, case: api.send(withdraw, api.signed(key=KEY_SPELLINGS[case](own))),
        lambda case: f"a cancel with the API key {case}",
        AS_IT_IS,
    )


@requirement("WD-34")
def test_half_a_number_is_no_timestamp(api: Withdraws, given: Given) -> None:
    """A correctly signed timestamp that only begins or ends with a number, or is none, is refused."""
    _let_in(
        api,
        given,
        HALVES,
        lambda withdraw, case: api.send(withdraw, api.signed(timestamp=HALVES[case](int(api.timestamp())))),
        lambda case: f"a cancel with {case} for its timestamp, correctly signed,",
        FRESH,
    )


@requirement("WD-34")
@pytest.mark.parametrize("first", ["signed_one_first", "fresh_one_first"])
def test_second_timestamp_makes_no_old_one_fresh(api: Withdraws, given: Given, first: str) -> None:
    """A correctly signed timestamp of yesterday isn't accepted with a second one of now beside it."""
    withdraw, now = given.shared("pending"), api.timestamp()
    old = str(int(api.timestamp()) - DAY_MS)
    one, two = (old, now) if first == "signed_one_first" else (now, old)

    reply = api.send(
        withdraw, {**api.signed(timestamp=old), "X-Timestamp": one}, also=(("X-Timestamp", two),)
    )

    order = "before" if first == "signed_one_first" else "behind"
    what = f"a cancel with yesterday's timestamp, correctly signed, {order} one of now"
    hint = "Refuse a header that is there twice, or verify and compare one and the same value."
    had_no_effect(api, withdraw, reply, what, hint=hint)


@requirement("WD-12")
@pytest.mark.parametrize("first", ["own_key_first", "other_key_first"])
def test_two_keys_in_one_header_open_nothing(api: Withdraws, given: Given, first: str) -> None:
    """A header with two API keys and a comma between them is let in as the own merchant's, or not at all."""
    withdraw = given.shared("pending", owner="other_merchant")
    own, other = str(api.signed()["X-API-Key"]), given.credentials("other_merchant").key
    key = f"{own}, {other}" if first == "own_key_first" else f"{other}, {own}"

    reply = api.send(withdraw, api.signed(key=key))

    order = "the caller's own first" if first == "own_key_first" else "the other merchant's first"
    what = f"a cancel of another merchant's withdraw with two keys in X-API-Key, {order},"
    hint = "Whose withdraw it is has to be decided with the very key whose secret was verified."
    not_cancelled(
        reply, what, withdraw=f"another merchant's withdraw, with two keys in X-API-Key ({order}),", hint=hint
    )
    api.still_cancels(withdraw, after=what, by="other_merchant", earlier=reply)


@requirement("WD-12")
@pytest.mark.parametrize("place", _PLACES)
def test_other_merchants_id_beside_the_path_cancels_nothing(api: Withdraws, given: Given, place: str) -> None:
    """The id of another merchant's withdraw in body, query or headers doesn't cancel it: that of the path counts."""
    after = f"a cancel of one's own with another merchant's id in its {place}"
    named = named_beside.takes_no_effect(api, given, owner="other_merchant")
    if named is not None:
        if given.again(named):
            api.still_cancels(named, after=after, by="other_merchant")
        return
    theirs = given.shared("pending", owner="other_merchant")
    withdraw = given.used("pending")

    reply, where = _with_ids(api, withdraw, theirs, place), place
    if _is_about(reply, theirs) and (alone := _alone(api, given, place, owner="other_merchant")) is not None:
        where, theirs, reply = alone

    whose = f"another merchant's withdraw, named in the {where} of a cancel of one's own,"
    expect.that(
        not _is_about(reply, theirs),
        expected=f"a cancel with another id in its {where} to be about the withdraw of its path",
        observed=expect.observed(reply, "data.id", "data.status"),
        reply=reply,
        hint=_PATH_ALONE,
        fault=f"{wording.capital(whose)} was cancelled ({reply.status})",
    )
    api.still_cancels(theirs, after=after, by="other_merchant", earlier=reply)


@requirement("WD-12")
@pytest.mark.parametrize("place", _PLACES)
def test_merchant_named_beside_the_key_opens_nothing(api: Withdraws, given: Given, place: str) -> None:
    """Another merchant's withdraw isn't cancelled where body, query or headers name that merchant: the key does."""
    theirs = given.shared("pending", owner="other_merchant")
    names, where = _MERCHANT_HEADERS if place == "headers" else _MERCHANT, place

    def naming(names: Sequence[str]) -> Reply | None:
        reply = _with_merchant(api, given, given("pending", owner="other_merchant"), place, names)
        return reply if succeeded(reply) else None

    reply = _with_merchant(api, given, theirs, place, names)
    if succeeded(reply) and (alone := single_cause.single(names, naming)) is not None:
        where, reply = named_beside.place_of(place, alone[0]), alone[1]

    what = f"a cancel of another merchant's withdraw that names this merchant in its {where}"
    hint = "The key whose secret was verified names the merchant, and nothing else does."
    not_cancelled(
        reply, what, withdraw=f"another merchant's withdraw, named in the {where} with it,", hint=hint
    )
    api.still_cancels(theirs, after=what, by="other_merchant", earlier=reply)


@requirement("WD-15")
@pytest.mark.parametrize("place", _PLACES)
def test_own_id_beside_the_path_cancels_nothing(api: Withdraws, given: Given, place: str) -> None:
    """The id of another withdraw of one's own in body, query or headers isn't taken for that of the path."""
    after = f"a cancel of another one with its id in the {place}"
    named = named_beside.takes_no_effect(api, given)
    if named is not None:
        if given.again(named):
            api.still_cancels(named, after=after)
        return
    other, withdraw = given.shared("pending"), given.used("pending")

    reply, where = _with_ids(api, withdraw, other, place), place
    if _is_about(reply, other) and (alone := _alone(api, given, place)) is not None:
        where, other, reply = alone

    expect.that(
        not _is_about(reply, other),
        expected=f"a cancel with another id in its {where} to be about the withdraw of its path",
        observed=expect.observed(reply, "data.id", "data.status"),
        reply=reply,
        hint=_PATH_ALONE,
        fault=f"A withdraw that only the {where} of a cancel named was cancelled ({reply.status})",
    )
    api.still_cancels(other, after=after, earlier=reply)


def _is_about(reply: Reply, other: Resource) -> bool:
    """Whether a cancel of one withdraw has cancelled another one, as its answer says."""
    return succeeded(reply) and reply.at("data.id") == other.id


def _alone(api: Withdraws, given: Given, place: str, **whose: str) -> tuple[str, Resource, Reply] | None:
    """Returns where a single name is enough to cancel another withdraw, that withdraw, and the answer to it."""
    tried: dict[str, Resource] = {}

    def wrong(names: Sequence[str]) -> Reply | None:
        other, withdraw = given.used("pending", **whose), given.used("pending")
        tried[names[0]] = other
        reply = _with_ids(api, withdraw, other, place, names)
        return reply if _is_about(reply, other) else None

    found = single_cause.single(named_beside.NAMES[place], wrong)
    return None if found is None else (named_beside.place_of(place, found[0]), tried[found[0]], found[1])


def _with_ids(
    api: Withdraws, withdraw: Resource, other: Resource, place: str, names: Sequence[str] | None = None
) -> Reply:
    """A documented cancel of `withdraw` that names `other` in query or headers, or in a body that is signed with it."""
    names = named_beside.NAMES[place] if names is None else names
    if place == "query":
        return api.with_method("POST", withdraw, query=named_beside.in_the_query(other, names))
    if place == "headers":
        return api.with_method("POST", withdraw, named_beside.in_headers(other, names))
    reply = named_beside.in_the_body(api, withdraw, other, names=names)
    if reply is None:
        raise NotApplicable("a body is never answered here, which is another requirement's affair")
    return reply


def _with_merchant(api: Withdraws, given: Given, theirs: Resource, place: str, names: Sequence[str]) -> Reply:
    """A cancel of another merchant's withdraw that names this merchant in body, query or headers."""
    named = dict.fromkeys(names, given.credentials("other_merchant").key)
    if place == "headers":
        return api.with_method("POST", theirs, named)
    if place == "query":
        return api.with_method("POST", theirs, query=f"?{urlencode(named)}")
    return _signed_body(api, theirs, named)


def _signed_body(api: Withdraws, withdraw: Resource, fields: dict[str, Any]) -> Reply:
    body = json.dumps(fields).encode()
    reply = api.send_body(withdraw, {**api.signed(body), "Content-Type": JSON}, body, documented=True)
    if reply is None:
        raise NotApplicable("a body is never answered here, which is another requirement's affair")
    return reply
