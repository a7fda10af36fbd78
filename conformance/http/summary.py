"""An answer in one line, for messages: as it is recorded, without secrets.

Each text is cut after the secrets are out: half of one would not be known for a secret.
"""

import json
import re

from conformance.http.reply import Reply
from conformance.model import Exchange
from conformance.report.safe import flat, line

_LONGEST = 200
# White space is joined in the beginning of a body only: some are megabytes long.
_READ = 4_000
# With so many characters or more, `brief` shows the body itself in place of its error code.
WORDS = 300
_ESCAPES = re.compile(r"(?<!\\)(?:\\u[0-9a-fA-F]{4})+")


def of(reply: Reply) -> str:
    """The status of an answer and how its body begins, up to 200 characters."""
    return of_exchange(reply.exchange)


def of_exchange(exchange: Exchange) -> str:
    """Returns a recorded answer in one line; where no answer came, the reason."""
    if exchange.error:
        return exchange.error
    body = _body(exchange)
    text = flat(body[:_READ])
    more = "..." if len(text) > _LONGEST or len(body) > _READ else ""
    return f"{exchange.status} {text[:_LONGEST]}{more}".strip()


def brief(reply: Reply, limit: int = 80, *, code: bool = True, kind: bool = False) -> str:
    """The status of an answer and its error `code`, or how its body begins, in about `limit` visible characters.

    With `kind`, the content type is named, and a page for browsers by its title.
    """
    named = reply.at("error.code")
    if code and isinstance(named, str) and named and limit < WORDS:
        return line(f"{reply.status} {named}", limit)
    text, label = _body(reply.exchange), ""
    if kind:
        title = re.search(r"<title>\s*(.*?)\s*</title>", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else text
        label = ", " + (reply.header("Content-Type") or "no content type").split(";")[0]
    if not text.strip():
        return f"{reply.status}{label}, no body" if kind else f"{reply.status} without a body"
    return f"{reply.status}{label}: '{line(text, limit)}'"


def short(reply: Reply) -> str:
    """The status of an answer with its error code or its kind, for titles: `404 not_found`, `403 with an HTML page`."""
    code = reply.recorded("error.code")
    if isinstance(code, str) and code.strip():
        return f"{reply.status} {line(code, 60)}"
    if is_page(reply):
        return f"{reply.status} with an HTML page"
    return f"{reply.status}"


def is_page(reply: Reply) -> bool:
    """Whether an answer is a page for browsers."""
    kind = (reply.header("Content-Type") or "").lower()
    begin = reply.text[:_READ].lstrip().lower()
    return kind.startswith("text/html") or begin.startswith(("<!doctype html", "<html"))


def _body(exchange: Exchange) -> str:
    text = exchange.response_body[: 8 * _READ].decode("utf-8", "backslashreplace")
    return _ESCAPES.sub(_character, text) if "\\u" in text else text


def _character(found: re.Match[str]) -> str:
    r"""The characters that JSON escapes stand for (`\u00e9`), where they can be seen and mean nothing in JSON."""
    try:
        text = str(json.loads(f'"{found[0]}"'))
    except ValueError:
        return found[0]
    return text if text.isprintable() and not set(text) & {'"', "\\"} else found[0]
