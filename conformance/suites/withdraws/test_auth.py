"""Authentication: only requests signed as documented, over the bytes sent, with the caller's own secret, may cancel.

Each refused request changes one thing of a documented one, which still works on the same withdraw afterwards.
"""

import pytest

from conformance.errors import NotApplicable
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, hints, wording
from conformance.oracles.difference import difference
from conformance.oracles.every_response import no_server_error
from conformance.oracles.expect import requirement
from conformance.oracles.lines import LONG
from conformance.oracles.odd_requests import was_cut_off
from conformance.plugin import Given
from conformance.suites.withdraws.assertions import VERIFY_HINT, accepted, not_accepted, succeeded
from conformance.suites.withdraws.attempts import had_no_effect
from conformance.suites.withdraws.bad_requests import (
    BODIES,
    COVERED,
    FAILURES,
    FORGED,
    FORGED_CASES,
    FORGED_HINTS,
    ITS_OWN,
    JSON,
    ODD,
    OLD_TIMESTAMP,
    PATHS,
    SPELLINGS,
    STALE,
    STRANGERS,
    WITHOUT,
    hex_of,
)
from conformance.suites.withdraws.client import Withdraws, quoted
from conformance.suites.withdraws.crashes import no_crash
from conformance.suites.withdraws.good_cancels import GoodCancels
from conformance.suites.withdraws.observations import Refusals
from conformance.suites.withdraws.spellings import Spellings
from conformance.suites.withdraws.titles import (
    ANY_CASE,
    AS_BYTES,
    AS_IT_IS,
    BODY_NAMES,
    COVER,
    FRESH,
    ITS_SECRET,
    KNOWN_KEYS,
    ODD_NAMES,
    ONE_PATH,
    REQUIRE,
    SENT_ELSEWHERE,
    SPELT,
    cancel_with,
)


@requirement("WD-30")
def test_documented_signature_is_accepted(first_cancel: Reply) -> None:
    """A request signed as documented is accepted, with no body and no content type."""
    accepted(
        first_cancel,
        "a cancel signed as documented",
        hint="HMAC-SHA256 over `timestamp.` with an empty body; lower-case hex after `sha256=`; milliseconds.",
    )


@requirement("WD-30")
@pytest.mark.parametrize("start", ["0", "00"])
@pytest.mark.cancels
def test_signature_with_leading_zeros_is_accepted(api: Withdraws, spellings: Spellings, start: str) -> None:
    """A signature that happens to begin with zeros is as good as any."""
    reply = spellings.beginning(start)

    accepted(
        reply,
        f"a documented cancel whose signature begins with {start}",
        hint="Compare signatures as text or bytes, never as numbers."
        if any(one.documented and succeeded(one.reply) for one in api.asked)
        else "",
    )


@requirement("WD-31")
@pytest.mark.parametrize("case", WITHOUT)
def test_missing_header_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """Without one of the three headers, or with it empty, nothing is cancelled."""
    withdraw, what = given.shared("pending"), cancel_with(case)

    reply = api.send(withdraw, WITHOUT[case](api, api.signed()))

    had_no_effect(api, withdraw, reply, what, hint=REQUIRE)


@requirement("WD-31")
def test_unsigned_request_cancels_no_processing_withdraw(api: Withdraws, given: Given) -> None:
    """A processing withdraw, too, isn't cancelled without the right signature."""
    if not api.declares_cancel_processing:
        raise NotApplicable("the profile doesn't declare that processing withdraws can be cancelled")
    withdraw = given("processing")

    unsigned = api.send(withdraw, {})
    forged = api.send(withdraw, api.signed(secret=api.secret() + "x"))

    not_accepted(unsigned, "an unsigned cancel of a processing withdraw")
    not_accepted(forged, "a cancel of a processing withdraw signed with another secret")
    api.still_cancels(withdraw, after="two cancels that weren't signed, or with another secret")


