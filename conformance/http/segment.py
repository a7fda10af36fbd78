"""Escapes ids, which may be any text, for paths: the one place where they become a part of a URL."""

from urllib.parse import quote

from conformance.errors import NotTestable


def segment(resource_id: str) -> str:
    """The id as one segment of a path (RFC 3986 section 3.3), all of it escaped that isn't unreserved.

    Raises NotTestable for an id that no URL can name. An empty one leaves the segment out. `.` and `..` are taken out
    on the way, escaped or not, by whoever normalises the URL (sections 5.2.4 and 6.2.2). Half of a surrogate pair is
    no character, so it has no UTF-8.
    """
    if resource_id in ("", ".", ".."):
        raise _unnamable(resource_id, "it would not stay in the path")
    try:
        return quote(resource_id, safe="")
    except UnicodeEncodeError:
        raise _unnamable(resource_id, "it holds half of a character") from None


def _unnamable(resource_id: str, why: str) -> NotTestable:
    return NotTestable(
        f"the state source handed out the id {resource_id!a}, which no URL can name: {why}",
        hint="Hand out ids of resources that the target has.",
    )
