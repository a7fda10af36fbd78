"""Hints that are chosen by what was answered, in place of the one that a check has for its own rule."""

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.model import Auth

_CRASH = "An exception got out of the handler: the target's own log names it, at the time of this request."
_FIREWALL = (
    "An HTML page, not an answer of the API: perhaps a firewall or proxy before the target turned this away."
)
_ROUTER = (
    "An HTML page, not an answer of the API: it seems that no handler takes this path and method, so that "
    "nothing was looked up. Compare the route, and the base URL of the profile."
)
_OTHER_METHODS = (
    "An HTML page, not an answer of the API: the path is known, and this method isn't taken there."
)
_PAGES = {
    **dict.fromkeys((403, 406, 429), _FIREWALL),
    404: _ROUTER,
    405: _OTHER_METHODS,
}
FRAMEWORKS_PAGE = (
    "An HTML page: a router's, for a path that it doesn't know, or a framework's for what it didn't find. Map such "
    "pages to the error envelope."
)
"""Hint for a page in the place of a refusal for an id that names nothing."""
NAME_THE_METHODS = "A 405 names in Allow the methods that the address has (RFC 9110 section 15.5.6)."
"""Hint for a 405 without a header that says so."""
_UNAUTHENTICATED = (
    "These credentials are the documented ones: was the request turned away before it was handled?"
)
_FORM = "The request is as documented: which check of its form turned it away? The message may say so."


def by_answer(reply: Reply, otherwise: str = "", *, documented: bool = True) -> str:
    """Returns the hint that an answer itself suggests, `otherwise` where it suggests none.

    `documented` is False for a request that is wrong on purpose, which may be refused for its form.
    """
    status = reply.status
    if status >= 500:
        return _CRASH
    if summary.is_page(reply) and status >= 400:
        return _PAGES.get(status, otherwise)
    if documented and reply.exchange.auth is Auth.DOCUMENTED:
        if status in (401, 403):
            return _UNAUTHENTICATED
        if status in (400, 405, 406, 415):
            return _FORM
    return otherwise
