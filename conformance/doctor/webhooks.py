"""Examines whether the target's webhooks can arrive, as far as this side can tell."""

import ipaddress
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from conformance.doctor.finding import Finding, State
from conformance.errors import NotTestable
from conformance.profile import Profile
from conformance.webhooks.receiver import opened

_BUSY_S = 1.0


def webhooks(profile: Profile) -> list[Finding]:
    """Returns the findings on webhooks, none for a profile that doesn't declare them."""
    if not profile.capabilities.get("webhooks"):
        return []
    found = partial(Finding, "webhooks.listen", f"listened on {profile.listen or 'nothing'}")
    try:
        with opened(profile.listen, profile.public_url, busy_s=_BUSY_S) as receiver:
            address = _address(profile, receiver.url) or _loop(receiver.url, profile, receiver.said)
            return [found(State.OK, "that address is free"), address]
    except NotTestable as fault:
        return [found(State.WRONG, fault.message, fault.hint)]


def _address(profile: Profile, url: str) -> Finding | None:
    """Returns the finding on an address that no other machine can deliver to, None for any other."""
    host = urlsplit(url).hostname or ""
    target = urlsplit(profile.target.base_url).hostname or ""
    found = partial(Finding, "webhooks.public_url", f"looked at {url}, where the target is to deliver")
    if _is(host, "is_unspecified"):
        todo = "Set webhooks.public_url to an address under which the target reaches this machine."
        return found(State.WRONG, "that is no address to send anything to", todo)
    if _is_here(host) and not _is_here(target):
        todo = "Set webhooks.public_url to an address of this machine, or of a tunnel to it."
        return found(State.WRONG, "for the target that is its own machine", todo)
    return None


def _loop(url: str, profile: Profile, said: Callable[[], str]) -> Finding:
    """Posts to the public address from here, and returns whether that arrived."""
    mark = str(uuid4())
    found = partial(Finding, "webhooks.public_url", f"posted to {url} from here")
    try:
        answer = httpx.post(
            url,
            json={"doctor": mark},
            timeout=profile.limits.timeout_s,
            trust_env=False,
            follow_redirects=False,
        )
    except httpx.HTTPError as fault:
        return found(
            State.NOTE,
            f"no answer ({type(fault).__name__})",
            "Whether the target gets through can't be told from here: a tunnel or a firewall may let only others in.",
        )
    if mark in said():
        return found(State.OK, "it arrived")
    return found(
        State.WRONG,
        f"{answer.status_code}, but it didn't arrive at webhooks.listen",
        "Something else answers there: does the tunnel or the forwarded port lead to webhooks.listen?",
    )


def _is(host: str, what: str) -> bool:
    try:
        return bool(getattr(ipaddress.ip_address(host), what))
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or _is(host, "is_loopback")
