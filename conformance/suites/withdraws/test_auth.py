"""Who may cancel: only requests signed as documented, over what was sent, with the caller's own secret.

Every negative changes one thing, and has its twin: the documented request still works on the same withdraw.
"""

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles import expect
from conformance.oracles.difference import difference
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.oracles.lines import LONG
from conformance.oracles.odd_requests import was_cut_off
from conformance.plugin import Given
from conformance.suites.withdraws.assertions import succeeded
from conformance.suites.withdraws.bad_requests import (
    BODIES,
    COVERED,
    FAILURES,
    FORGED,
    JSON,
    ODD,
    SIDE_DOORS,
    SPELLINGS,
    STALE,
    STRANGERS,
    WITHOUT,
    hex_of,
    refuses,
)
from conformance.suites.withdraws.client import Withdraws, quoted


@requirement("WD-30")
def test_documented_signature_is_accepted(api: Withdraws, given: Given) -> None:
    """A request signed as documented is accepted, with no body and no content type."""
    reply = api.cancel(given("pending"))

    expect.that(
        succeeded(reply),
        expected="a request signed as documented to be accepted",
        observed=summary.of(reply),
        reply=reply,
        hint="HMAC-SHA256 over `timestamp.` with an empty body; lower-case hex after `sha256=`; milliseconds.",
    )


@requirement("WD-30")
@pytest.mark.parametrize("start", ["0", "00"])
def test_signature_with_leading_zeros_is_accepted(api: Withdraws, given: Given, start: str) -> None:
    """A signature that happens to begin with zeros is as good as any."""
    withdraw = given("pending")
    headers = api.signed()
    # Each try takes the next millisecond, for itself alone: sixteen of them for a zero, 256 for two, as a rule.
    for _ in range(2000):
        if hex_of(headers).startswith(start):
            break
        headers = api.signed()

    reply = api.send(withdraw, headers, auth=Auth.DOCUMENTED, signed=f"{headers['X-Timestamp']}.")

    expect.that(
        succeeded(reply),
        expected=f"a request whose signature begins with {start} to be accepted",
        observed=summary.of(reply),
        reply=reply,
        hint="Compare signatures as text or bytes, never as numbers.",
    )


@requirement("WD-31")
@pytest.mark.parametrize("case", WITHOUT)
def test_missing_header_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """Without one of the three headers, or with it empty, nothing is cancelled."""
    refuses(api, given, WITHOUT[case](api, api.signed()), f"a request with {case.replace('_', ' ')}")


@requirement("WD-31")
def test_unsigned_request_cancels_no_processing_withdraw(api: Withdraws, given: Given) -> None:
    """What is processing, too, is cancelled by nobody but who signs."""
    if not api.declares_cancel_processing:
        raise NotApplicable("the profile doesn't declare that processing withdraws can be cancelled")
    withdraw = given("processing")

    for headers in ({}, api.signed(secret=api.secret() + "x")):
        reply = api.send(withdraw, headers)
        expect.that(
            not reply.ok,
            expected="a request to cancel a processing withdraw not to be accepted without the right signature",
            observed=summary.of(reply),
            reply=reply,
        )

    api.still_cancels(withdraw, after="requests that weren't signed, or wrongly")


@requirement("WD-31")
@pytest.mark.parametrize("door", SIDE_DOORS)
def test_unsigned_request_finds_no_side_door(api: Withdraws, given: Given, door: str) -> None:
    """Spelling the path another way doesn't get an unsigned request past authentication."""
    withdraw = given("pending")

    path = SIDE_DOORS[door].replace("{id}", quoted(withdraw)).replace("{ID}", quoted(withdraw.id.upper()))
    reply = api.to_path(path, {})

    expect.that(
        not reply.ok,
        expected=f"an unsigned request not to be accepted, its path spelt with {door.replace('_', ' ')}",
        observed=summary.of(reply),
        reply=reply,
        hint="Authentication and routing have to agree on what the path is.",
    )
    api.still_cancels(withdraw, after="an unsigned request to another spelling of the path")


@requirement("WD-32")
@pytest.mark.parametrize("case", FORGED)
def test_forged_signature_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A signature that isn't the one over this request is refused."""
    refuses(api, given, FORGED[case](api, api.signed()), f"a signature made so: {case.replace('_', ' ')}")


@requirement("WD-32")
@pytest.mark.parametrize("case", SPELLINGS)
def test_signature_of_another_spelling_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """The signature is over the body's bytes: that of the same JSON, written another way, is another one's."""
    signed, sent = SPELLINGS[case]
    headers = {**api.signed(signed), "Content-Type": "application/json"}

    refuses(api, given, headers, f"a body under the signature of another spelling: {case}", sent)


