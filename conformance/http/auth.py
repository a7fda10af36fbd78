"""Both documented ways of proving who calls: an HMAC over timestamp and body, and Basic (RFC 7617)."""

import base64
import hashlib
import hmac

from conformance.model import Credentials as Credentials  # noqa: PLC0414 - for those who sign


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and the lower-case hex HMAC-SHA256 of `timestamp.body` (withdraws, section Example Request)."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def signed_headers(credentials: Credentials, timestamp: str, body: bytes) -> dict[str, str]:
    """The three headers of a withdraws request; `timestamp` is milliseconds since the epoch, in digits."""
    return {
        "X-API-Key": credentials.key,
        "X-Timestamp": timestamp,
        "X-Signature": signature(credentials.secret, timestamp, body),
    }


def basic(key: str, secret: str) -> str:
    """The value of `Authorization` for a payout-intents request (section Required headers)."""
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
