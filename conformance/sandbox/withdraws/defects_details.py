"""Withdraws that get a detail wrong: of a signature, a body, a method, or what an answer shows of a withdraw."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from conformance.sandbox import changes, steps
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.store import instant
from conformance.sandbox.withdraws import changes as own
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.defects_names import body_of
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

# What is compared, and covered

wd("wd-timestamp-ends-at-a-semicolon", "WD-34", "What stands behind a semicolon in the timestamp is ignored.",
   steps.asked(Withdraws.is_fresh, lambda api, stamp: stamp.split(b";")[0]))
wd("wd-undefined-is-a-signature", "WD-32", "A signature of undefined, which an older client sent, isn't compared.",
   own.also_matches(lambda sent: sent in (b"undefined", b"sha256=undefined")))
wd("wd-other-algorithms-are-not-verified", "WD-32",
   "The part before the equals sign names the algorithm, and one that isn't known is passed over.",
   own.also_matches(lambda sent: sent.startswith((b"sha1=", b"md5="))))
wd("wd-body-is-covered-up-to-a-nul", "WD-35", "The body is signed as a C string: it ends at its first NUL.",
   own.covers(lambda body: body.partition(b"\0")[0]))
wd("wd-undecodable-bytes-are-replaced", "WD-35",
   "The body is decoded before it is signed: each byte that isn't UTF-8 becomes U+FFFD.",
   own.covers(lambda body: body.decode("utf-8", "replace").encode()), warns=True)
wd("wd-body-is-covered-in-small-letters", "WD-35", "The body is signed in small letters.",
   own.covers(bytes.lower))
wd("wd-body-is-covered-by-its-first-chunk", "WD-35", "The first chunk of 64 kB is signed, and the rest isn't read.",
   own.covers(lambda body: body[:65_536]))


# Methods


@defect("wd-any-other-method-cancels", "WD-40")
class AnyOtherMethodCancels(Withdraws):
    """The usual methods are refused by name, and any other one is taken for a POST."""

    def operation(self, where: str, method: str) -> str | None:
        known = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
        return where if where == "cancel" and method not in known else super().operation(where, method)


# What a body changes, and what it is refused for


@defect("wd-body-assigns-the-status", "WD-23")
class BodyAssignsTheStatus(Withdraws):
    """status and the holder's name in the body are assigned once the withdraw is cancelled."""

    async def cancel(self, request: Request, given: str) -> Response:
        self.sent = body_of(request)
        return await super().cancel(request, given)

    def write(self, row: Withdraw, reason: str | None = None) -> None:
        super().write(row, reason)
        row.status = self.sent.get("status", row.status)
        row.account_name = self.sent.get("bankAccountName", row.account_name)


def _refused_yet_canceled(when: Callable[[Request], object]) -> type[Withdraws]:
    """Some requests are refused after they were carried out."""

    class RefusedYetCanceled(Withdraws):
        async def cancel(self, request: Request, given: str) -> Response:
            reply = await super().cancel(request, given)
            if when(request):
                raise Refusal(400, "VALIDATION_ERROR", "A cancel has neither a body nor a query.")
            return reply

    return RefusedYetCanceled


wd("wd-body-is-refused-yet-canceled", "WD-10", "A cancel with a body is refused, after the withdraw has been canceled.",
   _refused_yet_canceled(lambda request: request.body), late=True)
wd("wd-query-is-refused-yet-canceled", "WD-10",
   "A cancel with a query is refused, after the withdraw has been canceled.",
   _refused_yet_canceled(lambda request: request.query), late=True)

# What is shown


def _shows(fields: Callable[[Withdraw], dict[str, Any]]) -> type[Any]:
    return changes.answers(fields)


wd("wd-answer-has-the-name-in-capitals", "WD-23", "The answer to a cancel shows the holder's name in capitals.",
   _shows(lambda it: {"bankAccountName": it.account_name.upper()}), warns=True)
wd("wd-answer-has-another-mask", "WD-23", "The answer to a cancel masks the number of the account that was used last.",
   _shows(lambda it: {"bankAccountNumber": "9999****0000"}), warns=True)
wd("wd-answer-adds-to-the-metadata", "WD-23", "The answer to a cancel has a name more in its metadata.",
   _shows(lambda it: {"metadata": it.metadata | {"cancelled_by": "api"}}))
wd("wd-answer-cuts-the-description", "WD-23", "The answer to a cancel shows twenty characters of the description.",
   _shows(lambda it: {"description": it.description[:20]}))
wd("wd-updated-at-is-tomorrow", "WD-24", "The answer to a cancel shows updatedAt a day ahead.",
   _shows(lambda it: {"updatedAt": instant(it.updated_at + timedelta(days=1))}))
wd("wd-canceled-at-has-a-blank", "WD-17", "canceledAt has a blank instead of the T, as the database prints it.",
   _shows(lambda it: {"canceledAt": instant(it.canceled_at).replace("T", " ") if it.canceled_at else None}))
