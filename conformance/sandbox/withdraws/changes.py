"""Changes that only defects of withdraws make, besides those of any API: signatures, timestamps, providers."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import Declare
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.steps import after, instead
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

wd = Declare(Withdraws)
"""Declares a defect of withdraws."""


def account_of_key(api: Withdraws, request: Request) -> Account | None:
    """For `lets_in`: whose the key is."""
    keys = request.values(b"x-api-key")
    return api.account_for(keys[0]) if keys else None


def with_header(request: Request, name: bytes, value: bytes) -> Request:
    """For `reads_signing`: a request with this value of a header."""
    others = [header for header in request.headers if header[0].lower() != name]
    return replace(request, headers=(*others, (name, value)))


def covers(body: Callable[[bytes], bytes]) -> type[Withdraws]:
    """The signature covers another body than the one that came."""

    class Covers(Withdraws):
        def signed_message(self, timestamp: bytes, sent: bytes) -> bytes:
            return super().signed_message(timestamp, body(sent))

    return Covers


def compares(match: Callable[[bytes, bytes], bool]) -> type[Any]:
    """The signature sent is compared with the expected one otherwise: from both, expected first."""
    return instead(
        Withdraws.signature_matches,
        lambda api, account, stamp, body, sent: match(api.expected_signature(account, stamp, body), sent),
    )


def also_matches(match: Callable[[bytes], bool]) -> type[Any]:
    """Some signatures match whatever they cover."""
    return after(
        Withdraws.signature_matches, lambda api, matches, account, stamp, body, sent: match(sent) or matches
    )


def signed_by(signers: Callable[[Withdraws, Account], Iterable[Account]]) -> type[Withdraws]:
    """The signature may be made with the secret of any of several accounts."""

    class SignedBy(Withdraws):
        def signature_matches(
            self, account: Account, timestamp: bytes, body: bytes, signature: bytes
        ) -> bool:
            matches = super().signature_matches
            return any(matches(signer, timestamp, body, signature) for signer in signers(self, account))

    return SignedBy


def also_fresh(check: Callable[[bytes], bool]) -> type[Any]:
    """Some timestamps are fresh whatever the time."""
    return after(Withdraws.is_fresh, lambda api, fresh, stamp: check(stamp) or fresh)


def unguarded(when: Callable[[Request, str, Withdraw], bool]) -> type[Withdraws]:
    """Returns the change that asks for no credentials at some requests to cancel."""

    class Unguarded(Withdraws):
        async def cancel(self, request: Request, given: str) -> Response:
            withdraw = self.known(given)
            if withdraw is None or not when(request, given, withdraw):
                return await super().cancel(request, given)
            self.check_cancellable(withdraw)
            self.write(withdraw)
            return self.success(withdraw)

    return Unguarded
