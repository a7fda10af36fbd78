"""Reductions: simpler forms of a failing example or sequence, as generators that a shrinker drives.

Such a generator yields a candidate and is sent the part of it that failed too, or None where it passed; it goes on from
the smallest that failed. Candidates are data: nothing is sent here.
"""

import itertools
import re
from collections import abc
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from conformance import openapi
from conformance.contracts import contract
from conformance.fuzz.case import Case, Example, Mutation, meant
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.generate import bodies
from conformance.fuzz.stateful.sequence import Sequence, Step
from conformance.fuzz.text_field import body_mutation
from conformance.http.reply import MISSING
from conformance.model import Headers

C = TypeVar("C")
Reductions = Generator[C, C | None, C]
_BY_BODY = (Mutation.DOCUMENTED, Mutation.OPEN, Mutation.FIELD_TYPE, Mutation.FIELD_LENGTH, Mutation.BODY)
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|.", re.DOTALL)


def of_example(best: Example) -> Reductions[Example]:
    """Generates simpler cases, each once; begins anew with those of a case that failed.

    What has to be sent before is made as short as it can be first of all.
    """
    size = (len(best.before) + 1) // 2
    while size:
        at = 0
        while at < len(best.before):
            fewer = (*best.before[:at], *best.before[at + size :])
            smaller_before = yield replace(best, before=fewer)
            best, at = (best, at + size) if smaller_before is None else (smaller_before, at)
        size //= 2
    tried: set[int] = set()
    smaller: Example | None = best
    while smaller is not None:
        best, smaller = smaller, None
        for case in simpler(best.case):
            mark = hash((case.segment, case.headers, case.body, case.key, case.altered, case.omitted))
            if mark not in tried:
                tried.add(mark)
                smaller = yield replace(best, case=case)
            if smaller is not None:
                break
    return best


