"""Reads that were answered as an earlier one had been, byte for byte: from a cache, perhaps. Pure; no errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance import contracts
from conformance.model import Auth, Check, Exchange, RunRecord
from conformance.report.answers import at
from conformance.report.steps import caller


@dataclass(frozen=True)
class KeptAnswers:
    """The answers to reads of a run that are the same as earlier ones of the same address."""

    record: RunRecord

    def is_kept(self, check: Check) -> bool:
        """Returns whether the answer that decides is one to a read, and had been given to another one before."""
        return self._earlier(check) is not None

    def since_before(self, check: Check) -> Exchange | None:
        """Returns the earlier read with the same answer where its caller changed something in between, with success."""
        earlier, decides = self._earlier(check), self._decides(check)
        if earlier is None or decides is None or _who(earlier) != _who(decides):
            return None
        # After the first of them a read is no longer one from before: a retry in between changes nothing.
        changes = self._changes.get(_path(decides), ())
        first = min(changes, key=lambda one: one.started_at, default=None)
        if first is None or _who(first) != _who(decides) or self._shows_the_same(first, decides):
            return None
        return earlier if earlier.started_at < first.started_at < decides.started_at else None

    def _shows_the_same(self, change: Exchange, read: Exchange) -> bool:
        """Returns whether the answer to a change shows the status that a read shows: nothing was to be saved then."""
        api = self.record.target.api
        place = contracts.contract(api).answers.status if api in contracts.names() else ""
        shown = at(change, place) if place else None
        return isinstance(shown, str) and shown == at(read, place)

    def shows(self, check: Check) -> bool:
        """Returns whether what decides is a read that was answered by a 2xx."""
        decides = self._decides(check)
        return decides is not None and decides.method in ("GET", "HEAD") and _succeeded(decides)

    def _decides(self, check: Check) -> Exchange | None:
        return None if check.shown_by is None else self.record.exchanges[check.shown_by]

    def _earlier(self, check: Check) -> Exchange | None:
        decides = self._decides(check)
        if decides is None or decides.method != "GET" or not _succeeded(decides):
            return None
        same = (
            one
            for one in self._reads.get(_path(decides), ())
            if one.started_at < decides.started_at and one.response_body == decides.response_body
        )
        return min(same, key=lambda one: one.started_at, default=None)

    @cached_property
    def _reads(self) -> Mapping[str, list[Exchange]]:
        found: dict[str, list[Exchange]] = {}
        for one in self.record.exchanges:
            if one.method == "GET" and _succeeded(one):
                found.setdefault(_path(one), []).append(one)
        return found

    @cached_property
    def _changes(self) -> Mapping[str, list[Exchange]]:
        """The successes of requests that change something, by the path of each read that theirs begins with."""
        found: dict[str, list[Exchange]] = {}
        for one in self.record.exchanges:
            if one.method not in ("GET", "HEAD", "OPTIONS") and _succeeded(one):
                above = _path(one).rpartition("/")[0]
                if above in self._reads:
                    found.setdefault(above, []).append(one)
        return found


def _who(one: Exchange) -> tuple[Auth, str]:
    return one.auth, caller(one)


def _path(one: Exchange) -> str:
    return one.url.partition("?")[0]


def _succeeded(one: Exchange) -> bool:
    return (one.status or 0) // 100 == 2
