"""The playground's credentials: fixed, published, and good for nothing but a sandbox on loopback."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

CREDENTIALS: Final = MappingProxyType(
    {
        "withdraws": MappingProxyType(
            {
                "primary": MappingProxyType(
                    {
                        "api_key": "pk_sandbox_4uQzN8mC1xVb6LrT",
                        "api_secret": "sandbox_sk_9tYxJ2fWq7HnV4cKz0RbG6mPdE3sLuA8",
                    }
                ),
                "other_merchant": MappingProxyType(
                    {
                        "api_key": "pk_sandbox_7hKdW2pS9fGy3JnA",
                        "api_secret": "sandbox_sk_V5rBn1ZcM8xQe6TgH3wLkY0uJ7aDfS2p",
                    }
                ),
            }
        ),
        "payout-intents": MappingProxyType(
            {
                "primary": MappingProxyType(
                    {
                        "public_key": "pub_sandbox_X3cRm8vK5jWq1TzE",
                        "secret_key": "sandbox_sec_Lf6NyU4bGh9DsPo2IxA7eCkM0rQwJ5tZ",
                    }
                ),
                "other_merchant": MappingProxyType(
                    {
                        "public_key": "pub_sandbox_B9nEy6sH2gLf4QuD",
                        "secret_key": "sandbox_sec_Kw3ZpV8xRj1TmYc5HbS0nGqE7dUaF4oL",
                    }
                ),
                "other_environment": MappingProxyType(
                    {
                        "public_key": "pub_sandbox_T5kMw1rC8zPa7VxJ",
                        "secret_key": "sandbox_sec_Qe2AhD6uNf9XvWy4LsB7tRiK1gZoM3cP",
                    }
                ),
            }
        ),
    }
)
"""API, then role, then credential, as a profile spells them."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who a key belongs to. Withdraws know one environment only."""

    merchant: str
    environment: str
    key: bytes
    secret: bytes


ROLES: Final = MappingProxyType(
    {
        "primary": ("merchant_a", "test"),
        "other_merchant": ("merchant_b", "test"),
        "other_environment": ("merchant_a", "live"),
    }
)


def accounts(api: str) -> dict[bytes, Account]:
    """The accounts of one API by their key."""
    found: dict[bytes, Account] = {}
    for role, values in CREDENTIALS[api].items():
        key, secret = (value.encode() for value in values.values())
        found[key] = Account(*ROLES[role], key=key, secret=secret)
    return found