def of_sequence(best: Sequence) -> Reductions[Sequence]:
    """Generates sequences without headers, about fewer resources, with fewer steps, and with shorter texts."""
    best = (yield from _about_one(best)) or best
    if any(step.headers for step in best.steps):
        # First of all, for it decides what the sequence is about.
        bare = tuple(replace(step, headers=()) for step in best.steps)
        best = (yield replace(best, steps=bare)) or best
    size = max(1, (len(best.steps) - 1) // 2)
    while size:
        best = yield from _without(best, size)
        size //= 2
    best = yield from _with_fewer_headers(best)
    texts = list(dict.fromkeys(step.reason for step in best.steps if step.reason is not None))
    if any(len(text) > 12 for text in texts):
        names = {text: f"reason_{number}" for number, text in enumerate(texts, 1)}
        short = [
            step if step.reason is None else replace(step, reason=names[step.reason]) for step in best.steps
        ]
        best = (yield replace(best, steps=tuple(short))) or best
    return best


def _about_one(best: Sequence) -> Generator[Sequence, Sequence | None, Sequence | None]:
    """Leaves out the resource that no step is about, or all but the one that the last step is about."""
    if len(best.start) < 2:
        return None
    last = best.steps[-1].on
    steps = tuple(replace(step, on=0) for step in best.steps if step.on == last)
    return (yield replace(best, start=(best.start[last],), steps=steps))


def _without(best: Sequence, size: int) -> Reductions[Sequence]:
    """Leaves out each run of `size` steps that the last step fails without."""
    at = 0
    while at < len(best.steps) - 1:
        cut = best.steps[:at] + best.steps[min(at + size, len(best.steps) - 1) :]
        smaller = yield _tidy(best, cut)
        if smaller is None:
            at += size
        else:
            best = smaller
    return best


def _with_fewer_headers(best: Sequence) -> Reductions[Sequence]:
    number = 0
    # Each attempt that fails may end earlier: the sequence gets shorter meanwhile.
    while number < len(best.steps):
        if best.steps[number].headers:
            best = (yield _with_headers(best, number, ())) or best
        number += 1
    number = 0
    while number < len(best.steps):
        headers = best.steps[number].headers
        for header in headers if len(headers) > 1 else ():
            if number < len(best.steps):
                fewer = tuple(one for one in best.steps[number].headers if one != header)
                best = (yield _with_headers(best, number, fewer)) or best
        number += 1
    return best


def _with_headers(sequence: Sequence, number: int, headers: Headers) -> Sequence:
    steps = list(sequence.steps)
    steps[number] = replace(steps[number], headers=headers)
    return replace(sequence, steps=tuple(steps))


def _tidy(sequence: Sequence, steps: abc.Sequence[Step]) -> Sequence:
    """Returns a sequence of these steps, without the second resource if no step is about it."""
    if len(sequence.start) > 1 and all(step.on == 0 for step in steps):
        return replace(sequence, start=sequence.start[:1], steps=tuple(steps))
    return replace(sequence, steps=tuple(steps))


def weight(case: Case) -> tuple[int, ...]:
    """Returns what shrinking makes smaller: number of parts, length, letters that aren't plain, code points."""
    texts = [
        case.segment or "",
        (case.body or b"").decode("latin-1"),
        *(value for _, value in (*case.headers, *case.altered)),
    ]
    whole = "".join(texts)
    plain = sum(letter.isascii() and letter.isalnum() for letter in whole)
    parts = len(case.headers) + len(case.omitted) + len(case.altered) + (case.key == "fresh")
    return parts, case.size(), len(whole) - plain, sum(map(ord, whole))


def simpler(case: Case) -> Iterator[Case]:
    """Simpler requests of the same aim, the simplest first; none is as complicated as `case`."""
    most = weight(case)
    for one in (*_fewer(case), *_other_id(case), *_other_body(case), *_other_texts(case)):
        # What it tries has to stay the same, or the answer means something else.
        if one.mutation is case.mutation and weight(one) < most:
            yield one


def _fewer(case: Case) -> Iterator[Case]:
    for index, (name, _) in enumerate(case.headers):
        if name.lower() not in ("content-type", _key_header(case)):
            yield replace(case, headers=(*case.headers[:index], *case.headers[index + 1 :]))
    if case.key == "fresh" and case.mutation is not Mutation.DOCUMENTED:
        yield replace(case, key="absent")
    if len(case.omitted) > 1:
        yield from (replace(case, omitted=(name,)) for name in case.omitted)


def _other_id(case: Case) -> Iterator[Case]:
    if case.segment:
        parts = _ESCAPED.findall(case.segment)
        yield from (replace(case, segment="".join(some)) for some in _shorter(parts) if some)
        plainer = ["0" if len(part) == 1 and part != "." else part for part in parts]
        yield replace(case, segment="".join(plainer))


def _other_body(case: Case) -> Iterator[Case]:
    if case.body is None:
        return
    if case.mutation in (
        Mutation.PATH,
        Mutation.METHOD,
        Mutation.MISSING,
        Mutation.WRONG,
        Mutation.KEY,
        Mutation.TYPE,
    ):
        operation = openapi.operation(case.operation)
        if not operation.has_body:
            bare = tuple(pair for pair in case.headers if pair[0].lower() != "content-type")
            yield replace(case, body=None, value=MISSING, headers=bare)
        elif case.mutation is not Mutation.METHOD:
            body, value = bodies.empty(operation)
            yield replace(case, body=body, value=value)
        return
    operation = openapi.operation(case.operation)
    value = case.value if case.value is not MISSING else meant(case.body)
    if value is MISSING:
        yield from (_with_body(case, some, meant(some)) for some in _halved(case.body))
        return
    text = fuzzing(operation.api).text
    for other in _values(value, None if text is None else text.name):
        yield _with_body(case, bodies.encoded(operation, other), other)


def _with_body(case: Case, body: bytes, value: Any) -> Case:
    text = fuzzing(openapi.operation(case.operation).api).text
    mutation = body_mutation(text, body, value) if case.mutation in _BY_BODY else case.mutation
    return replace(case, body=body, value=value, mutation=mutation)


def _key_header(case: Case) -> str:
    return (contract(openapi.operation(case.operation).api).requests.key_header or "").lower()


def _values(value: Any, text: str | None) -> Iterator[Any]:
    """Generates simpler JSON values of the same type, or of its parts; `text` is the key that is kept longest."""
    if isinstance(value, dict):
        yield {}
        if text in value:
            yield {text: value[text]}
        yield from ({key: item for key, item in value.items() if key != gone} for gone in list(value)[:8])
        for key, item in list(value.items())[:4]:
            yield from ({**value, key: other} for other in itertools.islice(_values(item, text), 14))
        if len(value) == 1 and text not in value:
            (key, item), *_ = value.items()
            yield from ({"".join(some): item} for some in _shorter(list(key)))
    elif isinstance(value, list):
        yield []
        yield from _shorter(value)
    elif isinstance(value, str):
        yield from ("".join(some) for some in _shorter(list(value)))
        yield "".join(letter if letter.isascii() and letter.isalnum() else "a" for letter in value)
        yield "a" * len(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (0, 1, -1)


def _other_texts(case: Case) -> Iterator[Case]:
    """Generates shorter values of what is odd: a key, a content type, a credential."""
    for index, (name, value) in enumerate(case.altered):
        scheme, _, rest = value.rpartition(" " if " " in value else "=" if value.startswith("sha") else "\0")
        lead = value[: len(value) - len(rest)] if scheme else ""
        for some in _shorter(list(rest)):
            other = (name, (lead + "".join(some)).strip())
            yield replace(case, altered=(*case.altered[:index], other, *case.altered[index + 1 :]))
    for index, (name, value) in enumerate(case.headers):
        if case.mutation is Mutation.KEY and name.lower() == _key_header(case):
            for some in _shorter(list(value)):
                text = "".join(some)
                if text == text.strip():
                    yield replace(
                        case, headers=(*case.headers[:index], (name, text), *case.headers[index + 1 :])
                    )


def _shorter(items: list[Any]) -> Iterator[list[Any]]:
    """Generates the empty list, then the list without each half, each quarter and so on."""
    size = len(items)
    if not size:
        return
    yield []
    part = (size + 1) // 2
    while part and size > 1:
        yield from (items[:at] + items[at + part :] for at in range(0, size, part))
        if part == 1 or size // part >= 8:
            break
        part = (part + 1) // 2


def _halved(body: bytes) -> Iterator[bytes]:
    yield from (bytes(some) for some in _shorter(list(body)))
