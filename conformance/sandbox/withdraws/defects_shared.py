"""Withdraws that refused requests leave something behind on: one alone, or only several of different kinds."""

from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.withdraws.reference import Withdraws


class _Marks(Withdraws):
    """Remembers withdraws that refused requests named."""

    @property
    def marked(self) -> dict[str, set[str]]:
        """The ids of withdraws by what was refused about them."""
        found: dict[str, set[str]] = vars(self).setdefault("marks", {})
        return found

    def has(self, mark: str, identifier: str) -> bool:
        """Whether a withdraw has a mark."""
        return identifier in self.marked.get(mark, set())

    def mark(self, mark: str, identifier: str) -> None:
        """Gives a withdraw a mark."""
        self.marked.setdefault(mark, set()).add(identifier)


@defect("wd-failed-signature-locks-the-withdraw", "WD-32", "WD-31", "WD-33", "WD-35")
class FailedSignatureLocks(_Marks):
    """A failed signature counts as an attack on the withdraw, which nobody can cancel any more: 423."""

    async def cancel(self, request: Request, given: str) -> Response:
        row = self.known(given)
        try:
            account = self.authenticate(request)
        except Refusal:
            if row is not None:
                self.mark("locked", row.id)
            raise
        if row is not None and self.has("locked", row.id) and self.owns(account, row):
            raise Refusal(423, "LOCKED", "This withdraw is locked.")
        return await super().cancel(request, given)


class _Drafts(_Marks):
    """Another method on the path of a cancel leaves a draft behind, which the next failed signature finds."""

    def method_refused(self, request: Request, where: str) -> Response:
        place = self.place(request.path)
        row = self.known(place[1]) if place is not None else None
        if row is not None and where == "cancel":
            self.mark("draft", row.id)
        return super().method_refused(request, where)

    def found(self, row: Any) -> None:
        """Called where a signature fails for a withdraw that has a draft."""

    async def cancel(self, request: Request, given: str) -> Response:
        row = self.known(given)
        try:
            self.authenticate(request)
        except Refusal:
            if row is not None and self.has("draft", row.id) and row.status == "pending":
                self.found(row)
            raise
        if row is not None and self.has("locked", row.id):
            raise Refusal(423, "LOCKED", "This withdraw is locked.")
        return await super().cancel(request, given)


@defect("wd-two-refusals-cancel-together", "WD-40", needs="two checks on one withdraw")
class TwoRefusalsCancel(_Drafts):
    """A refused PUT leaves a draft, and the log of failed signatures writes all drafts: the withdraw is canceled."""

    def found(self, row: Any) -> None:
        self.write(row)


@defect("wd-two-refusals-lock-together", "WD-40", needs="two checks on one withdraw", warns=True)
class TwoRefusalsLock(_Drafts):
    """A refused PUT and a failed signature of one withdraw look like an attack: nobody can cancel it any more."""

    def found(self, row: Any) -> None:
        self.mark("locked", row.id)
