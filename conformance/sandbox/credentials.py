"""The playground's credentials: fixed, published, and good for nothing but a sandbox on loopback."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from conformance.sandbox.apis import apis

CREDENTIALS: Final = MappingProxyType(
    {
        name: MappingProxyType(
            {role: MappingProxyType(dict(values)) for role, values in api.credentials.items()}
        )
        for name, api in apis().items()
    }
)
"""API, then role, then credential, as a profile spells them."""


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of a key, and its environment where an API has several."""

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
