"""Joins what left requirements unproven: reasons that differ in one word only, such as a state, are one cause. Pure."""

import re
from collections.abc import Sequence

from conformance.model import Outcome, RunRecord
from conformance.report import explain
from conformance.report.explain import Gap

# So many words of a reason that differ are named, and so many ids.
_WORDS, _IDS = 6, 12


def causes(record: RunRecord, *outcomes: Outcome) -> tuple[Gap, ...]:
    """Returns the requirements that ended in one of `outcomes`, by cause; in each outcome the widest first."""
    found: list[tuple[Gap, list[str], int | None, list[str]]] = []
    for gap in explain.gaps(record, *outcomes):
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


def parts(gap: Gap) -> tuple[str, str]:
    """Returns the sentence that says what is missing, and the advice that follows it; empty where there is none."""
    reason = gap.reason[:1].upper() + gap.reason[1:]
    said, dot, advice = reason.partition(". ")
    return (f"{said}." if dot else reason), advice


def ids(gap: Gap) -> str:
    """`WD-01, WD-02 and 36 more`; those that have to hold first."""
    ordered = sorted(gap.results, key=lambda result: not explain.counted_as_unproven(result))
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
