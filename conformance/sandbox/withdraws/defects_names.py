"""Withdraws that are found by a name outside of the path, or of a merchant that something but the key names."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

Find = Callable[[Request], object]


def body_of(request: Request) -> dict[str, Any]:
    """The fields of a body, or none."""
    with suppress(ValueError, RecursionError):
        sent = json.loads(request.body or b"null")
        return sent if isinstance(sent, dict) else {}
    return {}


def _inside(name: str) -> Find:
    """The id in an object of the body."""

    def find(request: Request) -> object:
        found = body_of(request).get(name)
        return found.get("id") if isinstance(found, dict) else None

    return find


def _header(name: bytes) -> Find:
    return lambda request: next((value.decode("latin-1") for value in request.values(name)), None)


def _query(name: str) -> Find:
    return lambda request: next(iter(parse_qs(request.query).get(name, ())), None)


def _cookie(request: Request) -> object:
    found = re.search(rb"withdraw_id=([^;]+)", b";".join(request.values(b"cookie")))
    return found[1].decode("latin-1") if found else None


def _names_the_withdraw(find: Find) -> type[Withdraws]:
    """The withdraw is another one than that of the path, whoever owns it."""

    class NamesTheWithdraw(Withdraws):
        async def cancel(self, request: Request, given: str) -> Response:
            named = find(request)
            other = self.known(named) if isinstance(named, str) else None
            if other is None or other.id == given.lower():
                return await super().cancel(request, given)
            self.authenticate(request)
            self.check_cancellable(other)
            self.write(other)
            return self.success(other)

    return NamesTheWithdraw


def _names_the_merchant(find: Find) -> type[Withdraws]:
    """The merchant whose withdraws are looked up is another one than that of the key."""

    class NamesTheMerchant(Withdraws):
        def authenticate(self, request: Request) -> Account:
            account, named = super().authenticate(request), find(request)
            return self.account_for(named.encode()) or account if isinstance(named, str) else account

    return NamesTheMerchant


wd("wd-header-names-the-withdraw", "WD-12, WD-15", "X-Withdraw-Id, meant for the gateway, replaces the id of the path.",
   _names_the_withdraw(_header(b"x-withdraw-id")))
wd("wd-nested-id-names-the-withdraw", "WD-12, WD-15",
   "The body is bound to an object: the id of a withdraw inside replaces that of the path.",
   _names_the_withdraw(_inside("withdraw")))
wd("wd-data-names-the-withdraw", "WD-12, WD-15", "The id in the body's data replaces that of the path.",
   _names_the_withdraw(_inside("data")))
wd("wd-cookie-names-the-withdraw", "WD-12, WD-15", "Parameters of path and cookies are merged: a cookie wins.",
   _names_the_withdraw(_cookie))
wd("wd-body-names-the-merchant", "WD-12", "merchantId in the body names the merchant instead of the key.",
   _names_the_merchant(lambda request: body_of(request).get("merchantId")))
wd("wd-query-names-the-merchant", "WD-12", "merchant_id in the query, meant for the back office, names the merchant.",
   _names_the_merchant(_query("merchant_id")))
wd("wd-query-has-a-key", "WD-12", "api_key in the query, which older clients sent, looks the withdraw up.",
   _names_the_merchant(_query("api_key")))
wd("wd-header-names-the-merchant", "WD-12", "X-Merchant-Id names the merchant also when a client sends it.",
   _names_the_merchant(_header(b"x-merchant-id")))


@defect("wd-read-row-is-anybodys-in-one-process", "WD-12")
class ReadRowIsAnybodysInOneProcess(Withdraws):
    """One of two processes keeps rows by their id alone: what an owner has read there, any merchant cancels there."""

    process = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept: set[tuple[int, str]] = set()

    def look_at(self, request: Request) -> None:
        super().look_at(request)
        self.process, self.is_post = request.connection % 2, request.method == "POST"

    def find(self, account: Account, given: str) -> Withdraw:
        row = self.known(given)
        if row is not None and self.is_post and (1, row.id) in self.kept and self.process == 1:
            return row
        found = super().find(account, given)
        self.kept.add((self.process, found.id))
        return found
