"""Certificates for bad days: signed by nobody, for another host, too old, too young. And a few bad ways with TLS."""

import ssl
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tests.authority import Authority

Context = Callable[[int], ssl.SSLContext]


@cache
def authority() -> Authority:
    """The one of this process."""
    return Authority(Path(mkdtemp(prefix="worst-day-")))


def _expired() -> ssl.SSLContext:
    return authority().context(authority().certificate(days=(-9, -1)))


def good() -> Context:
    """Nothing wrong."""
    context = authority().context()
    return lambda _: context


def signed_by_itself() -> Context:
    """As most test servers have it."""
    context = authority().context(authority().certificate(by_itself=True))
    return lambda _: context


def for_another_host() -> Context:
    """Signed by a CA that is trusted, for a name that isn't the target's."""
    context = authority().context(authority().certificate("somebody-else.test"))
    return lambda _: context


def expired() -> Context:
    """Its last day is over."""
    context = _expired()
    return lambda _: context


def not_yet_valid() -> Context:
    """Its first day is still to come."""
    context = authority().context(authority().certificate(days=(1, 9)))
    return lambda _: context


def expires_on_the_way() -> Context:
    """Good for the first connection, and expired for the next."""
    contexts = authority().context(), _expired()
    return lambda connection: contexts[connection > 1]


def old_protocol() -> Context:
    """TLS 1.1 at most."""
    context = authority().context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return lambda _: context


def wants_ours() -> Context:
    """Asks for a client certificate."""
    context = authority().context(asks=True)
    return lambda _: context


def offers_http2() -> Context:
    """HTTP/2 first, HTTP/1.1 if need be (RFC 7301)."""
    context = authority().context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    return lambda _: context