@requirement("WD-32")
def test_other_merchants_secret_is_refused(api: Withdraws, given: Given) -> None:
    """This merchant's key with another merchant's secret is refused."""
    other = given.credentials("other_merchant")

    refuses(api, given, api.signed(secret=other.secret), "a signature made with another merchant's secret")


@requirement("WD-32")
def test_wrong_signature_stays_wrong(api: Withdraws, given: Given) -> None:
    """A request that was refused for its signature isn't accepted when it is tried again."""
    withdraw = given("pending")

    for time in ("the first", "the second", "the third"):
        reply = api.send(withdraw, api.signed(secret=api.secret() + "x"))
        expect.that(
            not reply.ok,
            expected=f"a wrong signature not to be accepted {time} time",
            observed=summary.of(reply),
            reply=reply,
            hint="Nothing of a failed attempt may be left where the next one finds it.",
        )

    api.still_cancels(withdraw, after="three requests with wrong signatures")


@requirement("WD-32")
@pytest.mark.parametrize("case", ["no_signature", "wrong_signature", "unknown_key", "old_timestamp"])
def test_refusal_tells_no_credential(api: Withdraws, given: Given, case: str) -> None:
    """The answer to failed authentication holds neither the signature that would have done, nor a key or secret."""
    stale = api.signed(timestamp="1000000000000")
    headers = FAILURES[case](api, api.signed()) if case in FAILURES else stale

    reply = api.send(api.unknown_id(), headers)

    kept = {
        "the signature that would have done": hex_of(api.signed(timestamp=headers["X-Timestamp"])),
        "the secret": api.secret(),
        "an API key": str(api.signed()["X-API-Key"]),
    }
    told = [
        name
        for name, text in kept.items()
        if text and all(text not in str(value) for value in headers.values()) and _stands_in(reply, text)
    ]
    expect.that(
        not told,
        expected=f"an answer to {case.replace('_', ' ')} without anything to sign or to be known by",
        observed=f"{' and '.join(told)} in {summary.of(reply)}",
        reply=reply,
        hint="Whoever can read the right signature in a refusal can send it.",
    )


def _stands_in(reply: Reply, text: str) -> bool:
    return any(text in one for one in reply.strings())


@requirement("WD-32")
@pytest.mark.parametrize("changed", ["timestamp", "body"])
def test_signature_of_an_earlier_request_is_refused(api: Withdraws, given: Given, changed: str) -> None:
    """A signature that was good for one request isn't good for one with another timestamp or body."""
    headers = api.signed()
    first = api.send(given("pending"), headers, auth=Auth.DOCUMENTED, signed=f"{headers['X-Timestamp']}.")
    expect.that(
        succeeded(first),
        expected="a documented cancel to succeed, so that the check can begin",
        observed=summary.of(first),
        reply=first,
        control=True,
    )
    if changed == "timestamp":
        headers["X-Timestamp"] = api.timestamp()
    else:
        headers["Content-Type"] = JSON

    refuses(
        api,
        given,
        headers,
        f"the signature of an earlier request over another {changed}",
        b"{}" if changed == "body" else None,
    )


@requirement("WD-33")
@pytest.mark.parametrize("case", STRANGERS)
def test_unknown_key_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A key that isn't this merchant's is refused, whatever it is signed with."""
    refuses(api, given, STRANGERS[case](api, api.signed()), f"a request with an API key like so: {case}")


@requirement("WD-33", level="SHOULD")
def test_key_in_another_case_is_refused(api: Withdraws, given: Given) -> None:
    """An API key is compared letter for letter: in another case it is another key."""
    key = str(api.signed()["X-API-Key"])
    if key.swapcase() == key:
        raise NotApplicable("the API key has no letters")

    refuses(api, given, api.signed(key=key.swapcase()), "an API key in the other letter case")


@requirement("WD-33")
def test_other_merchants_key_is_refused(api: Withdraws, given: Given) -> None:
    """Another merchant's key with this merchant's secret is refused."""
    other = given.credentials("other_merchant")

    refuses(api, given, api.signed(key=other.key), "another merchant's key with this merchant's secret")


@requirement("WD-33")
def test_nobody_passes_for_another_merchant(api: Withdraws, given: Given) -> None:
    """This merchant's secret doesn't open another merchant's withdraws under that merchant's key."""
    other = given.credentials("other_merchant")
    withdraw = given("pending", owner="other_merchant")

    reply = api.send(withdraw, api.signed(key=other.key))

    expect.that(
        not reply.ok,
        expected="a request under another merchant's key, signed with this merchant's secret, not to be accepted",
        observed=summary.of(reply),
        reply=reply,
        hint="Verify with the secret that belongs to the key of the request, and with no other.",
    )
    api.still_cancels(withdraw, after="somebody else signed in its owner's name", by="other_merchant")


@requirement("WD-34")
@pytest.mark.parametrize("case", STALE)
def test_timestamp_that_is_not_now_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A correctly signed request with a timestamp that is no time of today is refused."""
    what = f"a correctly signed timestamp that is {case.replace('_', ' ')}"

    reply = refuses(api, given, STALE[case](api, {}), what)
    assert reply is not None
    no_server_error(reply, to=what)


