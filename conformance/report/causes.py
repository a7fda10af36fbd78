"""Finds the causes of what failed: which failing checks show the deviation of another requirement.

What builds on what is declared in the catalogue. A check is explained by one of a requirement that its own builds on,
where both show the same deviation, so that an independent defect is never taken for a consequence; or where its
requirement can't be judged at all while that check fails. Pure; no errors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from conformance.model import Auth, Check, Exchange, Harm, Requirement, RunRecord
from conformance.report import put_off
from conformance.report.answers import at
from conformance.report.declared_causes import harm, matches, presumes
from conformance.report.first_shown import FirstShown
from conformance.report.kept_answers import KeptAnswers
from conformance.report.passing_cases import OF_WHOM, fails_nearly_always, is_always_wrong
from conformance.report.safe import counted, same_but_ids
from conformance.report.steps import PRIMARY, caller

# Instants and ports, besides ids.
_VOLATILE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?|\d{5,}")
_ABSENT = " absent"
# What is expected where a request has to be refused.
_TO_REFUSE = re.compile(r"^4\d\d\b|not to be accepted|to be (?:refused|rejected)|not to (?:be )?cancel")


@dataclass(frozen=True)
class Causes:
    """The causes that explain the failing checks of a run."""

    record: RunRecord

    def explained(self, check: Check, requirement: Requirement, by: Check, cause: Requirement) -> bool:
        """Returns whether `check` of `requirement` fails because `by` of `cause` does."""
        if presumes(check, requirement, by):
            return True
        if self._only_cites_a_crash(by):
            return False
        if self._is_verified_by_nobody(check, requirement, by):
            return True
        if self.is_an_echo(by):
            # It looks over an answer by which another check fails: that may be what this one builds on, too.
            return (
                cause.id in self.ancestors(requirement.id)
                and not requirement.premise
                and self._differ_alike(check, by)
            )
        if self._is_the_same_crash(check, by):
            return True
        if self.kept.is_kept(check) and self.kept.since_before(by) is not None:
            return True
        if put_off.alike(self.record, check, by) and harm(by, cause) <= harm(check, requirement):
            return True
        if cause.premise and not requirement.premise:
            return self.is_about_a_premise(by) and self._is_refused_alike(check, by)
        if requirement.premise:
            return (
                cause.id in self._accepting
                and not self.is_about_a_premise(check)
                and self._same(check, by, cause)
            )
        return cause.id in self.ancestors(requirement.id) and self._same(check, by, cause)

    def is_wrongly_refused(self, check: Check, requirement: Requirement) -> bool:
        """Returns whether money or merchants are at stake in a requirement on refusals, and this is a wrong one.

        What was accepted shows the harm: it is told first.
        """
        answer = self._answer(check)
        at_stake = requirement.harm in (Harm.MONEY, Harm.TENANTS) and requirement.id not in self._accepting
        return at_stake and answer is not None and not self._accepts(answer)

    def only_reads(self, check: Check, requirement: Requirement) -> bool:
        """Returns whether a read decides where money or merchants are at stake: a change is the worse harm."""
        answer = self._answer(check)
        at_stake = requirement.harm in (Harm.MONEY, Harm.TENANTS) and requirement.id not in self._accepting
        return at_stake and answer is not None and answer.method in ("GET", "HEAD")

    def keeps(self, check: Check, by: Check) -> bool:
        """Returns whether the request that `check` begins with failed as that of `by` did."""
        one, other = self._answer(check), self._answer(by)
        if one is None or other is None or one.status != other.status:
            return False
        asked = (one.method, one.auth) == (other.method, other.auth)
        return asked and self._accepts(one) == self._accepts(other) and _body(one) == _body(other)

    def ended_alike(self, check: Check, other: Check) -> bool:
        """Returns whether two checks of one requirement are decided by an answer of the same kind and status."""
        one, its = self._answer(check), self._answer(other)
        if one is None or its is None or (one.method, one.status) != (its.method, its.status):
            return False
        if self._accepts(one) and self._accepts(its):
            # What has to be refused and isn't is another matter for each state, and for each owner.
            return (whose := caller(one)) == caller(its) and whose != PRIMARY
        return not self._accepts(one) and not self._accepts(its)

    def ancestors(self, name: str) -> frozenset[str]:
        """Returns the ids of all requirements that a requirement builds on, whether directly or not."""
        return self._above.get(name, frozenset())

    def is_about_a_premise(self, check: Check) -> bool:
        """Returns whether a premise failed by itself: no documented refusal, which is about the state, nor a crash.

        Where nothing that was sent as documented succeeded at all, it is the premise whatever the answer is.
        """
        answer = self._answer(check)
        if not self.any_succeeded:
            return True
        if answer is None:
            return False
        crashed = (answer.status or 0) >= 500
        documented = any(
            row.status == answer.status and at(answer, row.field) == row.value for row in self.record.matrix
        )
        return not crashed and not documented

    def is_concurrent(self, check: Check) -> bool:
        """Returns whether a check had several requests under way at once; those of fuzzing overlap by chance."""
        if check.suite == "fuzz":
            return False
        spans = sorted(
            (one.started_at, one.duration_s)
            for one in map(self.record.exchanges.__getitem__, check.exchanges)
        )
        return any(_overlap(before, after) for before, after in pairwise(spans))

    def is_a_replay(self, check: Check) -> bool:
        """Returns whether the answer that decides is one to a request which had been sent, and answered, before."""
        index = check.shown_by
        if index is None:
            return False
        decides = self.record.exchanges[index]
        return decides.method not in ("GET", "HEAD") and index in self._repeated

    def took_effect(self, check: Check) -> bool:
        """Returns whether a request succeeded that had to be refused: the worst of what one requirement asks for."""
        answer, problem = self._answer(check), check.problem
        if answer is None or problem is None or answer.method in ("GET", "HEAD", "OPTIONS"):
            return False
        earlier = (self.record.exchanges[one] for one in check.exchanges if one < (check.shown_by or 0))
        if any(
            (one.method, one.url) == (answer.method, answer.url) and self._accepts(one) for one in earlier
        ):
            # What had been done already wasn't done by it.
            return False
        return self._accepts(answer) and _TO_REFUSE.search(problem.expected) is not None

    def is_put_off(self, check: Check) -> bool:
        """Returns whether what decides came some time after a request that was refused."""
        return bool(put_off.refused_before(self.record, check))

    def is_altered(self, check: Check) -> bool:
        """Returns whether the request that decides was authenticated otherwise than as documented."""
        answer = self._answer(check)
        return answer is not None and answer.auth is not Auth.DOCUMENTED

    def presumed_by(self, check: Check) -> int:
        """Returns how many groups of other checks can't be judged while this one fails: the more, the plainer it is."""
        requirements = (result.requirement for result in self.record.requirements)
        return sum(
            any(matches(check, pattern) for pattern in one.without)
            for requirement in requirements
            for one in requirement.presumes
        )

    def is_an_echo(self, check: Check) -> bool:
        """Returns whether an earlier check fails by the very answer that decides: this one only looks it over again."""
        answer = self._answer(check)
        return answer is not None and self._first.failing.get((answer.started_at, answer.url)) != check.id

    def looks_back(self, check: Check) -> bool:
        """Returns whether a check looks at what another suite has left: an answer, or a resource."""
        answer = self._answer(check)
        if answer is None:
            return False
        named = [one for one, _ in check.resources if one and one in answer.url]
        owners = [self._first.told.get((answer.started_at, answer.url), check.suite)]
        return any(owner != check.suite for owner in (*owners, *map(self._first.named.__getitem__, named)))

    @cached_property
    def kept(self) -> KeptAnswers:
        """Reads whose answer had been given before."""
        return KeptAnswers(self.record)

    @cached_property
    def _first(self) -> FirstShown:
        return FirstShown(self.record)

    @cached_property
    def any_succeeded(self) -> bool:
        """Whether any request that was authenticated as documented was answered with a 2xx."""
        return any(
            one.auth is Auth.DOCUMENTED and (one.status or 0) // 100 == 2 for one in self.record.exchanges
        )

    @cached_property
    def refused_callers(self) -> tuple[str, str]:
        """How many requests were authenticated as documented, and what to add where no altered one succeeded either."""
        sent = self.record.exchanges
        altered = [one for one in sent if one.auth is Auth.ALTERED]
        none = bool(altered) and all((one.status or 0) // 100 != 2 for one in altered)
        number = sum(one.auth is Auth.DOCUMENTED for one in sent)
        return counted(number, "request"), ", nor any that was authenticated otherwise" if none else ""

    @cached_property
    def _above(self) -> Mapping[str, frozenset[str]]:
        requirements = {result.requirement.id: result.requirement for result in self.record.requirements}
        found: dict[str, frozenset[str]] = {}

        def above(name: str) -> frozenset[str]:
            if name not in found:
                # Ends also for a damaged record with circular causes.
                found[name] = frozenset()
                direct = (
                    [one for one in requirements[name].builds_on if one in requirements]
                    if name in requirements
                    else []
                )
                found[name] = frozenset(direct).union(*map(above, direct))
            return found[name]

        for name in requirements:
            above(name)
        return found

    @cached_property
    def _accepting(self) -> frozenset[str]:
        """The requirements that ask for a documented success."""
        return frozenset(row.requirement for row in self.record.matrix if row.status // 100 == 2)

    @cached_property
    def _repeated(self) -> frozenset[int]:
        """The indices of requests that had been sent before as they are, and been answered with a 2xx."""
        sent: set[tuple[object, ...]] = set()
        found = set()
        for index, one in enumerate(self.record.exchanges):
            mark = (one.method, one.url, one.request_headers, one.request_body)
            if mark in sent:
                found.add(index)
            elif (one.status or 0) // 100 == 2:
                sent.add(mark)
        return frozenset(found)

    def _answer(self, check: Check) -> Exchange | None:
        index = check.shown_by
        return None if index is None else self.record.exchanges[index]

    def _same(self, check: Check, by: Check, cause: Requirement) -> bool:
        """Returns whether two checks show the same deviation, each by the answer that decides."""
        one, other = self._answer(check), self._answer(by)
        if one is None or other is None or check.problem is None or by.problem is None:
            return False
        if cause.harm is Harm.IDEMPOTENCY and self.is_a_replay(check) and self.is_a_replay(by):
            return True
        if cause.id not in self._accepting and self._was_spoilt(check, one, by):
            return True
        if self._accepts(one) != self._accepts(other):
            return False
        denied = self._denies(one)
        if cause.id in self._accepting and denied is not None and denied == self._denies(other):
            return True
        places = check.problem.differs
        if places and not any(map(_is_status, places)) and set(places) <= set(by.problem.differs):
            return True
        crashed = (one.status or 0) >= 500
        if one.method != other.method or (one.auth is not other.auth and not crashed):
            return False
        if one.status != other.status:
            return False
        return (
            self._differ_alike(check, by)
            or _told(check) == _told(by)
            or (not self._accepts(one) and _body(one) == _body(other))
        )

    def _is_verified_by_nobody(self, check: Check, requirement: Requirement, by: Check) -> bool:
        """Returns whether nearly all forgeries get through in `by`, and `check` is about a caller who isn't the owner.

        Where a caller is trusted for a good request before, chance decides which other checks see it.
        """
        if not (self.is_altered(by) and self.took_effect(by)) or requirement.harm not in (
            Harm.TENANTS,
            Harm.SECRETS,
        ):
            return False
        answer = self._answer(check)
        by_another = any(OF_WHOM in state for _, state in check.resources) or (
            answer is not None and caller(answer) != PRIMARY
        )
        if not (by_another or self.is_altered(check)):
            return False
        if not self.is_altered(check) and is_always_wrong(self.record, requirement):
            return False
        return fails_nearly_always(self.record, by) and not fails_nearly_always(self.record, check)

    def _only_cites_a_crash(self, by: Check) -> bool:
        answer = self._answer(by)
        if answer is None or (answer.status or 0) < 500:
            return False
        return self._first.told.get((answer.started_at, answer.url), by.suite) != by.suite

    def _is_the_same_crash(self, check: Check, by: Check) -> bool:
        """Returns whether a check that looks back cites the 5xx that `by` had got: there is no more to it than that."""
        one, other = self._answer(check), self._answer(by)
        if one is None or other is None or (one.status or 0) < 500:
            return False
        return (one.started_at, one.url) == (other.started_at, other.url) and self.is_an_echo(check)

    def _is_refused_alike(self, check: Check, by: Check) -> bool:
        """Returns whether the same refusal decides both, whatever was asked for."""
        one, other = self._answer(check), self._answer(by)
        if one is None or other is None or one.status != other.status or self._accepts(one):
            return False
        return _body(one) == _body(other)

    def _was_spoilt(self, check: Check, answer: Exchange, by: Check) -> bool:
        """Returns whether an answer is about a resource that was cancelled, or changed, where `by` found fault.

        Looks over all answers and all resources of a run come to what earlier checks have left behind.
        """
        mine = {one for one, _ in check.resources if one and one in answer.url}
        other = self._answer(by)
        its = {one for one, _ in by.resources if one and other is not None and one in other.url}
        return bool(mine & its) and check.suite != by.suite

    def _differ_alike(self, check: Check, by: Check) -> bool:
        mine = check.problem.differs if check.problem else ()
        its = by.problem.differs if by.problem else ()
        if not mine or not its:
            return False
        if set(mine) <= set(its):
            # What has to be refused and isn't is another matter in each state.
            answer = self._answer(check)
            taken = answer is not None and self._accepts(answer) and len(mine) > 1 and _is_status(mine[0])
            return not taken or _given(check) == _given(by)
        # An object that isn't there takes along all that belongs into it.
        return all(map(_is_absent, mine)) and any(map(_is_absent, its))

    def _denies(self, answer: Exchange) -> str | None:
        """Returns what a 2xx shows where the documented success has another value; None otherwise."""
        if (answer.status or 0) // 100 != 2:
            return None
        shown = [(at(answer, row.field), row.value) for row in self.record.matrix if row.status // 100 == 2]
        return next((str(value) for value, wanted in shown if value not in (None, wanted)), None)

    def _accepts(self, answer: Exchange) -> bool:
        """Returns whether an answer is a success, whatever is wrong with its body: a 2xx that tells of no error."""
        if (answer.status or 0) // 100 != 2:
            return False
        refusals = {row.field: row.value for row in self.record.matrix if row.status // 100 != 2}
        return not any(at(answer, field) is not None for field in refusals)


def _told(check: Check) -> tuple[str, ...]:
    assert check.problem is not None
    problem = check.problem
    return tuple(_VOLATILE.sub("…", same_but_ids(text)) for text in (problem.expected, problem.observed))


def _given(check: Check) -> frozenset[str]:
    return frozenset(state for _, state in check.resources)


def _is_absent(place: str) -> bool:
    return place.endswith(_ABSENT)


def _is_status(place: str) -> bool:
    return place.startswith("status ") and place.removeprefix("status ").isdigit()


def _body(answer: Exchange) -> str:
    return _VOLATILE.sub("…", same_but_ids(answer.response_body.decode("utf-8", "replace")))


def _overlap(before: tuple[str, float], after: tuple[str, float]) -> bool:
    try:
        ended = datetime.fromisoformat(before[0]) + timedelta(seconds=before[1])
        return datetime.fromisoformat(after[0]) < ended
    except (ValueError, TypeError, OverflowError):
        return False
