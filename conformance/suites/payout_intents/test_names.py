"""Names beside the path: no id, merchant, environment or field in a body, a query, a form or a header takes effect."""

from collections.abc import Callable
from functools import partial

import pytest

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, single_cause, wording
from conformance.oracles.expect import Violation, requirement
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents import fields_everywhere, named, named_everywhere
from conformance.suites.payout_intents.assertions import (
    ORDER,
    holds,
    is_cancelled,
    not_accepted,
    read_not_cancelled,
    succeeded,
    was_refused,
)
from conformance.suites.payout_intents.client import PayoutIntents, read_path
from conformance.suites.payout_intents.named import Assigned, Fields, Place
from conformance.suites.payout_intents.named_everywhere import untouched
from conformance.suites.payout_intents.observations import Evidence

_FROM_THE_PATH = (
    "Take the id from the path alone: many frameworks bind body, query and headers to the same names."
)
_FROM_THE_CREDENTIALS = (
    "Take merchant and environment from the credentials alone, whatever else a request names."
)
_REASON_ALONE = "Read reason from the body, and nothing else: bind to an object that has no other field."


PLACES: dict[str, tuple[Place, Callable[[PayoutIntents, Resource], Fields]]] = {
    "form": (named.BODY_OF_A_FORM, lambda api, other: named.in_a_form(other)),
    "headers": (named.HEADERS, lambda api, other: named.in_headers(other)),
    "addresses": (named.HEADERS, lambda api, other: named.in_addresses(other)),
    "objects": (named.JSON_BODY, lambda api, other: named.in_objects(other, _reference(api, other))),
}


def _reference(api: PayoutIntents, other: Resource) -> object:
    by = "other_merchant" if other.wanted.whose == "other_merchant" else "primary"
    return api.seen(other, by=by).at("merchant_reference")


# -- another intent ---------------------------------------------------------------------------------------------------


@requirement("PI-01")
@pytest.mark.cancels
@pytest.mark.parametrize("where", ["form", "headers", "objects"])
def test_no_other_name_replaces_the_path(
    api: PayoutIntents, given: Given, evidence: Evidence, where: str
) -> None:
    """The intent of the path is cancelled, whatever a form, headers, or objects in the body name."""
    if where != "form" and named_everywhere.takes_no_effect(api, given, evidence):
        return
    intent, other = given.shared("requires_approval"), untouched(api, given, evidence)
    place, make = PLACES[where]

    for some in named.at_once_or_singly(make(api, other)):
        reply = _answered(api, intent, place, some)
        if reply is not None and succeeded(reply):
            _is_of_the_path(api, given, evidence, intent, other, reply, where, some)
            return
        read_not_cancelled(
            api.seen(other),
            f"an intent not to be cancelled that stands in the {place.words} of another one's cancel",
            reply=reply,
            fault=f"A cancel cancelled the intent that its {place.words} named, though it was refused",
            hint=_FROM_THE_PATH,
        )
        if where != "objects":
            break  # Such a body is refused as a whole, and headers that nobody knows aren't refused.
    named_in_headers = where == "headers"
    api.still_cancels(intent, after=f"cancels whose {place.words} named another one", judged=named_in_headers)


def _answered(api: PayoutIntents, intent: Resource, place: Place, names: Fields) -> Reply | None:
    to = f"a cancel whose {place.words} names another intent"
    return api.answered(partial(place.ask, api, intent, names), to=to)


def _is_of_the_path(
    api: PayoutIntents,
    given: Given,
    evidence: Evidence,
    intent: Resource,
    other: Resource,
    reply: Reply,
    where: str,
    names: Fields,
) -> None:
    """The accepted cancel was about the intent of the path, and no other."""
    place, make = PLACES[where]
    if not is_cancelled(api.seen(other)):
        after = f"{reply.status} to a cancel whose {place.words} names another intent"
        evidence.shows_cancelled(api.confirmed(intent), after=after)
        return

    def wrong(some: Fields) -> Reply | None:
        own, one = given("requires_approval"), given("requires_approval")
        every = make(api, one)
        answer = place.ask(api, own, {name: every[name] for name in some})
        return answer if succeeded(answer) and is_cancelled(api.seen(one)) else None

    name, reply = single_cause.narrowed(names, reply, wrong)
    raise Violation(
        expected=f"the intent of the path to be cancelled, whatever stands in the {place.words}",
        observed=f"the intent that the {place.words} named is cancelled"
        + (f"; {name} alone does it" if name else "")
        + f" (the answer was {summary.of(reply)})",
        reply=reply,
        hint=_FROM_THE_PATH,
        fault=f"A cancel cancelled the intent that {name or 'a name'} in its {place.words} named, "
        f"{'too' if is_cancelled(api.seen(intent)) else 'and not that of the path'} ({reply.status})",
    )


