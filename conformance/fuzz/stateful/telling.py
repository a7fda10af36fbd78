"""Steps of a sequence in words, for the list of a finding's requests and for its title."""

from collections.abc import Sequence as Items

from conformance.contracts import contract
from conformance.fuzz import words
from conformance.fuzz.case import UNKNOWN
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.stateful.sequence import Sequence, Step

_SETTLE = "an attempt to settle"
# A title names so many steps that came before; more are counted.
_NAMED = 3
_ORDINALS = ("the first", "the second", "the third")


def told(sequence: Sequence) -> list[str]:
    """Returns each step in words, with its article: `a read of the paid order`, `a retry under the same key`."""
    return [_step(sequence, number) for number in range(len(sequence.steps))]


def title(sequence: Sequence) -> str:
    """Returns the last step as the subject of a title: `a cancel of a paid order`."""
    step, number = sequence.steps[-1], len(sequence.steps) - 1
    # What a read is of, the steps before it tell.
    known = step.verb == "read" and not _is_foreign(sequence, step) and _named(sequence)
    return _joined(_verb(sequence, number), "" if known else _of(sequence, step), _more(sequence.api, step))


def after(sequence: Sequence) -> str:
    """Returns what came before the last step, to stand behind a title: `, after a read and a cancel`."""
    before, last = sequence.steps[:-1], sequence.steps[-1]
    if not before:
        return ""
    if len(before) > _NAMED:
        of = (
            f" about {_of(sequence, last).removeprefix('of ')}"
            if last.verb == "read" and _named(sequence)
            else ""
        )
        return f", after {len(before)} other requests{of}"
    names = [_short(sequence, number) for number in range(len(before))]
    joined = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f", after {joined}"


def _named(sequence: Sequence) -> bool:
    """Returns whether a step before the last one is about the same resource."""
    return any(step.on == sequence.steps[-1].on for step in sequence.steps[:-1])


def _short(sequence: Sequence, number: int) -> str:
    step, last = sequence.steps[number], sequence.steps[-1]
    first = next(at for at, one in enumerate(sequence.steps) if one.on == last.on)
    shown = step.on != last.on or _is_foreign(sequence, step) or (last.verb == "read" and number == first)
    of = _of(sequence, step) if shown else "by its owner" if _is_foreign(sequence, last) else ""
    return _joined(_verb(sequence, number), of, _more(sequence.api, step))


def _step(sequence: Sequence, number: int) -> str:
    step = sequence.steps[number]
    return _joined(
        _verb(sequence, number), _of(sequence, step, definite=number > 0), _more(sequence.api, step)
    )


def _joined(verb: str, of: str, more: str) -> str:
    of = of.removeprefix("of ") if verb == _SETTLE else of
    return " ".join(each for each in (verb, of, more) if each)


def _verb(sequence: Sequence, number: int) -> str:
    """Returns the request itself, by its key and text where these say what it is about."""
    step = sequence.steps[number]
    if step.verb == "settle":
        return _SETTLE
    if step.verb == "read":
        return "a read"
    text = fuzzing(sequence.api).text
    if step.key is None or text is None:
        return "a second cancel" if number and _is_repeated(sequence.steps, number) else "a cancel"
    before = sequence.steps[:number]
    keys = list(dict.fromkeys(one.key for one in before if one.key is not None))
    used = [one for one in before if one.key == step.key]
    if not used:
        return "a cancel under another key" if keys else "a cancel"
    which = "the same key" if len(keys) == 1 else _key(sequence, step)
    own = [one for one in used if one.by == step.by]
    if own and own[0].on == step.on and own[0].reason == step.reason and not own[0].odd:
        return f"a retry under {which}"
    if own and own[0].on == step.on and own[0].reason != step.reason:
        how = f"without a {text.name}" if step.reason is None else f"with another {text.name}"
        return f"a cancel under {which} {how}"
    return f"a cancel under {which}"


def _is_repeated(steps: Items[Step], number: int) -> bool:
    step = steps[number]
    alike = [one for one in steps[:number] if (one.verb, one.on, one.by) == ("cancel", step.on, step.by)]
    return any(not one.odd for one in alike)


def _key(sequence: Sequence, step: Step) -> str:
    first = next(number for number, one in enumerate(sequence.steps, 1) if one.key == step.key)
    return f"the key of step {first}"


def _of(sequence: Sequence, step: Step, *, definite: bool = False) -> str:
    """Returns whose resource a step is about, from its caller's point of view, in the state that it was made in."""
    entry, noun = sequence.start[step.on], words.noun(sequence.api)
    owner, _, state = entry.rpartition(":")
    if entry.partition(":")[0] == UNKNOWN:
        return (
            "of an unknown id" if state == UNKNOWN else f"of the unusual UUID {_unusual(sequence.api, state)}"
        )
    if _is_foreign(sequence, step):
        across = "other_environment" in (step.by, owner)
        whose = "the other environment's" if across else "another merchant's"
        return f"of {whose} {state} {noun}"
    if len(sequence.start) > 1 and sum(not one.startswith(UNKNOWN) for one in sequence.start) > 1:
        return f"of {_ORDINALS[step.on]} {state} {noun}"
    return f"of the {noun}" if definite else f"of {contract(sequence.api).a(f'{state} {noun}')}"


def _unusual(api: str, shape: str) -> str:
    machine = fuzzing(api).machine
    return machine.ids[shape].format(0) if machine is not None and shape in machine.ids else shape


def _is_foreign(sequence: Sequence, step: Step) -> bool:
    entry = sequence.start[step.on]
    owner = entry.rpartition(":")[0] or "primary"
    return not entry.startswith(UNKNOWN) and step.verb != "settle" and step.by != owner


_ODD = {
    "no_credentials": "without credentials",
    "wrong_credentials": "with a wrong secret",
    "broken_json": "with broken JSON",
    "a_number": "with a number for the {text}",
    "a_list": "with an array as body",
    "600_characters": "with a {text} of 600 characters",
}


def _more(api: str, step: Step) -> str:
    """Returns what is odd about a step, and its further headers."""
    text = fuzzing(api).text
    odd = _ODD.get(step.odd, f"with {step.odd.replace('_', ' ')}")
    parts = [odd.replace("{text}", text.name if text is not None else "text")] if step.odd else []
    headers = [
        f"{name}: {value if len(value) <= words.SHORT else words.described(value)}"
        for name, value in step.headers
    ]
    if headers:
        *rest, last = headers
        parts.append(f"with {', '.join(rest)} and {last}" if rest else f"with {last}")
    return " and ".join(parts)
