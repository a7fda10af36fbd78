"""Generates sequences of requests: the same ones for a seed, whatever the target answers.

`stateful.state_machine` says why Hypothesis' RuleBasedStateMachine doesn't draw them. Of the kinds of steps that may
come next, one is drawn that has followed the present one least often, so that each pair of steps comes up soon.
"""

import random
import string
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from conformance.contracts import contract
from conformance.fuzz import state_order
from conformance.fuzz.case import UNKNOWN, Mutation
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.generate.headers import HARMLESS, LABELS
from conformance.fuzz.generate.schemathesis_source import derived
from conformance.fuzz.generate.shuffle_bag import ShuffleBag
from conformance.fuzz.generate.strategies import free_text
from conformance.fuzz.stateful.sequence import Sequence, Step
from conformance.fuzz.text_field import body_mutation
from conformance.model import Headers
from conformance.profile import Profile

_LONGEST = 8
_LENGTHS = (3, 5, 6, 7, 7, _LONGEST, _LONGEST, _LONGEST)
# So many further headers at once, and so many in the first cancel of a long sequence: each has a name of its own, and
# those that don't matter are left out again later.
_HEADERS, _MANY_HEADERS = 3, 9


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The permissions of a sequence: other credentials, a settlement, a way of reading, and states to start in.

    `readers` are credentials that send nothing but reads: those of a live environment. `moving` are states that a
    resource leaves by itself.
    """

    others: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    settles: bool = False
    reads: bool = True
    final: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()


def capabilities_of(profile: Profile) -> Capabilities:
    """Returns those of a profile."""
    api, declared = profile.target.api, profile.capabilities
    described = contract(api)
    given = [one for one in described.others if one in profile.credentials]
    return Capabilities(
        others=tuple(one for one in given if not profile.reads_only(one)),
        readers=tuple(one for one in given if profile.reads_only(one)),
        settles=declared.get("settlement") is True,
        reads=state_order.reading(api) is not None or profile.states.read_path is not None,
        final=state_order.final(api, profile.states.terminal),
        moving=tuple(
            one
            for one in state_order.moving(api)
            if one not in described.states.conditional
            or state_order.is_allowed(described.states, one, declared) is not None
        ),
    )


def number(api: str, examples: int) -> int:
    """Returns how many sequences go with so many examples; more where keys make more kinds of steps."""
    return 26 + examples // 2 if is_keyed(api) else 20 + examples // 3


def sequences(api: str, seed: int, many: int, has: Capabilities) -> Iterator[Sequence]:
    """Generates `many` sequences: fixed ones first, random ones after them."""
    fixed = list(_fixed(api, has))[:many]
    yield from fixed
    draw = Draw(api, seed, has)
    for turn in range(many - len(fixed)):
        yield draw.sequence(turn)


def is_keyed(api: str) -> bool:
    """Returns whether cancels carry idempotency keys, and a body."""
    return contract(api).requests.key_header is not None and fuzzing(api).text is not None


def _fixed(api: str, has: Capabilities) -> Iterator[Sequence]:
    """Generates sequences for checks that random ones may miss."""
    fresh = contract(api).states.cancellable[0]
    cancel = again = Step("cancel")
    read = Step("read")
    odd = (Step("cancel", odd="wrong_credentials"), Step("cancel", odd="no_credentials"))
    if is_keyed(api):
        cancel, again = Step("cancel", key="a", reason="first"), Step("cancel", key="b", reason="more")
        odd = (Step("cancel", key="b", odd="broken_json"), Step("cancel", key="c", odd="a_number"))
    second = (replace(cancel, on=1), replace(again, on=1), replace(read, on=1))
    paths: list[tuple[tuple[str, ...], tuple[Step, ...]]] = [
        ((fresh,), (read, *odd, read, cancel, again, read)),
        ((has.final[0],), (read, cancel, again, read, *odd, again, again, read)),
        ((fresh, fresh), (cancel, *second, cancel, read)),
        ((fresh, UNKNOWN), (cancel, *second)),
    ]
    if is_keyed(api):
        other, empty = replace(cancel, reason=None), Step("cancel", key="c")
        paths.append(((fresh,), (cancel, cancel, read, cancel, other, cancel, empty, read)))
        paths.append(((fresh,), (cancel, read, empty, read, again, cancel, read)))
        # Each body that is refused stands between two reads; wrong credentials come where a conflict was last.
        bodies = [step for kind in ODD_BODIES for step in (Step("cancel", key="b", odd=kind), read)]
        paths.append(((fresh,), (read, *bodies)))
        wrong = Step("cancel", key="a", odd="wrong_credentials", reason="first")
        known = [replace(cancel, by=who) for who in has.others]
        paths.append(((fresh,), (cancel, read, other, wrong, read, *known, cancel, read)))
    paths += [((one,), (read, cancel, read, again, read)) for one in has.moving]
    if has.settles:
        paths.append(((fresh,), (cancel, again, Step("settle"), read, again)))
        paths.append(((fresh,), (Step("settle"), cancel, again, read)))
    for start, steps in paths:
        yield Sequence(api, start, tuple(step for step in steps if has.reads or step.verb != "read"))


@dataclass(slots=True)
class Draft:
    """A sequence that is being generated, as far as the next step depends on it.

    `opening` is how many steps come before the first cancel, None where that is drawn.
    """

    start: tuple[str, ...]
    cancellable: tuple[str, ...]
    steps: list[Step] = field(default_factory=list)
    first: Step | None = None
    keys: int = 0
    kinds: list[str] = field(default_factory=list)
    opening: int | None = None

    @property
    def open(self) -> bool:
        """Returns whether nothing was cancelled yet that could be."""
        return self.first is None and self.start[0].rpartition(":")[2] in self.cancellable

    @property
    def owner(self) -> str:
        """Returns the owner of the first resource."""
        owner = self.start[0].rpartition(":")[0]
        return owner if owner.startswith("other") else "primary"

    def key(self) -> str:
        """Returns a key that the sequence hasn't used."""
        self.keys += 1
        turn, letter = divmod(self.keys - 1, len(string.ascii_lowercase))
        return string.ascii_lowercase[letter] * (turn + 1)


