"""Withdraws that accept a request because of an earlier one: authentication is cached by too little."""

from typing import Any

from conformance.sandbox import changes
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.withdraws.changes import account_of_key
from conformance.sandbox.withdraws.reference import Withdraws


class _Keeps(Withdraws):
    """Caches each authenticated request by its `mark`, and accepts every request with the same mark."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept: dict[object, Account] = {}

    def mark(self, request: Request) -> object:
        """The cache key of a request; None where it isn't cached."""
        raise NotImplementedError

    def authenticate(self, request: Request) -> Account:
        """Authenticates a request unless its mark is cached."""
        mark = self.mark(request)
        if mark in self.kept:
            return self.kept[mark]
        account = super().authenticate(request)
        if mark is not None:
            self.kept[mark] = account
        return account


@defect("wd-verified-key-is-trusted", "WD-31", "WD-32")
class VerifiedKeyIsTrusted(_Keeps):
    """A key whose signature was verified once needs no valid signature any more."""

    def mark(self, request: Request) -> object:
        keys = request.values(b"x-api-key")
        return keys[0] if keys else None


@defect("wd-connection-is-trusted", "WD-31", "WD-32", "WD-33")
class ConnectionIsTrusted(_Keeps):
    """A connection is authenticated by its first request; later requests on it are accepted."""

    def mark(self, request: Request) -> object:
        return request.connection


@defect("wd-decision-is-kept-by-withdraw", "WD-31", "WD-32", "WD-33")
class DecisionIsKeptByWithdraw(_Keeps):
    """Access is cached by the withdraw's id: after a read by its owner, any merchant cancels it."""

    def mark(self, request: Request) -> object:
        place = self.place(request.path)
        return place and place[1].lower()


@defect("wd-decision-is-kept-by-path", "WD-12", "WD-36", "WD-37")
class DecisionIsKeptByPath(_Keeps):
    """Authentication is cached by path: after a read by the owner, any request reads the withdraw."""

    def mark(self, request: Request) -> object:
        return request.path


@defect("wd-cancel-is-kept-by-path", "WD-37")
class CancelIsKeptByPath(_Keeps):
    """Authentication of a cancel is cached by path: after the owner's cancel, a wrong signature is told the state."""

    def mark(self, request: Request) -> object:
        return request.path if request.path.endswith("/cancel") else None


@defect("wd-timestamp-is-verified-once", "WD-32")
class TimestampIsVerifiedOnce(_Keeps):
    """Verified pairs of key and timestamp are cached, and a cached pair needs no signature."""

    def mark(self, request: Request) -> object:
        return tuple(request.values(b"x-api-key") + request.values(b"x-timestamp"))


@defect("wd-answer-is-kept-for-retries", "WD-32")
class AnswerIsKeptForRetries(Withdraws):
    """A success is cached by key, timestamp and path, and returned before the signature is verified."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers: dict[object, Response] = {}

    async def cancel(self, request: Request, given: str) -> Response:
        mark = (given, *request.values(b"x-api-key"), *request.values(b"x-timestamp"))
        if mark not in self.answers:
            self.answers[mark] = await super().cancel(request, given)
        return self.answers[mark]


@defect("wd-answer-is-kept-for-anybody", "WD-12")
class AnswerIsKeptForAnybody(Withdraws):
    """A success is cached by its path, and returned to other merchants who cancel the same withdraw."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers: dict[str, Response] = {}

    async def cancel(self, request: Request, given: str) -> Response:
        account, row = self.authenticate(request), self.known(given)
        if row is not None and account.merchant != row.merchant and row.id in self.answers:
            return self.answers[row.id]
        reply = await super().cancel(request, given)
        self.answers[given.lower()] = reply
        return reply


@defect("wd-session-suffices", "WD-31")
class SessionSuffices(Withdraws):
    """Each authenticated request gets a session cookie, which replaces the signature from then on."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sessions: dict[bytes, Account] = {}

    async def respond(self, request: Request) -> Response | None:
        reply = await super().respond(request)
        if reply is None or not 200 <= reply.status < 300:
            return reply
        session = b"session=%d" % len(self.sessions)
        account = account_of_key(self, request)
        if account is not None:
            self.sessions[session] = account
        return changes.headed(reply, "set-cookie", f"{session.decode()}; Path=/; HttpOnly")

    def authenticate(self, request: Request) -> Account:
        known = [self.sessions[one] for one in request.values(b"cookie") if one in self.sessions]
        return known[0] if known else super().authenticate(request)


@defect("wd-unknown-key-is-the-last-caller", "WD-33")
class UnknownKeyIsTheLastCaller(Withdraws):
    """The account variable isn't cleared by a failed lookup: an unknown key counts as the caller before."""

    last: Account | None = None

    def account_for(self, key: bytes) -> Account | None:
        self.last = super().account_for(key) or self.last
        return self.last


@defect("wd-refusal-opens-the-read", "WD-12")
class RefusalOpensTheRead(Withdraws):
    """A refused request caches its withdraw as authenticated: the next read needs no signature."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.looked_at: set[str] = set()

    def unauthorized(self, request: Request, reason: str) -> Refusal:
        place = self.place(request.path)
        self.looked_at.add(place[1].lower() if place else "")
        return super().unauthorized(request, reason)

    async def read(self, request: Request, given: str) -> Response:
        row = self.known(given)
        return (
            self.shown_to_reader(row)
            if row and row.id in self.looked_at
            else await super().read(request, given)
        )
