"""Credentials that are nearly right: their separators, and what a target may remember of the right ones."""

from functools import partial

import pytest

from conformance.errors import NotApplicable
from conformance.http.reply import Reply
from conformance.oracles.expect import requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import not_accepted
from conformance.suites.payout_intents.bad_requests import BODY, any_secret_will_do, forgeries
from conformance.suites.payout_intents.client import FRESH, Ask, PayoutIntents, body_of, read_path
from conformance.suites.payout_intents.echoes import repeats_no_credentials
from conformance.suites.payout_intents.kept_keys import KeptKeys
from conformance.suites.payout_intents.observations import Evidence
from conformance.suites.payout_intents.separators import KEPT, WHOLE, WITH_A_COLON

_KEPT_HINT = (
    "Where the same is refused otherwise, a decision is kept: keep it by the whole pair, or not at all."
)
_BYTES_HINT = "Compare the bytes of key and secret as they are: decode, trim and normalise neither."
_SPLIT_HINT = (
    "Split the decoded pair at its first colon, and compare all that follows with the secret (RFC 7617)."
)


def _read(api: PayoutIntents, intent: Resource, value: str | None, what: str) -> Reply | None:
    return api.answered(partial(api.read, intent, authorization=value), to=what)


def _cancel(
    api: PayoutIntents, intent: Resource, value: str | None, what: str, body: bytes = BODY, key: str = ""
) -> Reply | None:
    ask = partial(api.post, intent, body, key=key or FRESH, change={"Authorization": value})
    return api.answered(ask, to=what)


@requirement("PI-40")
def test_colon_in_a_wrong_secret_changes_nothing(api: PayoutIntents, given: Given) -> None:
    """A wrong secret with a colon in it neither reads nor cancels."""
    intent = given.shared("requires_approval")

    for what, value in forgeries(api, WITH_A_COLON):
        for asked, ask in (("read", _read), ("cancel", _cancel)):
            reply = ask(api, intent, value, f"a {asked} {what}")
            if reply is not None:
                not_accepted(reply, f"a {asked} {what}", hint=_SPLIT_HINT, wanted="401")

    api.still_cancels(intent, after="requests with a colon in a wrong secret")


@requirement("PI-41")
@pytest.mark.parametrize("kind", WHOLE)
def test_separators_are_no_part_of_the_pair(api: PayoutIntents, evidence: Evidence, kind: str) -> None:
    """Nothing stands in the key or the secret, or around them, and neither is spelt otherwise."""
    intent = evidence.cancelled().intent

    for what, value in forgeries(api, WHOLE[kind]):
        reply = _read(api, intent, value, f"a read {what}")
        if reply is not None and not (reply.ok and any_secret_will_do(api, intent)):
            hint = _SPLIT_HINT if "colon" in kind else _BYTES_HINT
            not_accepted(reply, f"a read {what}", hint=hint, wanted="401")


@requirement("PI-40")
@pytest.mark.parametrize("asked", [Ask.READ, Ask.CANCEL], ids=Ask.what)
def test_kept_decision_is_about_the_whole_pair(
    api: PayoutIntents, given: Given, kept: KeptKeys, asked: Ask
) -> None:
    """Right after its owner's read, and after its owner's cancel, nearly right credentials are refused."""
    intent = given.shared("requires_approval")

    for what, value in forgeries(api, KEPT):
        api.seen(intent)
        said = f"a {asked.what()} {what}, right after its owner's read,"
        reply = _read(api, intent, value, said) if asked is Ask.READ else _cancel(api, intent, value, said)
        if reply is not None:
            not_accepted(reply, said, hint=_KEPT_HINT, wanted="401")

    api.still_cancels(intent, after="requests with nearly right credentials")
    done = kept.just_now()
    intent, reason, key = done.intent, done.reason, done.key
    for what, value in forgeries(api, KEPT):
        said = f"a {asked.what()} {what}, right after its owner's cancel" + (
            " under its key," if asked is Ask.CANCEL else ","
        )
        reply = (
            _read(api, intent, value, said)
            if asked is Ask.READ
            else _cancel(api, intent, value, said, body_of(reason), key)
        )
        if reply is not None:
            not_accepted(reply, said, secret=reason, hint=_KEPT_HINT, wanted="401")


@requirement("PI-40")
def test_kept_decision_is_about_one_connection(api: PayoutIntents, evidence: Evidence) -> None:
    """A wrong secret is refused on a new connection, too, right after its owner has read on another one."""
    intent = evidence.cancelled().intent
    what, value = next(forgeries(api, KEPT))

    # The connection of the owner's read is closed by it.
    headers = [("Authorization", api.authorization()), ("Connection", "close")]
    api.send("GET", read_path(intent), headers)
    reply = _read(api, intent, value, f"a read {what}")

    if reply is not None:
        said = f"a read {what} on a new connection, right after its owner's read,"
        not_accepted(reply, said, hint=_KEPT_HINT, wanted="401")


# -- what an error shows -----------------------------------------------------------------------------------------------


@requirement("PI-45")
def test_other_method_repeats_no_credentials(api: PayoutIntents, evidence: Evidence) -> None:
    """The answer to a method that isn't documented doesn't hold the credentials that it was asked with."""
    for method, reply in evidence.send_other_methods_to_the_cancel_path().replies.items():
        repeats_no_credentials(
            api, reply, f"{'an' if method == 'OPTIONS' else 'a'} {method} on the cancel path"
        )


@requirement("PI-45")
def test_trace_repeats_no_credentials(api: PayoutIntents, evidence: Evidence) -> None:
    """TRACE, which web servers answer with the request itself, doesn't show the credentials."""
    intent = evidence.cancelled().intent
    headers = [("Authorization", api.authorization())]

    reply = api.answered(partial(api.send, "TRACE", read_path(intent), headers), to="a TRACE of an intent")

    if reply is None:
        raise NotApplicable("a TRACE of an intent is never answered")
    repeats_no_credentials(api, reply, "a TRACE of an intent")


@requirement("PI-45")
def test_refusal_of_a_form_repeats_no_credentials(api: PayoutIntents, evidence: Evidence) -> None:
    """The refusal of a body or of credentials that can't be read doesn't hold the credentials."""
    for which, reply in evidence.send_wrong_forms().items():
        repeats_no_credentials(api, reply, f"a request with {which}")


@requirement("PI-45")
@pytest.mark.parametrize("asked", [Ask.CANCEL, Ask.READ], ids=Ask.what)
def test_refusal_of_a_secret_repeats_it_not(api: PayoutIntents, evidence: Evidence, asked: Ask) -> None:
    """The refusal of a wrong secret doesn't hold that one: it may be the right one but for a slip."""
    intent = evidence.cancelled().intent
    what, secret = f"a {asked.what()} with a wrong secret", f"wrong-{api.new_key()}"
    value = api.authorization(secret=secret)
    encoded = value.removeprefix("Basic ")

    reply = (_read if asked is Ask.READ else _cancel)(api, intent, value, what)

    if reply is None:
        raise NotApplicable(f"{what} is never answered")
    repeats_no_credentials(api, reply, what, sent=(secret, encoded))
