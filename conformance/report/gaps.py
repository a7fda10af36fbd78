"""Joins what left requirements unproven: reasons that differ in one word only, such as a state, are one cause. Pure."""

import re
from collections.abc import Sequence

from conformance.model import Auth, Check, Outcome, RequirementResult, RunRecord
from conformance.report import explain, outage
from conformance.report.explain import Gap
from conformance.report.kept_answers import KeptAnswers
from conformance.report.safe import same_but_ids
from conformance.report.steps import caller

# What was expected where a refusal was.
_REFUSE = re.compile(r"refus|\b4\d\d\b")
_BEGINS = "these begin with a request that problem {} is about. They can be judged once it is mended."
# How a check begins, the kind of its error, that met a target which couldn't serve it; how often it did.
_UNAVAILABLE = "unavailable:"
_TIMES = re.compile(r", each of \d+ times")
_STALE = "a read shows what it did before the change"
_LEFT_OUT = "checks of these were not selected."
# How the advice begins on a resource of the state source that its owner isn't shown, and whose it is.
_NOT_THERE = re.compile(r"Does it make [^?]*\(\[credentials\.(\w+)\]\)\?$")
_OTHERS_READ = " Other reads by that merchant were answered 200: perhaps this follows from {}."
# So many words of a reason that differ are named, and so many ids.
_WORDS, _IDS = 6, 12
# So few requirements are named with their titles.
_TITLES = 4


def causes(record: RunRecord, *outcomes: Outcome) -> tuple[Gap, ...]:
    """Returns the requirements that ended in one of `outcomes`, by cause; in each outcome the widest first."""
    found: list[tuple[Gap, list[str], int | None, list[str]]] = []
    for gap in _with_problems(record, _with_their_beginning(record, explain.gaps(record, *outcomes))):
        words = gap.reason.split(" ")
        for position, (known, before, place, named) in enumerate(found):
            where = _differs(before, words) if known.outcome is gap.outcome else None
            if where is None or place not in (None, where):
                continue
            joined = Gap(known.outcome, known.reason, (*known.results, *gap.results))
            found[position] = joined, before, where, [*named, words[where]]
            break
        else:
            found.append((gap, words, None, []))
    told = [Gap(gap.outcome, _said(words, place, named), gap.results) for gap, words, place, named in found]
    return tuple(sorted(told, key=lambda gap: (outcomes.index(gap.outcome), -len(gap.results))))


def _with_their_beginning(record: RunRecord, gaps: Sequence[Gap]) -> list[Gap]:
    """Says when a target began to be unavailable, once for all that weren't judged for it."""
    joined: dict[tuple[Outcome, str], list[RequirementResult]] = {}
    for gap in gaps:
        reason = gap.reason
        if gap.outcome is Outcome.ERROR and reason.startswith(_UNAVAILABLE):
            reason = f"{_TIMES.sub('', reason)} {outage.began(record)}".strip()
        joined.setdefault((gap.outcome, reason), []).extend(gap.results)
    return [Gap(outcome, reason, tuple(results)) for (outcome, reason), results in joined.items()]


def _with_problems(record: RunRecord, gaps: Sequence[Gap]) -> list[Gap]:
    """Says of requirements whose checks begin with what a problem is about that they do; those of a problem in one."""
    numbers: dict[object, int] = {}
    for number, finding in enumerate(explain.problems(record), 1):
        told = [check for one in (finding, *finding.folded) for check in one.checks]
        for check in told:
            for shown in _shown(record, check):
                numbers.setdefault(shown, number)
    checks = {check.id: check for check in record.checks}
    joined: dict[tuple[Outcome, str], list[RequirementResult]] = {}
    for gap in gaps:
        for result in gap.results:
            begun = [checks[name] for name in result.checks if checks[name].outcome is gap.outcome]
            control = next((one for one in begun if one.problem and one.problem.control), None)
            shown = [] if control is None else _shown(record, control)
            by = next((numbers[one] for one in shown if one in numbers), None)
            reason = gap.reason + _doubt(record, gap.reason) if by is None else _BEGINS.format(by)
            # How many checks of each were left out says less than that some were.
            reason = _LEFT_OUT if gap.outcome is Outcome.DESELECTED else reason
            joined.setdefault((gap.outcome, reason), []).append(result)
    return [Gap(outcome, reason, tuple(results)) for (outcome, reason), results in joined.items()]


