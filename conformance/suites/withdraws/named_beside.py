"""Cancels that name another withdraw beside the path, in body, query and headers; none of these counts.

Where such a cancel doesn't work as any other, each check tries its own place alone.
"""

import json
from collections.abc import Mapping, Sequence

from conformance.errors import NotTestable
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import succeeded
from conformance.suites.withdraws.bad_requests import JSON
from conformance.suites.withdraws.client import Withdraws, cancel_path, quoted

# Names that a framework may bind to the id of the path.
_IDS = ("id", "withdraw_id", "withdrawId", "withdrawID", "ids")
_OBJECTS = ("withdraw", "data", "params")
_HEADERS = ("X-Withdraw-Id", "X-Withdrawal-Id", "X-Resource-Id", "X-Id")
_COOKIE = "Cookie "
# By these a router is told another path.
_ADDRESSES = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Uri")


NAMES: Mapping[str, Sequence[str]] = {
    "body": (*_IDS, *_OBJECTS),
    "query": _IDS,
    "headers": (*_HEADERS, *_ADDRESSES, *(f"{_COOKIE}{name}" for name in _IDS)),
}
"""Under which names each place of a request names another withdraw."""


def place_of(place: str, name: str) -> str:
    """Returns one of the `NAMES` of a place in words: `field id of the body`, `header X-Id`, `cookie id`."""
    if place == "headers":
        return f"cookie {name.removeprefix(_COOKIE)}" if name.startswith(_COOKIE) else f"header {name}"
    return f"{'field' if place == 'body' else 'parameter'} {name} of the {place}"


def in_the_query(other: Resource, names: Sequence[str] = _IDS) -> str:
    """Returns the query that names a withdraw."""
    return "?" + "&".join(f"{name}={quoted(other)}" for name in names)


def in_headers(other: Resource, names: Sequence[str] = NAMES["headers"]) -> dict[str, str]:
    """Returns the headers that name a withdraw, a cookie among them."""
    named = {name: other.id for name in _HEADERS if name in names}
    named |= {name: cancel_path(other) for name in _ADDRESSES if name in names}
    cookies = [name.removeprefix(_COOKIE) for name in names if name.startswith(_COOKIE)]
    return named | ({"Cookie": "; ".join(f"{name}={quoted(other)}" for name in cookies)} if cookies else {})


def in_the_body(
    api: Withdraws,
    withdraw: Resource,
    other: Resource,
    *,
    beside: Resource | None = None,
    names: Sequence[str] = NAMES["body"],
) -> Reply | None:
    """Cancels `withdraw` with a signed body that names `other`, and a query and headers that name `beside`, if any.

    Returns None where a body is never answered.
    """
    inside = {name: [other.id] if name == "ids" else other.id for name in _IDS}
    flat = {name: value for name, value in inside.items() if name in names}
    body = json.dumps({**flat, **dict.fromkeys([one for one in _OBJECTS if one in names], inside)}).encode()
    headers: dict[str, str | None] = {**api.signed(body), "Content-Type": JSON}
    if beside is not None:
        headers |= in_headers(beside)
    query = "" if beside is None else in_the_query(beside)
    return api.send_body(withdraw, headers, body, documented=True, query=query)


def takes_no_effect(api: Withdraws, given: Given, **whose: str) -> Resource | None:
    """Returns a pending withdraw where a cancel that names it in all places is about the withdraw of its path."""
    if given.is_isolated:
        return None
    key = "named beside the path", *whose.values()
    return given.once(key, lambda: _named(api, given, whose))


def _named(api: Withdraws, given: Given, whose: dict[str, str]) -> Resource | None:
    try:
        other, withdraw = given.shared("pending", **whose), given.used("pending")
    except (NotTestable, Violation):
        return None
    try:
        reply = in_the_body(api, withdraw, other, beside=other)
    except Violation:
        reply = None
    if reply is not None and succeeded(reply) and reply.at("data.id") == withdraw.id:
        return other
    # Which of the two was cancelled, if any, isn't known: each place is tried with others.
    given.discard(other)
    given.discard(withdraw)
    return None
