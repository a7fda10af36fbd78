"""Requests to a resource that were to have no effect on it: which, whether they were refused, in words. Pure."""

from collections.abc import Sequence

from conformance.http.segment import segment
from conformance.model import Auth, Exchange
from conformance.report.answers import senders
from conformance.states.resource import Resource

_READS = ("GET", "HEAD", "OPTIONS")
# So many requests are named in a title.
_TOLD = 3


def in_words(asked: Sequence[Exchange], resource: Resource) -> str:
    """Returns what was sent and how it was refused, in words: `a POST of .../cancel by another caller (404)`.

    The first three stand for the others.
    """
    acting = [one for one in asked if one.method not in _READS] or asked
    told = list(dict.fromkeys(_request(one, resource) for one in acting))
    *most, last = told[:_TOLD] if len(told) <= _TOLD else (*told[:_TOLD], f"{len(told) - _TOLD} more")
    return f"{', '.join(most)} and {last}" if most else last


def _request(one: Exchange, resource: Resource) -> str:
    carried = senders(one)
    how = ""
    if one.auth is not Auth.DOCUMENTED:
        how = " with altered authentication"
    elif carried and resource.wanted.whose not in carried:
        how = " by another caller"
    behind = one.url.partition(segment(resource.id))[2].partition("?")[0]
    article = "an" if one.method[:1] in "AEIO" else "a"
    return f"{article} {one.method} of {f'…{behind}' if behind else 'it'}{how} ({one.status})"


def is_refused(one: Exchange) -> bool:
    """Returns whether a request that names a resource was refused, or can't have changed it as its method goes."""
    if one.status is None or one.status >= 500:
        return False
    return one.status >= 300 or one.method in _READS


def naming(resource: Resource, exchanges: Sequence[Exchange]) -> int:
    """Returns how many of the requests name a resource, and may do more than read it as documented."""
    name = segment(resource.id)
    return sum(
        (name.lower() in one.url.lower() or resource.id.encode() in one.request_body)
        and not (one.method == "GET" and one.auth is Auth.DOCUMENTED and one.url.endswith(name))
        for one in exchanges
    )