@requirement("WD-34")
@pytest.mark.parametrize("case", ["missing", "empty"])
def test_absent_timestamp_signed_as_such_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A request without a timestamp is refused, though signed over just that."""
    headers = {**api.signed(timestamp=""), "X-Timestamp": None if case == "missing" else ""}

    refuses(api, given, headers, f"a request whose timestamp is {case}, signed as such")


@requirement("WD-35")
@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case}-{JSON}") for case in COVERED])
def test_body_under_an_empty_bodys_signature_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A JSON body that the signature doesn't cover is refused."""
    headers = {**api.signed(b""), "Content-Type": JSON}

    refuses(api, given, headers, f"a body of type {JSON} under the signature of an empty one", BODIES[case])


@requirement("WD-36")
@pytest.mark.parametrize("case", FAILURES)
def test_failed_authentication_is_a_401(api: Withdraws, given: Given, case: str) -> None:
    """Failing authentication is answered by 401 (RFC 9110 section 15.5.2), or by 403."""
    reply = api.send(given.lasting("pending"), FAILURES[case](api, api.signed()))

    _is_turned_away(reply, f"a request with {case.replace('_', ' ')}")


@requirement("WD-36")
def test_old_timestamp_is_a_401(api: Withdraws) -> None:
    """A timestamp that is too old is a failure of authentication as any other."""
    reply = api.send(api.unknown_id(), api.signed(timestamp="1000000000000"))

    if _is_as_if_known(api, reply):
        raise NotApplicable("an old timestamp is accepted, which is another requirement's affair")
    _is_turned_away(reply, "a request with an old timestamp")


def _is_as_if_known(api: Withdraws, reply: Reply) -> bool:
    """Whether a request for an unknown id is answered as a documented one is: then it was let in."""
    let_in = api.cancel(api.unknown_id())
    return (reply.status, reply.at("error.code")) == (let_in.status, let_in.at("error.code"))


def _is_turned_away(reply: Reply, what: str) -> None:
    if succeeded(reply):
        raise NotApplicable("it was accepted, which is another requirement's affair")
    expect.that(
        reply.status in (401, 403),
        expected=f"401 or 403 for {what}",
        observed=summary.of(reply),
        reply=reply,
        hint="Callers and monitoring tell failing credentials by these; 400, 404 and 500 send them elsewhere.",
    )


@requirement("WD-37")
@pytest.mark.parametrize("status", ["pending", "paid", "canceled"])
@pytest.mark.parametrize("case", FAILURES)
def test_failed_authentication_tells_nothing(api: Withdraws, given: Given, case: str, status: str) -> None:
    """Failing authentication is answered alike for a withdraw that exists and one that doesn't."""
    withdraw, unknown = given.lasting(status), (api.unknown_id(), api.unknown_id())

    known = api.send(withdraw, FAILURES[case](api, api.signed()))
    nobodys = [api.send(one, FAILURES[case](api, api.signed())) for one in unknown]

    found = difference(known, nobodys, (withdraw.id, *unknown))
    expect.that(
        found is None,
        expected=f"the answer for a {status} withdraw to be that for an unknown one: {summary.of(nobodys[0])}",
        observed=f"{found} ({summary.of(known)})",
        reply=known,
        hint="Authenticate before looking anything up.",
    )


@requirement("WD-38")
@pytest.mark.parametrize("spelling", ["lower", "upper", "swapcase"])
def test_header_names_have_no_case(api: Withdraws, given: Given, spelling: str) -> None:
    """The three headers work in any case (RFC 9110 section 5.1)."""
    headers = {getattr(name, spelling)(): value for name, value in api.signed().items()}

    reply = api.send(given("pending"), headers, auth=Auth.DOCUMENTED)

    expect.that(
        succeeded(reply),
        expected=f"a documented cancel with header names in {spelling} case to be accepted",
        observed=summary.of(reply),
        reply=reply,
    )


@requirement("WD-39")
@pytest.mark.parametrize("case", ODD)
def test_odd_credentials_are_no_server_error(api: Withdraws, case: str) -> None:
    """Malformed credentials get a 4xx, never a 5xx."""
    what = case.replace("_", " ")
    try:
        reply = api.odd(lambda: api.send(api.unknown_id(), {**api.signed(), **ODD[case]}), to=what)
    except expect.Violation as fault:
        if max(map(len, ODD[case].values())) > LONG and was_cut_off(fault):
            return
        raise

    no_server_error(reply, to=what)
