"""Cancels that name another withdraw beside the path, in body, query and headers; none of these counts.

Where such a cancel doesn't work as any other, each check tries its own place alone.
"""

import json

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
# By these a router is told another path.
_ADDRESSES = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Uri")


def in_the_query(other: Resource) -> str:
    """Returns the query that names a withdraw."""
    return "?" + "&".join(f"{name}={quoted(other)}" for name in _IDS)


def in_headers(other: Resource) -> dict[str, str]:
    """Returns the headers that name a withdraw, a cookie among them."""
    named = {**dict.fromkeys(_HEADERS, other.id), **dict.fromkeys(_ADDRESSES, cancel_path(other))}
    return {**named, "Cookie": "; ".join(f"{name}={quoted(other)}" for name in _IDS)}


def in_the_body(
    api: Withdraws, withdraw: Resource, other: Resource, *, beside: Resource | None = None
) -> Reply | None:
    """Cancels `withdraw` with a signed body that names `other`, and a query and headers that name `beside`, if any.

    Returns None where a body is never answered.
    """
    inside = {name: [other.id] if name == "ids" else other.id for name in _IDS}
    body = json.dumps({**inside, **dict.fromkeys(_OBJECTS, inside)}).encode()
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
