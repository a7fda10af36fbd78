"""Every refusal in the documented envelope, and no internals in any answer."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from conformance.errors import NotApplicable, NotTestable
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect, hints, wording
from conformance.oracles.disclosure import disclosed_by
from conformance.oracles.every_response import discloses_nothing, is_json
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.suites.withdraws.assertions import succeeded
from conformance.suites.withdraws.bad_requests import FAILURES, OLD_TIMESTAMP
from conformance.suites.withdraws.client import Withdraws

DOCUMENTED = ["paid", "failed", "canceled", "unknown"]
# A longer value of a header isn't quoted whole.
_LONG_VALUE = 24
OTHER = ["no credentials", "wrong signature", "unknown key", "old timestamp", "malformed id"]


def _refusal(api: Withdraws, given: Given, what: str) -> Reply:
    """The answer to a cancel that can't succeed: of a final state, of an unknown id, or without credentials."""
    if what == "unknown":
        return api.cancel(api.unknown_id())
    if what == "malformed id":
        return _to_odd(api, lambda: api.to_raw_id("not-a-uuid"), "a cancel of a malformed id")
    if what in DOCUMENTED:
        return api.cancel(given.shared(what))
    change = {**FAILURES, **OLD_TIMESTAMP}[what.replace(" ", "_")]
    return api.send(api.unknown_id(), change(api, api.signed()))


def _to_odd(api: Withdraws, ask: Callable[[], Reply], what: str) -> Reply:
    """The answer to an odd request; WD-14 and WD-39 judge that there is one."""
    try:
        return api.odd(ask, to=what)
    except expect.Violation as fault:
        raise NotApplicable(f"{what} is never answered, which is another requirement's affair") from fault


def _has_envelope(reply: Reply, what: str) -> None:
    """The envelope of a refusal; `what` is the request as the subject of a sentence."""
    for path, good, expected in (
        ("success", equality.is_same_as(False), "the boolean false"),
        ("error.code", _is_text, "a text that isn't empty"),
        ("error.message", _is_text, "a text that isn't empty"),
    ):
        value = reply.at(path)
        expect.that(
            good(value),
            expected=f"{path} to be {expected} in the answer to {what}",
            observed=f"{path} is {wording.of(reply, path)} (the answer was {summary.of(reply)})"
            if isinstance(reply.json, dict)
            else summary.of(reply),
            reply=reply,
            hint=hints.by_answer(reply, _hint(value), documented=False),
            fault=_without_envelope(reply, path, what),
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _hint(value: Any) -> str:
    return 'The text "false" is true in most languages.' if value == "false" else ""


def _without_envelope(reply: Reply, path: str, what: str) -> str:
    said = f"{wording.capital(what)} was answered {reply.status}"
    if not isinstance(reply.json, dict):
        form = "an HTML page" if summary.is_page(reply) else "no body" if not reply.body else "no JSON object"
        return f"{said} with {form} instead of the error envelope"
    came = reply.at(path)
    return f"{said} without {path}" if came is MISSING else f"{said} with {path} {wording.of(reply, path)}"


def _named(what: str) -> str:
    """A request of this module as the subject of a sentence."""
    if what in DOCUMENTED or what == "pending":
        return f"a cancel of {'an unknown' if what == 'unknown' else 'a ' + what} withdraw"
    article = {"n": "no", "o": "an"}.get(what[0], "a")
    return f"a cancel with {what if what.startswith('no ') else f'{article} {what}'}"


@requirement("WD-26")
@pytest.mark.parametrize("what", DOCUMENTED)
def test_documented_refusal_has_the_envelope(api: Withdraws, given: Given, what: str) -> None:
    """A documented refusal says success false, and has a code and a message."""
    reply = _refusal(api, given, what)
    if not 400 <= reply.status < 500 and (succeeded(reply) or reply.status != 200):
        raise NotApplicable("it isn't refused as documented, which is another requirement's affair")

    _has_envelope(reply, _named(what))


@requirement("WD-27")
@pytest.mark.parametrize("what", OTHER)
def test_other_refusal_has_the_envelope(api: Withdraws, given: Given, what: str) -> None:
    """Any other 4xx comes in the same envelope, as JSON."""
    reply = _refusal(api, given, what)

    is_json(reply, to=_named(what))
    if 400 <= reply.status < 500:
        _has_envelope(reply, _named(what))


@requirement("WD-27")
@pytest.mark.parametrize("what", ["pending", *DOCUMENTED])
def test_answer_is_json(api: Withdraws, given: Given, what: str, request: pytest.FixtureRequest) -> None:
    """Every answer is JSON and says so."""
    reply = request.getfixturevalue("first_cancel") if what == "pending" else _refusal(api, given, what)

    is_json(reply, to=_named(what))


@requirement("WD-28")
@pytest.mark.parametrize("what", [*DOCUMENTED, *OTHER])
def test_refusal_shows_no_insides(api: Withdraws, given: Given, what: str) -> None:
    """No refusal shows a stack trace, SQL, a path or HTML."""
    reply = _refusal(api, given, what)

    try:
        discloses_nothing(reply, to=_named(what))
    except expect.Violation as fault:
        fault.fault += _as_others_do(api, given, what)
        raise


def _as_others_do(api: Withdraws, given: Given, what: str) -> str:
    """Returns how many of the other refusals disclose something, too, as the end of a title."""
    others = {}
    for other in (*DOCUMENTED, *OTHER):
        with suppress(NotTestable, NotApplicable):
            if other != what:
                others[other] = disclosed_by(_refusal(api, given, other)) is not None
    count = sum(others.values())
    if not count:
        return "" if not others else f"; {len(others)} other refusals had none"
    return (
        f", and so were all {count} others that were tried"
        if all(others.values())
        else (f", and so {'was' if count == 1 else 'were'} {count} of {len(others)} other refusals")
    )


@requirement("WD-28")
@pytest.mark.parametrize("raw", ["%00", "%27", "%ff", "..%2f..%2fetc", "%7B%7B7*7%7D%7D"])
def test_odd_id_shows_no_insides(api: Withdraws, raw: str) -> None:
    """The answer to an unusual id discloses no stack trace, SQL or path."""
    reply = _to_odd(api, lambda: api.to_raw_id(raw), f"a cancel of the id {raw}")

    # A router's or a front server's own page is fine, as long as it is no page for debugging.
    discloses_nothing(reply, to=f"a cancel of the id {raw}", pages=False)


@requirement("WD-28")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"X-Signature": "sha256=é"}, id="multibyte_signature"),
        pytest.param({"X-Signature": "sha256=" + "zz" * 32}, id="signature_not_hex"),
        pytest.param({"X-Timestamp": "NaN"}, id="timestamp_not_a_number"),
        pytest.param({"X-API-Key": "' OR '1'='1"}, id="key_with_a_quote"),
    ],
)
def test_odd_header_shows_no_insides(api: Withdraws, change: dict[str, str]) -> None:
    """The answer to an unusual header discloses no stack trace, SQL, path or HTML."""
    name, value = next(iter(change.items()))
    what = f"a cancel with {name}: {value if len(value) < _LONG_VALUE else value[:12] + '...'}"

    reply = _to_odd(api, lambda: api.send(api.unknown_id(), {**api.signed(), **change}), what)

    discloses_nothing(reply, to=what)