def _doubt(record: RunRecord, reason: str) -> str:
    """Returns what speaks for a state source that made what its owner isn't shown; empty for nothing.

    Where the same merchant read others, and the run has problems, one of these may be the cause.
    """
    found, number = _NOT_THERE.search(reason), len(explain.problems(record))
    if found is None or not number:
        return ""
    is_read = any(
        one.method == "GET" and one.status == 200 and one.auth is Auth.DOCUMENTED and caller(one) == found[1]
        for one in record.exchanges
    )
    return _OTHERS_READ.format("problem 1" if number == 1 else "one of the problems") if is_read else ""


def _shown(record: RunRecord, check: Check) -> list[object]:
    """Returns the keys that decide a check: its answer, and the kind of the answer beside the state it was about."""
    if check.shown_by is None:
        return []
    exchange = record.exchanges[check.shown_by]
    states = [state for one, state in check.resources if one and state and one in exchange.url]
    refuse = check.problem is not None and _REFUSE.search(check.problem.expected) is not None
    taken = refuse and (exchange.status or 0) // 100 == 2 and exchange.method not in ("GET", "HEAD")
    about: list[object] = [(exchange.method, exchange.status, state) for state in states[:1]] if taken else []
    # What a read shows as before a change, whatever was changed, is one problem.
    stale = [_STALE] if KeptAnswers(record).since_before(check) is not None else []
    return [_answer(record, check.shown_by), *about, *stale]


def _answer(record: RunRecord, index: int) -> tuple[str, int | None, str]:
    """Returns the key that equal answers share: method, status and body, but for ids and times."""
    exchange = record.exchanges[index]
    return (
        exchange.method,
        exchange.status,
        same_but_ids(exchange.response_body[:400].decode("utf-8", "replace")),
    )


def parts(gap: Gap) -> tuple[str, str]:
    """Returns the sentence that says what is missing, and the advice that follows it; empty where there is none."""
    reason = gap.reason[:1].upper() + gap.reason[1:]
    said, dot, advice = reason.partition(". ")
    return (f"{said}." if dot else reason), advice


def ids(gap: Gap) -> str:
    """`WD-01, WD-02 and 36 more`; those that have to hold first. A few are named with their titles."""
    ordered = sorted(gap.results, key=lambda result: not explain.counted_as_unproven(result))
    if len(ordered) <= _TITLES:
        return "; ".join(f"{one.requirement.id} ({one.requirement.title})" for one in ordered)
    names = [result.requirement.id for result in ordered]
    more = f" and {len(names) - _IDS} more" if len(names) > _IDS else ""
    return ", ".join(names[:_IDS]) + more


def _differs(one: Sequence[str], other: Sequence[str]) -> int | None:
    """Returns the only place at which two reasons have another word; None where it isn't one plain word."""
    if len(one) != len(other) or len(one) < 4:
        return None
    places = [place for place, (mine, its) in enumerate(zip(one, other, strict=True)) if mine != its]
    if len(places) != 1:
        return None
    word = re.compile(r"[a-z_]+")
    return places[0] if word.fullmatch(one[places[0]]) and word.fullmatch(other[places[0]]) else None


def _said(words: Sequence[str], place: int | None, named: Sequence[str]) -> str:
    if place is None:
        return " ".join(words)
    every = list(dict.fromkeys([words[place], *named]))
    shown = every[:_WORDS]
    last = f"{len(every) - _WORDS} others" if len(every) > _WORDS else shown.pop()
    return " ".join([*words[:place], f"{', '.join(shown)} or {last}", *words[place + 1 :]])
