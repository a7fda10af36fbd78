"""Tells when a target locked an account as a whole, which guards against guessing and is no document's affair.

After a number of failed authentications, which a run can't do without, some targets refuse every request of the account
for a time or for good, the right ones, too. What is refused then says nothing of the requirement that it was asked for.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from conformance.http import summary
from conformance.model import Auth, Check, Exchange, Outcome
from conformance.report.answers import senders
from conformance.report.safe import counted, same_but_ids

_REFUSALS = (401, 403, 423)
# A target that refuses every second good request by chance refuses so many in turn once in a million; fewer will do
# where the words are others than those to a failed authentication.
_IN_TURN, _IN_OTHER_WORDS = 20, 3
# The words of the first ones to fail are the usual ones: later ones may meet a lock already.
_USUAL = 3
_PLAIN = re.compile(r"[0-9A-Za-z_-]{8,64}")
_JUDGED = (Outcome.FAILED, Outcome.WARNED, Outcome.ERROR, Outcome.NOT_TESTABLE)


@dataclass(frozen=True, slots=True)
class Lock:
    """A time in which one account got the same refusal to every documented request, whatever it was about."""

    whose: str
    words: tuple[int | None, str]
    since: str
    until: str
    number: int
    first: Exchange
    is_told_apart: bool

    def has(self, one: Exchange) -> bool:
        """Returns whether a request got that refusal: where its words are those of any other, while the lock held."""
        if _words(one) != self.words:
            return False
        return self.is_told_apart or (self.since < one.started_at < self.until and _sender(one) == self.whose)

    @property
    def message(self) -> str:
        """The reason of a check that can't be judged."""
        return (
            f"the target locked the account of [credentials.{self.whose}] as a whole: after failed authentications it "
            f"answered {counted(self.number, 'documented request')} with its credentials in turn by "
            f"{summary.of_exchange(self.first)}, and none otherwise. Have "
            "the lock lifted for the account that a run uses, or its limit raised: a run sends some hundred wrong "
            "credentials."
        )


def locks(checks: Sequence[Check], exchanges: Sequence[Exchange]) -> list[Lock]:
    """Returns the times in which an account was locked, as far as the evidence of a run shows them.

    Only documented requests of a kind that succeeded at another time say so: another method may always be refused.
    """
    owners = {name: _owner(kind) for check in checks for name, kind in check.resources}
    accepted = {_kind(one, owners) for one in exchanges if one.status is not None and one.status < 300}
    in_turn = [
        one
        for one in sorted(exchanges, key=lambda one: one.started_at)
        if one.auth is not Auth.DOCUMENTED or _kind(one, owners) in accepted
    ]
    every = set(map(_sender, in_turn)) - {""}
    return [lock for whose in sorted(every) for lock in _locks(whose, in_turn, owners)]


def judged(checks: Sequence[Check], exchanges: Sequence[Exchange]) -> tuple[Check, ...]:
    """Returns the checks; as not testable those that are judged, or ended, by what a locked account was answered."""
    found = locks(checks, exchanges)
    return tuple(_judged(check, exchanges, found) for check in checks) if found else tuple(checks)


def _judged(check: Check, exchanges: Sequence[Exchange], found: Sequence[Lock]) -> Check:
    if check.outcome not in _JUDGED or (check.outcome is Outcome.NOT_TESTABLE and check.problem is None):
        return check
    sent = [exchanges[index] for index in check.named]
    lock = next((lock for lock in found if any(map(lock.has, sent))), None)
    if lock is None:
        return check
    return replace(check, outcome=Outcome.NOT_TESTABLE, message=lock.message, problem=None)


def _locks(whose: str, in_turn: Sequence[Exchange], owners: dict[str, str]) -> Iterator[Lock]:
    failed: list[tuple[int | None, str]] = []
    touched: set[str] = set()
    run: list[Exchange] = []
    since, is_own, is_general = "", False, False
    for one in (*in_turn, None):
        name = "" if one is None else _named(one, whose, owners)
        if one is not None and one.auth is not Auth.DOCUMENTED:
            touched |= set(one.url.split("/"))
            if one.status in _REFUSALS and len(failed) < _USUAL:
                failed.append(_words(one))
            continue
        if one is not None and not name:
            continue
        if one is not None and one.status in _REFUSALS and (not run or _words(one) == _words(run[0])):
            run.append(one)
            # The lock of a single resource is another thing: an id that names nothing has none. And that one may be
            # refused so for itself: what the account owns is refused, too.
            is_own |= name in owners
            is_general |= name not in touched and name not in owners
            continue
        is_told_apart = bool(run) and _words(run[0]) not in failed
        needed = _IN_OTHER_WORDS if is_told_apart else _IN_TURN
        if since and failed and is_own and is_general and len(run) >= needed:
            until = "~" if one is None else one.started_at
            yield Lock(whose, _words(run[0]), since, until, len(run), run[0], is_told_apart)
        run, is_own, is_general = [], False, False
        if one is not None and one.status not in _REFUSALS:
            since = one.started_at


def _named(one: Exchange, whose: str, owners: dict[str, str]) -> str:
    """Returns the id that a documented request of an account names: of its own resource, or of none; else empty."""
    if _sender(one) != whose:
        return ""
    parts = [part for part in one.url.partition("?")[0].split("/")[3:] if _PLAIN.fullmatch(part)]
    names = [part for part in parts if part in owners] or [_last_plain(parts)]
    return next((part for part in names if owners.get(part, whose) == whose), "")


def _kind(one: Exchange, owners: Collection[str]) -> tuple[str, str]:
    """Returns the method and the path of a request, without the resource that it names."""
    parts = one.url.partition("?")[0].split("/")[3:]
    name = next((part for part in parts if part in owners), _last_plain(parts))
    return one.method, "/".join("*" if part == name else part for part in parts)


def _last_plain(parts: Sequence[str]) -> str:
    return next((part for part in reversed(parts) if _PLAIN.fullmatch(part)), "")


def _words(one: Exchange) -> tuple[int | None, str]:
    return one.status, same_but_ids(one.response_body.decode("utf-8", "replace"))


def _owner(kind: str) -> str:
    owner = kind.partition(", of ")[2]
    return {"": "primary", "the other environment": "other_environment"}.get(owner, owner)


def _sender(one: Exchange) -> str:
    """Returns the name of the credentials that a request carried; empty where none are known."""
    found = set(senders(one))
    return found.pop() if len(found) == 1 else ""
