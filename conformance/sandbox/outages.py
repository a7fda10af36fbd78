"""Requests that meet something unavailable, as variants name it: `unavailable_*`, `source_unavailable_every`.

They say nothing about an API.
"""

from http import HTTPStatus

from conformance.sandbox.messages import HANG_UP, Response
from conformance.sandbox.variants import Variants

_PAGE = "<html><body><h1>{status} {reason}</h1>\n<p>Nothing here takes requests just now.</p></body></html>\n"


class Outages:
    """Counts requests, and has each n-th of them meet an outage."""

    def __init__(self) -> None:
        self._count = self._asked = 0

    def is_due(self, variants: Variants) -> bool:
        """Whether the request that has just come meets one."""
        if not variants.unavailable_every:
            return False
        self._count += 1
        return self._count % variants.unavailable_every == 0

    def is_due_at_the_source(self, variants: Variants) -> bool:
        """Whether the request to the provider-state endpoint that has just come meets one."""
        self._asked += 1
        every = variants.source_unavailable_every
        is_due = bool(every) and self._asked % every == 0
        return (variants.unavailable_source and self.is_due(variants)) or is_due


def before(variants: Variants) -> Response | None:
    """Returns the answer of a front server, which keeps a request from the API; None where the API answers in vain."""
    kind = variants.unavailable_as
    if kind == "too_late":
        return None
    if kind == "lost":
        return HANG_UP
    status = HTTPStatus(int(kind))
    headers = (("retry-after", str(variants.retry_after_s)),) if variants.retry_after_s else ()
    page = _PAGE.format(status=status.value, reason=status.phrase)
    return Response(status.value, page.encode(), headers, "text/html")
