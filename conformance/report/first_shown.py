"""Which check met an answer or a resource first: others only look it over again. Pure; no errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance.model import Outcome, RunRecord


@dataclass(frozen=True)
class FirstShown:
    """The first checks of a run, by the instant and the address of a request, or by a resource."""

    record: RunRecord

    @cached_property
    def failing(self) -> Mapping[tuple[str, str], str]:
        """The check that fails first by an answer."""
        wrong = (Outcome.FAILED, Outcome.WARNED)
        bad = [check for check in self.record.checks if check.outcome in wrong]
        found: dict[tuple[str, str], str] = {}
        for check in sorted(bad, key=lambda one: one.started_at):
            if check.shown_by is not None:
                answer = self.record.exchanges[check.shown_by]
                found.setdefault((answer.started_at, answer.url), check.id)
        return found

    @cached_property
    def told(self) -> Mapping[tuple[str, str], str]:
        """The suite that each request belongs to: that of the check which shows it and began first."""
        found: dict[tuple[str, str], str] = {}
        for check in sorted(self.record.checks, key=lambda one: one.started_at):
            for index in check.named:
                one = self.record.exchanges[index]
                found.setdefault((one.started_at, one.url), check.suite)
        return found

    @cached_property
    def named(self) -> Mapping[str, str]:
        """The suite that each resource was handed over to first."""
        found: dict[str, str] = {}
        for check in sorted(self.record.checks, key=lambda one: one.started_at):
            for one, _ in check.resources:
                found.setdefault(one, check.suite)
        return found