@requirement("PI-11")
@pytest.mark.cancels
@pytest.mark.parametrize("where", ["headers", "addresses", "objects"])
def test_no_other_name_reaches_another_merchant(
    api: PayoutIntents, given: Given, evidence: Evidence, where: str
) -> None:
    """A cancel of one's own intent whose headers or body name another merchant's leaves that one alone."""
    if named_everywhere.takes_no_effect(api, given, evidence):
        return
    theirs = given.shared("requires_approval", owner="other_merchant")
    intent = given.used("requires_approval")
    place, make = PLACES[where]

    for some in named.at_once_or_singly(make(api, theirs)):
        reply = _answered(api, intent, place, some)
        read = api.seen(theirs, by="other_merchant")
        if is_cancelled(read):
            name, answer = "", reply
            if answer is not None:
                name, answer = single_cause.narrowed(some, answer, partial(_reaches, api, given, where))
            read_not_cancelled(
                read,
                f"another merchant's intent not to be cancelled by a cancel whose {place.words} named it",
                accepted=f"the cancel got {summary.of(answer) if answer else 'no answer'}",
                reply=answer,
                fault=f"A cancel of one's own intent cancelled another merchant's that {name or 'a name'} in its "
                f"{place.words} named ({'no answer' if answer is None else answer.status})",
                hint="Take the id from the path alone, and look the intent up among those of the caller.",
            )
        if where != "objects" or (reply is not None and succeeded(reply)):
            return


def _reaches(api: PayoutIntents, given: Given, where: str, names: Fields) -> Reply | None:
    own, one = given("requires_approval"), given("requires_approval", owner="other_merchant")
    place, make = PLACES[where]
    every = make(api, one)
    answer = place.ask(api, own, {name: every[name] for name in names})
    return answer if is_cancelled(api.seen(one, by="other_merchant")) else None


