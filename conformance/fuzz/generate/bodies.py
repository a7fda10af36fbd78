"""Bodies of requests in the media type that the specification documents."""

import json
from typing import Any

from conformance import openapi
from conformance.contracts import contract
from conformance.http.reply import MISSING
from conformance.model import Headers
from conformance.openapi import Operation

JSON = "application/json"


def media_type(operation: Operation) -> str:
    """Returns the first documented media type of the operation's body."""
    documented = openapi.document(operation.api)["paths"][operation.path][operation.method.lower()]
    return next(iter(documented["requestBody"].get("content", ())), JSON)


def label(operation: Operation) -> Headers:
    """Returns the header that names it."""
    return (("Content-Type", media_type(operation)),)


def encoded(operation: Operation, value: Any, *, ascii_only: bool = False) -> bytes:
    """Returns a value as the body of a request: JSON, or as the contract encodes an object."""
    encode = contract(operation.api).requests.encode
    if media_type(operation) != JSON and encode is not None and isinstance(value, dict):
        return encode(value)[0]
    return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def empty(operation: Operation) -> tuple[bytes | None, Any]:
    """Returns the body of a cancel without options, and its value; None and MISSING where there is no body."""
    if not operation.has_body:
        return None, MISSING
    value = dict(contract(operation.api).requests.cancel_fields or {})
    return encoded(operation, value), value