@requirement("WD-31")
@pytest.mark.parametrize("door", PATHS)
def test_unsigned_request_finds_no_side_door(api: Withdraws, given: Given, door: str) -> None:
    """Spelling the path another way doesn't get an unsigned request past authentication."""
    withdraw = given.shared("pending")
    path = PATHS[door].replace("{id}", quoted(withdraw)).replace("{ID}", quoted(withdraw.id.upper()))

    reply = api.to_path(path, {})

    had_no_effect(api, withdraw, reply, f"an unsigned cancel at {PATHS[door]}", hint=ONE_PATH)


@requirement("WD-32")
@pytest.mark.parametrize("case", FORGED_CASES)
def test_forged_signature_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A signature that is made with nobody's secret, cut, prolonged or altered is refused."""
    withdraw = given.shared("pending")

    reply = api.send(withdraw, FORGED[case](api, api.signed()))

    had_no_effect(api, withdraw, reply, cancel_with(case), hint=FORGED_HINTS.get(case, VERIFY_HINT))


@requirement("WD-32")
@pytest.mark.parametrize("case", SPELLINGS)
def test_signature_of_another_spelling_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A signature over the same JSON in another spelling is refused: it covers the bytes of the body."""
    withdraw, what = given.shared("pending"), f"a cancel whose body had {SPELT[case]} after it was signed"
    signed, sent = SPELLINGS[case]

    reply = api.send_body(withdraw, {**api.signed(signed), "Content-Type": JSON}, sent)

    had_no_effect(api, withdraw, reply, what, hint=AS_BYTES)


@requirement("WD-32")
def test_other_merchants_secret_is_refused(api: Withdraws, given: Given) -> None:
    """This merchant's key with another merchant's secret is refused."""
    other, withdraw = given.credentials("other_merchant"), given.shared("pending")

    reply = api.send(withdraw, api.signed(secret=other.secret))

    had_no_effect(api, withdraw, reply, "a cancel signed with another merchant's secret", hint=ITS_SECRET)


@requirement("WD-32")
def test_wrong_signature_stays_wrong(api: Withdraws, given: Given) -> None:
    """A request that was refused for its signature isn't accepted when it is tried again."""
    withdraw = given.shared("pending")

    for time in ("first", "second", "third"):
        reply = api.send(withdraw, api.signed(secret=api.secret() + "x"))
        not_accepted(
            reply,
            f"a cancel signed with another secret, the {time} time it was sent,",
            hint=VERIFY_HINT
            if time == "first"
            else "Nothing of a failed attempt may be left where the next one finds it.",
        )

    api.still_cancels(withdraw, after="three cancels signed with another secret", earlier=reply)


@requirement("WD-32")
@pytest.mark.parametrize("case", ["no_signature", "wrong_signature", "unknown_key", "old_timestamp"])
def test_refusal_tells_no_credential(api: Withdraws, given: Given, case: str) -> None:
    """The answer to failed authentication holds neither the signature that would have done, nor a key or secret."""
    headers = {**FAILURES, **OLD_TIMESTAMP}[case](api, api.signed())

    reply = api.send(api.unknown_id(), headers)

    kept = {
        "the right signature": hex_of(api.signed(timestamp=headers.get("X-Timestamp"))),
        "the secret": api.secret(),
        "an API key": str(api.signed()["X-API-Key"]),
    }
    sent = [str(value) for value in headers.values()]
    shown = [
        name
        for name, text in kept.items()
        if text and not any(text in one for one in sent) and any(text in one for one in reply.strings())
    ]
    expect.that(
        not shown,
        expected=f"no secret, API key or right signature in the answer to {cancel_with(case)}",
        observed=f"{' and '.join(shown)} in {summary.of(reply)}",
        reply=reply,
        hint="A right signature that stands in a refusal can be sent by its reader."
        if "signature" in "".join(shown)
        else "Say that the credentials fail, and nothing of them.",
        fault=f"{' and '.join(shown)[:1].upper()}{' and '.join(shown)[1:]} stood in the answer to {cancel_with(case)} "
        f"({reply.status})",
    )


