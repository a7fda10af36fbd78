"""Generates long sequences: few resources, and as many steps as many short sequences have.

A step that may have no effect leaves its resource to the next one, so that one resource serves many of them: before the
cancel that is to succeed, and after it. That cancel carries many harmless headers, and a text of its own. Where a long
sequence fails, the short ones of `sequences` show what it takes.
"""

from collections.abc import Iterator
from dataclasses import replace

from conformance.contracts import contract
from conformance.fuzz.case import UNKNOWN
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.generate.sequences import ODD_BODIES, Capabilities, Draft, Draw, is_keyed
from conformance.fuzz.state_order import DEFAULT
from conformance.fuzz.stateful.sequence import Sequence, Step

# Steps of a sequence with the default number of examples, which make one of each start: about a resource that is
# cancelled, with keys and without, about one in a state that it leaves by itself, and about any other. None is so long
# that others have to wait for it in the end.
_KEYED, _UNKEYED, _OF_MOVING, _OF_OTHERS = 40, 28, 8, 18
# So many steps come before the cancel that is to succeed.
_OPENING = 6
# The least share of the steps, with the fewest examples.
_LEAST = 0.25
READ, SETTLE = Step("read"), Step("settle")
_WRONG = (Step("cancel", odd="wrong_credentials"), Step("cancel", odd="no_credentials"))
Path = tuple[tuple[str, ...], tuple[Step, ...]]


def long_sequences(api: str, seed: int, examples: int, has: Capabilities) -> Iterator[Sequence]:
    """Generates the sequences for so many examples; with twice as many as by default, twice as many."""
    draw, fresh = Draw(api, seed, has, "long walks"), contract(api).states.cancellable
    steps_of = _KEYED if is_keyed(api) else _UNKEYED
    share = min(1.0, _LEAST + (1 - _LEAST) * examples / DEFAULT)
    for turn in range(max(1, examples // DEFAULT)):
        for start, steps in paths(api, has):
            draft = Draft(start, fresh, opening=_OPENING)
            fixed = _headed(draw, draft, steps) if turn == 0 else []
            state = start[0].rpartition(":")[2]
            most = steps_of if state in fresh else _OF_MOVING if state in has.moving else _OF_OTHERS
            sequence = draw.drawn(replace(draft, steps=fixed), max(len(fixed), round(most * share)))
            possible = tuple(step for step in sequence.steps if has.reads or step.verb != "read")
            yield replace(sequence, steps=possible)
    machine = fuzzing(api).machine
    for name in machine.ids if machine is not None else ():
        yield Sequence(api, (f"{UNKNOWN}:{name}",), (Step("cancel"), Step("cancel")))


def paths(api: str, has: Capabilities) -> Iterator[Path]:
    """Generates each start, and the steps that come first: those of checks that drawn ones may miss.

    Those about a state that nothing else may use before come first.
    """
    keyed = is_keyed(api)
    # A text of one letter is the shortest.
    cancel = Step("cancel", key="a", reason="7") if keyed else Step("cancel")
    again = Step("cancel", key="b", reason="more") if keyed else cancel
    yield from _unchanged(has, cancel, again)
    yield from _cancelled(contract(api).states.cancellable[0], has, cancel, again)


def _unchanged(has: Capabilities, cancel: Step, again: Step) -> Iterator[Path]:
    """Generates what is about resources that no cancel changes, or that change by themselves."""
    for turn, state in enumerate(has.final):
        # An id that names nothing goes with one that nothing happens to.
        last = turn == len(has.final) - 1
        steps = (READ, cancel, again, READ, *_WRONG, again, again, READ) if turn == 0 else ()
        nobodys = (cancel, replace(cancel, on=1), replace(again, on=1)) if last else ()
        yield (state, UNKNOWN) if last else (state,), (*steps, *nobodys)
    for state in has.moving:
        others = tuple(step for who in has.others for step in (Step("cancel", by=who), READ))
        yield (state,), (READ, *others, cancel, READ, again, READ)


def _cancelled(fresh: str, has: Capabilities, cancel: Step, again: Step) -> Iterator[Path]:
    """Generates what is about resources that are cancelled, each of which serves for as much as it can.

    They are two of one owner, one of each other owner beside one of one's own, and further ones where keys make more
    kinds of steps.
    """
    strangers = tuple(replace(cancel, by=who) for who in has.others)
    second = tuple(replace(step, on=1) for step in (cancel, again, READ))
    one_after_the_other = (cancel, *second, cancel, READ, *strangers, cancel, READ)
    settled = (SETTLE, READ, again) if has.settles else ()
    yield (fresh, fresh), (READ, *_WRONG, READ, *strangers, READ, *one_after_the_other, *settled)
    if cancel.key is not None:
        yield from _keyed(fresh, has, replace(cancel, reason="first"), again, settled)
    # Beside somebody else's: what is settled before it is cancelled.
    late = tuple(replace(step, on=1) for step in (SETTLE, cancel, again, READ)) if has.settles else ()
    for who in has.others:
        theirs = replace(cancel, by=who, key=None if cancel.key is None else "e")
        mine, look = replace(theirs, by="primary", on=1), replace(READ, by=who)
        stranger = replace(cancel, key=None)
        yield (
            (f"{who}:{fresh}", fresh),
            (*late, look, stranger, look, theirs, mine, look, replace(READ, on=1)),
        )
        late = ()
    if late:
        yield (fresh,), tuple(replace(step, on=0) for step in late)


def _keyed(
    fresh: str, has: Capabilities, cancel: Step, again: Step, settled: tuple[Step, ...]
) -> Iterator[Path]:
    """Generates what takes a key: retries, conflicts, bodies that are refused, and others who know the key."""
    odd = (Step("cancel", key="b", odd="broken_json"), Step("cancel", key="c", odd="a_number"))
    other, empty = replace(cancel, reason=None), Step("cancel", key="d")
    wrong, known = replace(cancel, odd="wrong_credentials"), [replace(cancel, by=who) for who in has.others]
    yield (
        (fresh, UNKNOWN),
        (
            *(READ, *odd, READ, cancel, cancel, READ, cancel, other, cancel, empty, READ, again, READ),
            *(replace(step, on=1) for step in (cancel, again)),
            *settled,
        ),
    )
    # Each body that is refused stands between two reads; wrong credentials come where a conflict was last.
    refused = [step for kind in ODD_BODIES for step in (Step("cancel", key="b", odd=kind), READ)]
    yield (
        (fresh,),
        (
            *(READ, *refused, wrong, cancel, READ, empty, READ, again, cancel, READ),
            *(other, wrong, READ, *known, cancel, READ),
        ),
    )


def _headed(draw: Draw, draft: Draft, steps: tuple[Step, ...]) -> list[Step]:
    """Adds headers to the first cancel of each resource by its owner, and notes the steps in the draft.

    A stranger's cancel is refused, and shows less of what headers change.
    """
    owners = [entry.rpartition(":")[0] or "primary" for entry in draft.start]
    done: list[Step] = []
    cancelled: set[int] = set()
    for step in steps:
        owner = step.by == owners[step.on]
        first = step.verb == "cancel" and owner and not step.odd and step.on not in cancelled
        cancelled |= {step.on} if first else set()
        done.append(draw.headed(step, "first", draft) if first else step)
        if first and step.on == 0:
            draft.first = step
    draft.keys = len({step.key for step in steps if step.key is not None})
    return done
