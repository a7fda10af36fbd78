"""Guards live credentials beside a test environment: only reads are ever sent with them."""

import base64
import binascii
from collections.abc import Iterable

from conformance.errors import NotTestable
from conformance.model import Headers
from conformance.profile import Credentials, Profile

_READS = ("GET", "HEAD", "OPTIONS")
_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")


class Guard:
    """Lets through reads, and requests without any of the credentials that only read. Every client has one."""

    def __init__(self, pairs: Iterable[Credentials]) -> None:
        self._pairs = tuple(pairs)

    def check(self, method: str, target: str, headers: Headers, body: bytes | None) -> None:
        """Raises NotTestable for a request that might change something with a live pair's secret."""
        if not self._pairs or _is_read(method, target, headers, body):
            return
        carried = b"\n".join(
            [*(part for _, value in headers for part in _spellings(value)), target.encode(), body or b""]
        )
        for pair in self._pairs:
            if pair.secret.encode() in carried:
                raise only_reads(pair.name)


def of(profile: Profile) -> Guard:
    """Returns the guard over the credentials of a profile."""
    return Guard(pair for name, pair in profile.credentials.items() if profile.reads_only(name))


def only_reads(name: str) -> NotTestable:
    """Returns the error of a check that would have to change something with live credentials."""
    return NotTestable(
        f"[credentials.{name}] are live, so nothing but reads is sent with them",
        hint=f'If they are not live, write environment = "test" into [credentials.{name}]; '
        "--allow-live has real payouts cancelled.",
    )


def _is_read(method: str, target: str, headers: Headers, body: bytes | None) -> bool:
    """Returns whether a request is a plain read of a resource: no method in disguise, and not a cancel's path."""
    path, _, query = target.lower().partition("?")
    disguised = any(name.lower() in _OVERRIDES for name, _ in headers) or "_method" in query
    return method.upper() in _READS and not disguised and "/cancel" not in path and not body


def _spellings(value: str) -> Iterable[bytes]:
    """Returns a header as it stands, and each of its words decoded from base64."""
    yield value.encode("utf-8", "surrogateescape")
    for word in value.split():
        try:
            yield base64.b64decode(word + "=" * (-len(word) % 4))
        except (binascii.Error, ValueError):
            continue
