"""What a defect of withdraws may get wrong besides what any API may: signatures, timestamps, providers."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import Declare
from conformance.sandbox.messages import Refusal, Request, Response
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


def provider_allows() -> type[Withdraws]:
    """Whether the provider can stop a withdraw isn't asked."""

    class ProviderAllows(Withdraws):
        def provider_allows(self, row: Withdraw) -> bool:
            return True

    return ProviderAllows


def unsupported(form: Callable[[Withdraw, Refusal], Refusal]) -> type[Withdraws]:
    """The refusal because of the provider is another one."""

    class Unsupported(Withdraws):
        def unsupported(self, row: Withdraw) -> Refusal:
            return form(row, super().unsupported(row))

    return Unsupported


def covers(body: Callable[[bytes], bytes]) -> type[Withdraws]:
    """The signature covers another body than the one that came."""

    class Covers(Withdraws):
        def signed_message(self, timestamp: bytes, sent: bytes) -> bytes:
            return super().signed_message(timestamp, body(sent))

    return Covers


def expects(form: Callable[[bytes], bytes]) -> type[Withdraws]:
    """The signature is expected in another form."""

    class Expects(Withdraws):
        def expected_signature(self, account: Account, timestamp: bytes, body: bytes) -> bytes:
            return form(super().expected_signature(account, timestamp, body))

    return Expects


def compares(match: Callable[[bytes, bytes], bool]) -> type[Withdraws]:
    """The signature sent is compared with the expected one otherwise: from both, expected first."""

    class Compares(Withdraws):
        def signature_matches(
            self, account: Account, timestamp: bytes, body: bytes, signature: bytes
        ) -> bool:
            return match(self.expected_signature(account, timestamp, body), signature)

    return Compares


def also_matches(match: Callable[[bytes], bool]) -> type[Withdraws]:
    """Some signatures match whatever they cover."""

    class AlsoMatches(Withdraws):
        def signature_matches(
            self, account: Account, timestamp: bytes, body: bytes, signature: bytes
        ) -> bool:
            return match(signature) or super().signature_matches(account, timestamp, body, signature)

    return AlsoMatches


def signed_by(signers: Callable[[Withdraws, Account], Iterable[Account]]) -> type[Withdraws]:
    """The signature may be made with the secret of any of several accounts."""

    class SignedBy(Withdraws):
        def signature_matches(
            self, account: Account, timestamp: bytes, body: bytes, signature: bytes
        ) -> bool:
            matches = super().signature_matches
            return any(matches(signer, timestamp, body, signature) for signer in signers(self, account))

    return SignedBy


def reads_signing(change: Callable[[Withdraws, Request], Request]) -> type[Withdraws]:
    """Key, timestamp and signature are read from another request than the one that came."""

    class ReadsSigning(Withdraws):
        def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
            return super().signing(change(self, request))

    return ReadsSigning


def fresh(check: Callable[[Withdraws, bytes], bool]) -> type[Withdraws]:
    """Whether a timestamp is near enough to now is found otherwise."""

    class Fresh(Withdraws):
        def is_fresh(self, timestamp: bytes) -> bool:
            return check(self, timestamp)

    return Fresh


def also_fresh(check: Callable[[bytes], bool]) -> type[Withdraws]:
    """Some timestamps are fresh whatever the time."""

    class AlsoFresh(Withdraws):
        def is_fresh(self, timestamp: bytes) -> bool:
            return check(timestamp) or super().is_fresh(timestamp)

    return AlsoFresh


def near(check: Callable[[float], bool]) -> type[Withdraws]:
    """The window for the age of a timestamp, in milliseconds, is another one."""

    class Near(Withdraws):
        def is_near(self, age_ms: float) -> bool:
            return check(age_ms)

    return Near


def unguarded(when: Callable[[Request, str, Withdraw], bool]) -> type[Withdraws]:
    """Nobody is asked for credentials by some requests to cancel."""

    class Unguarded(Withdraws):
        async def cancel(self, request: Request, given: str) -> Response:
            withdraw = self.known(given)
            if withdraw is None or not when(request, given, withdraw):
                return await super().cancel(request, given)
            self.check_cancellable(withdraw)
            self.write(withdraw)
            return self.success(withdraw)

    return Unguarded