@requirement("PI-06")
def test_read_shows_the_intent_of_the_path(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """GET shows the intent of the path, whatever ids its query names."""
    intent, other = evidence.cancelled().intent, evidence.leave_alone()
    names = {
        **named.in_a_form(other.intent),
        "merchant_reference": str(other.before.at("merchant_reference")),
    }

    reply = api.read(intent, query=named.query_of(names))

    holds(
        reply,
        not (reply.ok and reply.at("id") == other.intent.id),
        "GET to show the intent of the path, whatever ids its query names",
        fault=f"GET showed the intent that its query named, and not that of the path ({reply.status})",
        hint=_FROM_THE_PATH,
    )


# -- another merchant, another environment ----------------------------------------------------------------------------


@requirement("PI-11")
def test_named_merchant_opens_nothing(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """Another merchant's intent isn't found by naming that merchant in headers, the query or the body."""
    given.credentials("other_merchant")
    theirs = given.shared("requires_approval", owner="other_merchant")
    another = partial(given, "requires_approval", owner="other_merchant")
    read = api.seen(theirs, by="other_merchant")

    for fields, headers in named.merchants(api, theirs, read):
        _opens_nothing(api, theirs, another, fields, headers, "another merchant's intent", "that merchant")

    read_not_cancelled(
        api.still_open(theirs, by="other_merchant"),
        "another merchant's intent not to be cancelled by requests that name that merchant",
        fault="Requests that named another merchant cancelled an intent of it, though each was refused",
        hint=_FROM_THE_CREDENTIALS,
    )


@requirement("PI-12")
def test_named_environment_opens_nothing(api: PayoutIntents, given: Given) -> None:
    """The other environment's intent isn't found by naming that environment in headers, the query or the body."""
    given.credentials("other_environment")
    another = partial(given, "requires_approval", environment="other")
    theirs = given.shared("requires_approval", environment="other")
    fields, headers = named.environments(api, api.seen(theirs, by="other_environment"))

    whose = "an intent of the other environment"
    _opens_nothing(api, theirs, another, fields, headers, whose, "that environment")

    read_not_cancelled(
        api.still_open(theirs, by="other_environment"),
        "an intent of the other environment not to be cancelled by requests that name that environment",
        fault="Requests that named the other environment cancelled an intent of it, though each was refused",
        hint=_FROM_THE_CREDENTIALS,
    )


def _opens_nothing(
    api: PayoutIntents,
    theirs: Resource,
    another: Callable[[], Resource],
    fields: Fields,
    headers: Fields,
    whose: str,
    who: str,
) -> None:
    """Neither a read nor a cancel with the primary credentials is accepted; `another` leases one like `theirs`."""
    own = [("Authorization", api.authorization())]
    read: dict[str, tuple[Fields, Callable[[Fields], Reply]]] = {
        "headers": (headers, lambda some: api.send("GET", read_path(theirs), [*own, *some.items()])),
        "query": (fields, lambda some: api.read(theirs, query=named.query_of(some))),
    }
    for where, (names, ask) in read.items():
        what = f"a read of {whose} whose {where} named {who}"
        reply = api.answered(partial(ask, names), to=what)
        if reply is not None and reply.ok:
            was_refused(api.read(theirs), f"a read of {whose} without such names")
            name, reply = single_cause.narrowed(names, reply, partial(_if_ok, ask))
            not_accepted(reply, what + (f" as `{name}`" if name else ""), hint=_FROM_THE_CREDENTIALS)
    for place, names in ((named.HEADERS, headers), (named.QUERY, fields), (named.JSON_BODY, fields)):
        what = f"a cancel of {whose} whose {place.words} named {who}"
        for some in named.at_once_or_singly(names):
            reply = api.answered(partial(place.ask, api, theirs, some), to=what)
            if reply is not None and reply.ok:
                was_refused(api.cancel(another()), f"a cancel of {whose} without such names")
                again = partial(_asked_again, api, another, place)
                name, reply = single_cause.narrowed(some, reply, partial(_if_ok, again))
                not_accepted(reply, what + (f" as `{name}`" if name else ""), hint=_FROM_THE_CREDENTIALS)
            if place is not named.JSON_BODY or reply is None or reply.status not in (400, 422):
                break  # Only a body may be refused for the names in it that nobody knows.


def _asked_again(api: PayoutIntents, another: Callable[[], Resource], place: Place, names: Fields) -> Reply:
    return place.ask(api, another(), names)


def _if_ok(ask: Callable[[Fields], Reply], names: Fields) -> Reply | None:
    reply = ask(names)
    return reply if reply.ok else None


# -- fields of the intent ---------------------------------------------------------------------------------------------


def _cancels(api: PayoutIntents, given: Given, evidence: Evidence, place: str) -> list[Assigned]:
    clean = fields_everywhere.assigns_nothing(api, given, evidence)
    if clean is not None:
        return [clean]
    found: list[Assigned] = evidence.once(("fields", place), lambda: named.assigned(api, given, place))
    return found


_FIELDS = (
    ("order_data", (*ORDER, "created_at"), "what it was", "PI-21"),
    ("failure_code", ("failure_code",), '"cancelled"', "PI-16"),
    ("failure_message", ("failure_message",), "the reason", "PI-22"),
    ("status", ("status",), '"cancelled"', "PI-01"),
    ("environment", ("environment",), "that of the credentials", "PI-18"),
)


@pytest.mark.parametrize(
    ("place", "keys", "wanted"),
    [
        pytest.param(place, keys, wanted, marks=requirement(requirement_id), id=f"{name}_in_the_{place}")
        for place in ("body", "query")
        for name, keys, wanted, requirement_id in _FIELDS
        if (name, place) != ("order_data", "body")  # That one is in test_body.
    ],
)
def test_fields_beside_the_reason_assign_nothing(
    api: PayoutIntents, given: Given, evidence: Evidence, place: str, keys: tuple[str, ...], wanted: str
) -> None:
    """A field of an intent that stands in the body or the query of its cancel isn't taken for its value."""
    usual = evidence.cancelled().reply
    for one in _cancels(api, given, evidence, place):
        taken = [group for _, group, *_ in _FIELDS if any(named.was_assigned(one, key) for key in group)]
        if keys not in taken[:1]:
            continue  # Whoever takes several of them has one fault, which the first of these requirements tells.
        for key in keys:
            for _, reply in named.was_assigned(one, key):
                if key == "environment" and equality.same(usual.at(key), reply.at(key)):
                    continue  # It is so in any answer, whatever a request says.
                raise _taken(named.assigned_alone(api, given, one, key), key, wanted)


def _taken(one: Assigned, key: str, wanted: str) -> Violation:
    """A field in the body or query of a cancel was taken for the intent's."""
    where, reply = named.was_assigned(one, key)[0]
    return Violation(
        expected=f"{key} to be {wanted} after a cancel, whatever its {one.place} says",
        observed=f"{key} is {wording.of(reply, key)} in {where}, as the {one.place} said, and was "
        f"{wording.of(one.before, key)} before (the answer was {summary.of(reply)})",
        reply=reply,
        hint=_REASON_ALONE,
        fault=f"{key} in the {one.place} of a cancel was taken for the intent's ({one.reply.status})",
        persisted=wording.read_shows(one.after, key, reply.at(key), equality.is_same_as(one.before.at(key))),
    )


@requirement("PI-22")
def test_reason_in_the_query_is_no_reason(api: PayoutIntents, given: Given, evidence: Evidence) -> None:
    """The reason is that of the body, whatever the query says."""
    for one in _cancels(api, given, evidence, "query"):
        for reply in (one.reply, one.after):
            holds(
                reply,
                reply.at("failure_message") != named.REASON_IN_THE_QUERY,
                f'failure_message to be the reason of the body, "{one.reason}"',
                fault=f"A reason in the query was taken in place of that of the body ({one.reply.status})",
                hint=_REASON_ALONE,
            )
