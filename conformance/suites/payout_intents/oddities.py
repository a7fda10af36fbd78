"""Oddities of a recorded request, in words, and the requirements of the catalogue that are about them."""

import json
import re
from urllib.parse import urlsplit

from conformance.model import Auth, Exchange
from conformance.oracles import wording
from conformance.oracles.server_errors import RequestKind, a, cut

_PATH = re.compile(r"/payout_intents/([^/]+)(/cancel)?")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.~-]{1,128}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_JSON = re.compile(r"application/json( *; *charset=utf-8)?", re.IGNORECASE)
_LONGEST_PLAIN, _LIMIT = 100, 512


def oddity(sent: Exchange) -> RequestKind:
    """Returns what is odd about a request; of several things the one that a target looks at first."""
    url = urlsplit(sent.url)
    at = url.path.find("/payout_intents/")
    found = _PATH.fullmatch(url.path[at:]) if at >= 0 and not url.path[:at].endswith("/") else None
    if found is None:
        return RequestKind("path", f"{a(sent.method)} of {cut(url.path)}")
    identifier, is_cancel = found.groups()
    name = "a cancel" if is_cancel else "a read"
    if sent.method != ("POST" if is_cancel else "GET"):
        return RequestKind("method", f"{a(sent.method)} on the {'cancel' if is_cancel else 'read'} path")
    if sent.auth is not Auth.DOCUMENTED:
        return RequestKind("credentials", f"{name} with wrong credentials")
    if not _PLAIN_ID.fullmatch(identifier):
        return RequestKind("id", f"{name} of the id {cut(identifier)}")
    if url.query:
        return RequestKind("query", f"{name} with the query {cut(url.query)}")
    return _headers(sent, name, is_cancel=bool(is_cancel)) or RequestKind(
        "documented", f"{name} as documented"
    )


def _headers(sent: Exchange, name: str, *, is_cancel: bool) -> RequestKind | None:
    keys = [value for header, value in sent.request_headers if header.lower() == "idempotency-key"]
    labels = [value for header, value in sent.request_headers if header.lower() == "content-type"]
    if len(keys) > 1 or any(not _UUID.fullmatch(key) or not is_cancel for key in keys):
        plain = len(keys) == 1 and not is_cancel and _UUID.fullmatch(keys[0])
        said = f"{len(keys)} keys" if len(keys) > 1 else f"the key {cut(keys[0])}"
        said = "an Idempotency-Key" if plain else said
        return RequestKind("key", f"{name} with {said}")
    if not is_cancel:
        return None
    if sent.request_body and (len(labels) != 1 or not _JSON.fullmatch(labels[0])):
        return RequestKind(
            "label", f"{name} labelled {cut(labels[0])}" if labels else f"{name} without a content type"
        )
    return _body(sent.request_body, name)


def _body(body: bytes, name: str) -> RequestKind | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    reason = value.get("reason", "") if isinstance(value, dict) else None
    if value is None or not isinstance(value, dict) or set(value) - {"reason"} or body.count(b'"reason"') > 1:
        said = "no body" if not body else f"the body {cut(body.decode('utf-8', 'backslashreplace'))}"
        return RequestKind("body", f"{name} with {said}")
    if not isinstance(reason, str):
        return RequestKind("reason", f"{name} with the reason {cut(json.dumps(reason))}")
    if len(reason) > _LIMIT:
        return RequestKind("long_reason", f"{name} with a reason of {len(reason)} characters")
    if len(reason) > _LONGEST_PLAIN or not reason.isascii():
        return RequestKind("text", f"{name} with the reason {wording.value(reason, 40)}")
    return None