class Draw:
    """Draws the sequences of one API and one seed; those of another `name` are other ones."""

    def __init__(self, api: str, seed: int, has: Capabilities, name: str = "walks") -> None:
        self._api, self._has = api, has
        self._rng = random.Random(derived(seed, api, name))  # noqa: S311 - a seed has to make the same sequences again
        self._bag = ShuffleBag(self._rng)
        self._followed: Counter[tuple[object, ...]] = Counter()
        self._left_over: dict[str, list[Headers]] = {}
        self._keyed = is_keyed(api)
        self._kinds = _KEYED_KINDS if self._keyed else _KINDS
        self._cancellable = contract(api).states.cancellable
        self._text = fuzzing(api).text

    def sequence(self, turn: int) -> Sequence:
        """Draws one sequence."""
        start = self._start(turn)
        return self.drawn(Draft(start, self._cancellable), self._bag.draw("steps", _LENGTHS))

    def drawn(self, draft: Draft, length: int) -> Sequence:
        """Draws steps until there are `length` of them, and a read in the end."""
        while len(draft.steps) < length:
            kind = self._next(draft)
            self._chosen(draft, kind)
            opening = draft.open
            step = self._kinds[kind](self, draft)
            draft.steps.append(self.headed(step, "first" if opening and not draft.open else kind, draft))
        if self._has.reads and draft.steps[-1].verb != "read":
            draft.steps.append(Step("read", by=draft.owner))
        return Sequence(self._api, draft.start, tuple(draft.steps))

    def _start(self, turn: int) -> tuple[str, ...]:
        """Draws the start, mostly a cancellable state; the first sequences take the other ones in turn."""
        has, fresh = self._has, self._cancellable[0]
        special: list[tuple[str, ...]] = [(fresh, fresh)] * 4 + [(one,) for one in has.final]
        special += [(one,) for one in has.moving]
        special += [(f"{who}:{fresh}", fresh) for who in has.others]
        special += [(fresh, UNKNOWN)]
        machine = fuzzing(self._api).machine
        special += [(f"{UNKNOWN}:{name}",) for name in (machine.ids if machine is not None else ())]
        return (fresh,) if turn % 2 else self._bag.draw("start", special)

    def _next(self, draft: Draft) -> str:
        """Returns the kind of step that has followed the last one, and the last two, least often for its weight."""
        if draft.start[0].startswith(UNKNOWN):
            return "cancel"
        # What opens a sequence is mostly the cancel that everything else depends on.
        early = draft.open and draft.opening is not None and len(draft.steps) < draft.opening
        if draft.first is None and not early and (draft.opening is not None or self._rng.random() < 0.6):
            return "cancel"
        kinds = [kind for kind in self._kinds if self._fits(kind, draft)]
        kinds = [kind for kind in kinds if kind not in _DECISIVE] if early else kinds
        self._rng.shuffle(kinds)
        (last, one), two = (("", "", *draft.kinds)[-2:]), len(draft.start) > 1
        return min(
            kinds,
            key=lambda kind: (
                self._followed[draft.open, two, one, kind] // _WEIGHTS.get(kind, 1),
                self._followed[draft.open, two, last, one, kind],
            ),
        )

    def _chosen(self, draft: Draft, kind: str) -> None:
        (last, one), two = (("", "", *draft.kinds)[-2:]), len(draft.start) > 1
        self._followed[draft.open, two, one, kind] += 1
        self._followed[draft.open, two, last, one, kind] += 1
        draft.kinds.append(kind)

    def _fits(self, kind: str, draft: Draft) -> bool:
        has, two = self._has, len(draft.start) > 1
        needs = {
            "read": has.reads,
            "peek": has.reads,
            "settle": has.settles and draft.steps != [],
            "stranger": bool(has.others),
            "stranger_key": bool(has.others) and _keyed(draft),
            "replay": _keyed(draft),
            "conflict": _keyed(draft),
            "second": two,
            "second_key": two and _keyed(draft),
            "second_read": two and has.reads,
        }
        return needs.get(kind, True)

    # -- steps -----------------------------------------------------------------------------------------------

    def cancel(self, draft: Draft) -> Step:
        """Makes a documented cancel by the owner; later steps repeat the first one."""
        step = Step("cancel", by=draft.owner)
        if self._keyed:
            # The right credentials after the wrong ones: a key that came with these is free.
            tried = (
                draft.steps[-1].key if draft.first is None and draft.steps and draft.steps[-1].odd else None
            )
            first = draft.opening is not None and draft.open
            key = tried or (draft.key() if first or self._rng.random() < 0.8 else None)
            step = replace(step, reason=self.first_reason() if first else self.reason(), key=key)
        if draft.first is None:
            draft.first = step
        return step

    def reason(self) -> str | None:
        """Draws a text, mostly a plain one, sometimes none."""
        kind = self._bag.draw("reason", range(6))
        if kind == 0:
            return None
        if kind == 1 and self._text is not None:
            found = free_text(self._rng, self._bag, self._text) or ""
            return found if self._mutation(found) is Mutation.DOCUMENTED else "once_more"
        return f"{self._rng.choice(('ordered', 'paid', 'typed'))}_twice_{self._rng.randrange(10_000)}"

    def first_reason(self) -> str | None:
        """Draws a text for the cancel that is to succeed: none, a letter, a long one, free text, or a plain one."""
        kind = self._bag.draw("first reason", range(6))
        if kind == 0:
            return None
        if kind == 1:
            return self._rng.choice(string.ascii_letters)
        if kind == 2 and self._text is not None:
            return "".join(
                self._rng.choices(string.ascii_letters, k=self._text.limit - self._rng.randrange(200))
            )
        for _ in range(20 if kind < 5 and self._text is not None else 0):
            found = free_text(self._rng, self._bag, self._text) if self._text is not None else None
            plain = self._text is None or self._text.is_plain({self._text.name: found})
            if found and not plain and self._mutation(found) is Mutation.DOCUMENTED:
                return found
        return self.reason() or "once_more"

    def _mutation(self, text: str | None) -> Mutation:
        return body_mutation(self._text, b"", {self._text.name: text} if self._text is not None else {})

    def headed(self, step: Step, kind: str, draft: Draft) -> Step:
        """Adds further headers, every other time, or another spelling of the content type.

        Both, and many of them, to the cancel of a long sequence that is to succeed.
        """
        many = kind == "first" and draft.opening is not None
        if step.verb == "settle" or (not many and self._rng.random() < 0.5):
            return step
        labelled = self._keyed and step.verb == "cancel" and self._rng.random() < (0.6 if many else 0.3)
        if labelled and not many:
            return replace(step, headers=self._bag.draw("label", LABELS))
        bag, most = (
            kind if kind in ("first", "read", "cancel") else "others",
            _MANY_HEADERS if many else _HEADERS,
        )
        left = self._left_over.pop(bag, [])
        sequences = [
            *left,
            *(self._bag.draw(f"harmless {bag}", HARMLESS) for _ in range(most - len(left))),
        ]
        found: dict[str, str] = dict(self._bag.draw("label", LABELS)) if labelled else {}
        for headers in sequences:
            if any(name in found for name, _ in headers):
                # Its turn comes next: each kind of step sees each of them.
                self._left_over.setdefault(bag, []).append(headers)
            else:
                found |= dict(headers)
        return replace(step, headers=tuple(found.items()))

    def wrong(self, draft: Draft) -> Step:
        """Makes a cancel with wrong credentials or none, under a known key or one that a later cancel may use."""
        how = self._bag.draw("wrong", range(4))
        odd = "no_credentials" if how == 0 else "wrong_credentials"
        if not self._keyed:
            return Step("cancel", odd=odd)
        if _keyed(draft) and how > 1:
            return replace(self.repeated(draft), by="primary", odd=odd)
        return Step("cancel", odd=odd, key=draft.key() if draft.open else None)

    def conflict(self, draft: Draft) -> Step:
        """Repeats the first cancel under a key with another text, or with none."""
        first = self.repeated(draft)
        before = first.reason or ""
        options = (
            None,
            before.swapcase(),
            f"{before[:-1]}{'x' if before[-1:] != 'x' else 'y'}",
            f"other_{before}"[:60],
        )
        chosen = self._bag.draw("conflict", options)
        fits = chosen != first.reason and self._mutation(chosen) in (Mutation.DOCUMENTED, Mutation.OPEN)
        return replace(first, reason=chosen if fits and chosen != "" else f"other_{before}"[:60])

    def odd(self, draft: Draft) -> Step:
        """Makes a cancel whose body is to be refused."""
        kind = self._bag.draw("odd", ODD_BODIES)
        return Step("cancel", by=draft.owner, odd=kind, key=draft.key())

    def stranger(self, draft: Draft, verb: str) -> Step:
        """Makes a request with credentials that don't own the resource."""
        has = self._has
        who = self._bag.draw(
            *(("who", has.others) if verb == "cancel" else ("reads", (*has.others, *has.readers)))
        )
        by = "primary" if draft.owner != "primary" else who
        return Step(verb, by=by, reason="not_mine" if verb == "cancel" and self._keyed else None)

    def peek(self, draft: Draft) -> Step:
        """Makes a read that is not allowed."""
        anybody = self._has.others or self._has.readers
        if state_order.reading(self._api) is not None and anybody and self._bag.draw("peek", range(3)):
            return self.stranger(draft, "read")
        return Step("read", odd="wrong_credentials")

    def repeated(self, draft: Draft) -> Step:
        """Returns the first cancel under a key, without its headers."""
        first = next(step for step in draft.steps if step.key is not None and not step.odd)
        return replace(first, headers=())