@requirement("WD-32")
@pytest.mark.parametrize("changed", ["timestamp", "body"])
def test_signature_of_an_earlier_request_is_refused(
    api: Withdraws, given: Given, good: GoodCancels, changed: str
) -> None:
    """A signature that was good for one request isn't good for one with another timestamp or body."""
    headers = good.shared().headers
    withdraw = given.shared("pending")
    what = f"a cancel with the signature of an earlier one that had another {changed}"

    reply = (
        api.send(withdraw, {**headers, "X-Timestamp": api.timestamp()})
        if changed == "timestamp"
        else api.send_body(withdraw, {**headers, "Content-Type": JSON}, b"{}")
    )

    had_no_effect(api, withdraw, reply, what, hint=ITS_OWN)


@requirement("WD-33")
@pytest.mark.parametrize("case", STRANGERS)
def test_unknown_key_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A key that isn't this merchant's is refused, whatever it is signed with."""
    withdraw = given.shared("pending")

    reply = api.send(withdraw, STRANGERS[case](api, api.signed()))

    had_no_effect(api, withdraw, reply, cancel_with(case), hint=KNOWN_KEYS)


@requirement("WD-33", level="SHOULD")
def test_key_in_another_case_is_refused(api: Withdraws, given: Given) -> None:
    """An API key is compared letter for letter: in another case it is another key."""
    key = str(api.signed()["X-API-Key"])
    if key.swapcase() == key:
        raise NotApplicable("the API key has no letters")
    withdraw = given.shared("pending")

    reply = api.send(withdraw, api.signed(key=key.swapcase()))

    had_no_effect(api, withdraw, reply, "a cancel with the API key in the other letter case", hint=AS_IT_IS)


@requirement("WD-33")
def test_other_merchants_key_is_refused(api: Withdraws, given: Given) -> None:
    """Another merchant's key with this merchant's secret is refused."""
    other, withdraw = given.credentials("other_merchant"), given.shared("pending")

    reply = api.send(withdraw, api.signed(key=other.key))

    what = "a cancel with another merchant's API key, signed with this merchant's secret,"
    had_no_effect(api, withdraw, reply, what, hint=ITS_SECRET)


@requirement("WD-33")
def test_nobody_passes_for_another_merchant(api: Withdraws, given: Given) -> None:
    """This merchant's secret doesn't open another merchant's withdraws under that merchant's key."""
    other = given.credentials("other_merchant")
    withdraw = given.shared("pending", owner="other_merchant")

    reply = api.send(withdraw, api.signed(key=other.key))

    what = "a cancel of another merchant's withdraw with its API key, signed with this merchant's secret,"
    had_no_effect(api, withdraw, reply, what, hint=ITS_SECRET, by="other_merchant")


@requirement("WD-34")
@pytest.mark.parametrize("case", STALE)
def test_timestamp_that_is_not_now_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A correctly signed request with a timestamp that is no time of today is refused."""
    withdraw, what = given.shared("pending"), cancel_with(case)

    reply = api.send(withdraw, STALE[case](api, {}))

    not_accepted(reply, what, hint=FRESH)
    no_crash(api, reply, what, withdraw)
    api.still_cancels(withdraw, after=what, earlier=reply)


@requirement("WD-34")
@pytest.mark.parametrize("case", ["missing", "empty"])
def test_absent_timestamp_signed_as_such_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A request without a timestamp is refused, though signed over just that."""
    withdraw = given.shared("pending")

    reply = api.send(withdraw, {**api.signed(timestamp=""), "X-Timestamp": None if case == "missing" else ""})

    had_no_effect(api, withdraw, reply, f"a cancel whose timestamp is {case}, signed as such,", hint=REQUIRE)


@requirement("WD-35")
@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case}-{JSON}") for case in COVERED])
def test_body_under_an_empty_bodys_signature_is_refused(api: Withdraws, given: Given, case: str) -> None:
    """A JSON body that the signature doesn't cover is refused."""
    withdraw, what = (
        given.shared("pending"),
        f"a cancel with {BODY_NAMES[case]} that its signature doesn't cover",
    )

    reply = api.send_body(withdraw, {**api.signed(b""), "Content-Type": JSON}, BODIES[case])

    had_no_effect(api, withdraw, reply, what, hint=COVER)


