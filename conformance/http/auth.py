"""Basic authentication (RFC 7617)."""

import base64


def basic(key: str, secret: str) -> str:
    """Returns the value of `Authorization` for a user name and a password."""
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
