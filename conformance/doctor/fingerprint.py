"""Tells by an answer who gave it: this API, something in front of it, or another service."""

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from conformance.contract import DocumentedAnswers
from conformance.http import summary
from conformance.http.reply import MISSING, Reply

# Keys that JSON APIs commonly have at the top of an answer.
_KEYS = {"success", "data", "error", "errors", "object", "code"}
_LOGIN = re.compile(r"log-?in|sign-?in|sso|oauth|auth|portal|captive", re.IGNORECASE)
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)", re.IGNORECASE | re.DOTALL)


def is_html(reply: Reply) -> bool:
    """Returns whether the body is a page for browsers, whatever the content type says."""
    return _HTML.match(reply.body) is not None


def is_refusal(reply: Reply) -> bool:
    """Returns whether the caller wasn't let in."""
    return reply.status in (401, 403)


def is_let_in(reply: Reply) -> bool:
    """Returns whether an answer to the probe is one to a known caller: there is no such resource, or success."""
    return reply.ok or reply.status == 404


def is_not_found(reply: Reply, documented: DocumentedAnswers) -> bool:
    """Returns whether an answer is the documented one to an id that names nothing."""
    wanted = documented.not_found
    return reply.status == wanted.status and wanted.code in (None, reply.at(documented.code))


def is_doubtful(reply: Reply, documented: DocumentedAnswers) -> bool:
    """Returns whether an answer to the probe may be another service's: an error, and not the documented one.

    A 5xx in JSON with a common key is taken for the API's own; a refusal in JSON is about credentials.
    """
    if reply.ok:
        return reply.json is MISSING
    if is_refusal(reply):
        return is_html(reply)
    if reply.status == 404:
        return not is_not_found(reply, documented)
    value = reply.json
    return not isinstance(value, dict) or not _KEYS & value.keys()


def elsewhere(reply: Reply, base_url: str) -> str | None:
    """Returns the goal of a redirect to another server or a login page; None for any other, or one that is no URL."""
    location = reply.header("Location")
    if not 300 <= reply.status < 400 or not location:
        return None
    try:
        there, here = urlsplit(urljoin(base_url, location)), urlsplit(base_url)
        same = (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
    except ValueError:
        return None
    if same and not _LOGIN.search(there.path):
        return None
    return f"{there.scheme}://{there.netloc.rpartition('@')[2]}{there.path}"[:120]


def impostor(reply: Reply, base_url: str) -> tuple[str, str] | None:
    """Returns who answered instead of an API, and what to do: a login page, a captive portal, a proxy. None otherwise.

    Counts only answers that no implementation of an API gives, however broken: a page for browsers as a success, a
    redirect to another place, a network that wants its terms accepted.
    """
    there = elsewhere(reply, base_url)
    if there is not None:
        https = there.startswith("https://") and base_url.startswith("http://")
        return f"it redirects to {there}", (
            "Write https in target.base_url."
            if https
            else "Is target.base_url the address of the API, and not of a web page or an old host?"
        )
    if reply.status == 511:
        return "511: this network wants you to log in first", "Open a browser and accept its terms."
    if reply.status == 407:
        return (
            "407: a proxy stands between",
            "The harness connects directly: is target.base_url a proxy's address?",
        )
    if reply.ok and is_html(reply):
        return (
            f"a web page says that all is well ({summary.brief(reply, kind=True)})",
            "Is this a login page or a captive portal? target.base_url has to be the address of the API itself.",
        )
    return None


def skew_s(replies: list[Reply]) -> tuple[float, float] | None:
    """Returns how far the target's clock is ahead of ours: bounds in seconds, low and high; None without a `Date`.

    `Date` (RFC 9110 section 6.6.1) tells whole seconds: the target's time was in [Date, Date + 1 s) at some moment
    between the request and the answer. Several answers narrow it down.
    """
    low, high = float("-inf"), float("inf")
    for reply in replies:
        told = _date(reply)
        if told is not None:
            low = max(low, (told - reply.sent_at).total_seconds() - reply.duration_s)
            high = min(high, (told - reply.sent_at + timedelta(seconds=1)).total_seconds())
    return (min(low, high), max(low, high)) if high != float("inf") else None


def _date(reply: Reply) -> datetime | None:
    try:
        told = parsedate_to_datetime(reply.header("Date") or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return told if told.tzinfo is not None else None