def _keyed(draft: Draft) -> bool:
    return any(step.key is not None and not step.odd and step.on == 0 for step in draft.steps)


Kind = Callable[[Draw, Draft], Step]
# What may end the state that a resource was handed over in.
_DECISIVE = ("cancel", "empty", "settle")
ODD_BODIES = ("broken_json", "a_number", "a_list", "600_characters")
_WEIGHTS = {"read": 2, "cancel": 2, "replay": 2}
_KINDS: dict[str, Kind] = {
    "cancel": Draw.cancel,
    "read": lambda draw, draft: Step("read", by=draft.owner),
    "settle": lambda draw, draft: Step("settle"),
    "stranger": lambda draw, draft: draw.stranger(draft, "cancel"),
    "wrong": Draw.wrong,
    "peek": Draw.peek,
    "second": lambda draw, draft: replace(draw.cancel(replace(draft)), on=1, by="primary", key=None),
    "second_read": lambda draw, draft: Step("read", on=1),
}
_KEYED_KINDS: dict[str, Kind] = {
    **_KINDS,
    "replay": lambda draw, draft: draw.repeated(draft),
    "conflict": Draw.conflict,
    "empty": lambda draw, draft: Step("cancel", by=draft.owner, key=draft.key()),
    "second_key": lambda draw, draft: replace(draw.repeated(draft), on=1, by="primary"),
    "stranger_key": lambda draw, draft: replace(draw.stranger(draft, "cancel"), key=draw.repeated(draft).key),
    "odd": Draw.odd,
}
