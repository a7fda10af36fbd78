"""Endpoints that an honest implementation of payout intents may have beside the two documented requests."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from conformance.sandbox.body import parse_object
from conformance.sandbox.credentials import Account
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.variants import IntentVariants
from conformance.sandbox.store import Store

_PATH = "/payout_intents"
_NEWEST = 100
_MERCHANT = ("merchant_id", "merchantId")
_HEADERS = (b"x-merchant-id", b"x-environment")


class Beside(ABC):
    """A list of intents, names of a merchant that are compared with the credentials, decisions that are kept."""

    own: IntentVariants
    store: Store[Intent]
    lists = False
    """Whether there is a list, whatever the variant says."""
    owns: Callable[[Account, Intent], bool]
    shown: Callable[[Intent], dict[str, Any]]
    reply: Callable[..., Response]
    error: Callable[[Refusal], Response]

    @abstractmethod
    def authenticate(self, request: Request) -> Account:
        """The account whose credentials a request bears."""

    async def respond(self, request: Request) -> Response | None:
        """Answer the list, where there is one, or HEAD, where a router does, or else any other request."""
        if self.own.head == "open" and request.method == "HEAD" and request.path.startswith(_PATH):
            return Response(200, b"")
        listing = self.lists or self.own.listing == "own"
        if not listing or request.path.removesuffix("/") != _PATH or request.method != "GET":
            answer: Response | None = await super().respond(request)  # type: ignore[misc]
            return answer
        try:
            rows = self.listed(self.authenticate_list(request))
        except Refusal as refusal:
            return self.error(refusal)
        newest = [self.shown(row) for row in rows[: -_NEWEST - 1 : -1]]
        return self.reply(200, {"object": "list", "data": newest})

    def authenticate_list(self, request: Request) -> Account:
        """The list asks for the same credentials."""
        return self.authenticate(request)

    def listed(self, account: Account) -> list[Intent]:
        """The intents that an account sees, oldest first."""
        return [row for row in self.store.rows() if self.owns(account, row)]

    def refuse_named(self, request: Request, account: Account) -> None:
        """The variant `named_merchant`: 403 where a request names another merchant than its credentials do."""
        if self.own.named_merchant != "refused":
            return
        named = [value.decode("latin-1") for name in _HEADERS for value in request.values(name)]
        try:
            body = parse_object(request.body) if request.body else {}
        except (ValueError, RecursionError):
            body = {}
        named += [
            value for name in (*_MERCHANT, "environment") for value in parse_qs(request.query).get(name, ())
        ]
        named += [str(body[name]) for name in (*_MERCHANT, "environment") if name in body]
        if set(named) - {account.merchant, account.key.decode(), account.environment}:
            raise Refusal(403, "forbidden", "These credentials are for somebody else.")

    def decided(self, user: bytes, password: bytes) -> bool:
        """The variant `decisions_kept_s`: whether this pair of key and secret was accepted a moment ago."""
        return time.monotonic() < self._kept().get((user, password), 0.0)

    def decide(self, user: bytes, password: bytes) -> None:
        """Remembers an accepted pair of key and secret for a moment."""
        if self.own.decisions_kept_s:
            self._kept()[user, password] = time.monotonic() + self.own.decisions_kept_s

    def _kept(self) -> dict[tuple[bytes, bytes], float]:
        kept: dict[tuple[bytes, bytes], float] = vars(self).setdefault("_let_in", {})
        return kept