@requirement("WD-36")
@pytest.mark.parametrize("case", FAILURES)
def test_failed_authentication_is_a_401(api: Withdraws, given: Given, case: str) -> None:
    """Failing authentication is answered by 401 (RFC 9110 section 15.5.2), or by 403."""
    reply = api.send(given.shared("pending"), FAILURES[case](api, api.signed()))

    _is_401(reply, cancel_with(case))


@requirement("WD-36")
def test_old_timestamp_is_a_401(api: Withdraws) -> None:
    """A timestamp that is too old is a failure of authentication as any other."""
    reply = api.send(api.unknown_id(), api.signed(timestamp="1000000000000"))

    let_in = api.cancel(api.unknown_id())
    if (reply.status, reply.at("error.code")) == (let_in.status, let_in.at("error.code")):
        raise NotApplicable("an old timestamp is accepted, which is another requirement's affair")
    _is_401(reply, cancel_with("old_timestamp").rstrip(","))


def _is_401(reply: Reply, what: str) -> None:
    if succeeded(reply):
        raise NotApplicable("it was accepted, which is another requirement's affair")
    expect.that(
        reply.status in (401, 403),
        expected=f"401 or 403 to {what}",
        reply=reply,
        hint=hints.by_answer(reply, SENT_ELSEWHERE, documented=False),
        fault=f"{wording.capital(what)} was answered {summary.short(reply)} instead of 401 or 403",
    )


@requirement("WD-37")
@pytest.mark.parametrize("status", ["pending", "paid", "canceled"])
@pytest.mark.parametrize("case", FAILURES)
def test_failed_authentication_tells_nothing(
    api: Withdraws, given: Given, refusals: Refusals, case: str, status: str
) -> None:
    """Failing authentication is answered alike for a withdraw that exists and one that doesn't."""
    # A target may close a withdraw after some failures: not one whose refusal to its owner is still to be judged.
    withdraw = given.shared(status) if status == "pending" else refusals.of(status).withdraw
    unknown = (api.unknown_id(), api.unknown_id())

    known = api.send(withdraw, FAILURES[case](api, api.signed()))
    unknowns = [api.send(one, FAILURES[case](api, api.signed())) for one in unknown]

    found = difference(known, unknowns, (withdraw.id, *unknown))
    what = f"{cancel_with(case)} of a {status} withdraw"
    expect.that(
        found is None,
        expected=f"the answer to {what} to be that for an unknown one: {summary.of(unknowns[0])}",
        observed=f"{found} ({summary.of(known)})",
        reply=known,
        hint="Authenticate before looking anything up.",
        fault=f"{wording.capital(what)} was answered "
        + (
            f"{summary.short(known)}, and one of an unknown withdraw {summary.short(unknowns[0])}"
            if summary.short(known) != summary.short(unknowns[0])
            else f"{known.status} otherwise than one of an unknown withdraw: {found}"
        ),
    )


@requirement("WD-38")
@pytest.mark.parametrize("spelling", ["lower", "upper", "swapcase"])
@pytest.mark.cancels
def test_header_names_have_no_case(spellings: Spellings, spelling: str) -> None:
    """The three headers work in any case (RFC 9110 section 5.1)."""
    reply = spellings.spelt(spelling)

    case = {"lower": "small letters", "upper": "capitals", "swapcase": "the other letter case"}[spelling]
    accepted(reply, f"a documented cancel with header names in {case}", hint=ANY_CASE)


@requirement("WD-39")
@pytest.mark.parametrize("case", ODD)
def test_odd_credentials_are_no_server_error(api: Withdraws, case: str) -> None:
    """Malformed credentials get a 4xx, never a 5xx."""
    what = f"a cancel with {ODD_NAMES[case]}"
    try:
        reply = api.odd(lambda: api.send(api.unknown_id(), {**api.signed(), **ODD[case]}), to=what)
    except expect.Violation as fault:
        if max(map(len, ODD[case].values())) > LONG and was_cut_off(fault):
            return
        raise

    no_server_error(reply, to=what)
