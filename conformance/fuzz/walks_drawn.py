"""Walks at random: the same seed draws the same ones, whatever the target answers.

Which step may follow which is balanced: of the kinds of steps that make sense, one comes next that has followed the
present one least often. So each pair of steps comes up soon, and longer sequences with time.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from conformance.fuzz.cases import derived
from conformance.fuzz.deck import Deck
from conformance.fuzz.extra import free_reason
from conformance.fuzz.probes import Aim, body_aim
from conformance.fuzz.walks_plan import Step, Walk
from conformance.model import Headers
from conformance.profile import Profile

_LONGEST = 8
_LENGTHS = (3, 5, 6, 7, 7, _LONGEST, _LONGEST, _LONGEST)
# So many further headers at once: each has a name of its own, and those that don't matter are left out again later.
_HEADERS = 3
# As clients, proxies and tracing libraries send them; RFC 9110 section 5.1: what isn't known is ignored.
HARMLESS: tuple[Headers, ...] = (
    (("Accept", "application/json"),),
    (("Accept", "application/json, text/plain, */*"),),
    (("Accept", "application/*"),),
    (("Accept-Language", "de-DE, de;q=0.9, en;q=0.5"),),
    (("Accept-Language", "th"),),
    (("Accept-Language", "*"),),
    (("Accept-Encoding", "gzip, deflate"),),
    (("User-Agent", "Java/17.0.9"),),
    (("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"),),
    (("User-Agent", "okhttp/4.12.0"),),
    (("X-Request-Id", "0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f"),),
    (("X-Request-Id", "req_" + "0123456789abcdef" * 8),),
    (("X-Correlation-Id", "order #42/retry=1; caf\xe9"),),
    (("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "a=b,c=d")),
    (("baggage", "tenant=blue,flag=1"),),
    (("Cache-Control", "no-cache"), ("Pragma", "no-cache")),
    (("Date", "Tue, 05 Nov 2024 10:00:00 GMT"),),
    (("From", "payouts@shop.example"),),
    (("X-Requested-With", "XMLHttpRequest"),),
    (("Priority", "u=3, i"),),
)
# The media type with a charset, in the spellings of several client libraries (RFC 9110 section 8.3.1).
LABELS: tuple[Headers, ...] = tuple(
    (("Content-Type", label),)
    for label in (
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "Application/JSON",
    )
)


@dataclass(frozen=True, slots=True)
class Means:
    """What a profile gives: other credentials, a settlement, a way of reading, and the states that are final.

    `readers` are credentials that send nothing but reads: those of a live environment.
    """

    others: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    settles: bool = False
    reads: bool = True
    final: tuple[str, ...] = ()
    processing: bool = True


def means(profile: Profile) -> Means:
    """Those of a profile."""
    withdraws = profile.target.api == "withdraws"
    others = ("other_merchant",) if withdraws else ("other_merchant", "other_environment")
    given = [one for one in others if one in profile.credentials]
    return Means(
        others=tuple(one for one in given if not profile.reads_only(one)),
        readers=tuple(one for one in given if profile.reads_only(one)),
        settles=profile.capabilities.get("settlement") is True,
        reads=not withdraws or profile.states.read_path is not None,
        final=("paid", "failed", "canceled")
        if withdraws
        else tuple(dict.fromkeys(("cancelled", *profile.states.terminal))),
        processing=not withdraws or profile.capabilities.get("cancel_processing") is not None,
    )


def number(api: str, examples: int) -> int:
    """How many walks go with so many examples."""
    return 20 + examples // 3 if api == "withdraws" else 26 + examples // 2


def drawn(api: str, seed: int, many: int, has: Means) -> Iterator[Walk]:
    """The walks that everybody has to take, and as many at random as make `many` of them."""
    fixed = list(_fixed(api, has))[:many]
    yield from fixed
    draw = _Draw(api, seed, has)
    for turn in range(many - len(fixed)):
        yield draw.walk(turn)


def _fixed(api: str, has: Means) -> Iterator[Walk]:
    """What puts those checks to the test that chance might leave out."""
    fresh = "pending" if api == "withdraws" else "requires_approval"
    cancel, again, read = (
        Step("cancel", key="a", reason="first"),
        Step("cancel", key="b", reason="more"),
        Step("read"),
    )
    odd = (Step("cancel", key="b", odd="broken_json"), Step("cancel", key="c", odd="a_number"))
    if api == "withdraws":
        cancel = again = Step("cancel")
        odd = (Step("cancel", odd="wrong_credentials"), Step("cancel", odd="no_credentials"))
    second = (replace(cancel, on=1), replace(again, on=1), replace(read, on=1))
    paths: list[tuple[tuple[str, ...], tuple[Step, ...]]] = [
        ((fresh,), (read, *odd, read, cancel, again, read)),
        ((has.final[0],), (read, cancel, again, read, *odd, again, again, read)),
        ((fresh, fresh), (cancel, *second, cancel, read)),
        ((fresh, "unknown"), (cancel, *second)),
    ]
    if api == "payout-intents":
        other, empty = replace(cancel, reason=None), Step("cancel", key="c")
        paths.append(((fresh,), (cancel, cancel, read, cancel, other, cancel, empty, read)))
        paths.append(((fresh,), (cancel, read, empty, read, again, cancel, read)))
        # Each body that is refused stands between two reads; wrong credentials come where a conflict was last.
        bodies = [step for kind in _ODD_BODIES for step in (Step("cancel", key="b", odd=kind), read)]
        paths.append(((fresh,), (read, *bodies)))
        wrong = Step("cancel", key="a", odd="wrong_credentials", reason="first")
        known = [replace(cancel, by=who) for who in has.others]
        paths.append(((fresh,), (cancel, read, other, wrong, read, *known, cancel, read)))
    if has.processing:
        paths.append((("processing",), (read, cancel, read, again, read)))
    if has.settles:
        paths.append(((fresh,), (cancel, again, Step("settle"), read, again)))
        paths.append(((fresh,), (Step("settle"), cancel, again, read)))
    for start, steps in paths:
        yield Walk(api, start, tuple(step for step in steps if has.reads or step.verb != "read"))


@dataclass(slots=True)
class _Sketch:
    """A walk in the making: what was done, as far as the next step depends on it."""

    start: tuple[str, ...]
    steps: list[Step] = field(default_factory=list)
    first: Step | None = None
    keys: int = 0
    kinds: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether nothing was cancelled yet that could be."""
        return self.first is None and self.start[0].rpartition(":")[2] in ("pending", "requires_approval")

    @property
    def owner(self) -> str:
        """Whose the first resource is."""
        owner = self.start[0].rpartition(":")[0]
        return owner if owner.startswith("other") else "primary"

    def key(self) -> str:
        """A key that the walk hasn't used."""
        self.keys += 1
        return "abcdefghijklmnopqrstuvwxyz"[self.keys - 1]


class _Draw:
    """Draws walks for one API and one seed."""

    def __init__(self, api: str, seed: int, has: Means) -> None:
        self._api, self._has = api, has
        self._dice = random.Random(derived(seed, api, "walks"))  # noqa: S311 - a seed has to make the same walks again
        self._deck = Deck(self._dice)
        self._followed: Counter[tuple[object, ...]] = Counter()
        self._left_over: dict[str, list[Headers]] = {}
        self._kinds = _WITHDRAW_KINDS if api == "withdraws" else _INTENT_KINDS
        self._fresh = "pending" if api == "withdraws" else "requires_approval"

    def walk(self, turn: int) -> Walk:
        """One walk."""
        sketch = _Sketch(self._start(turn))
        length = self._deck.draw("steps", _LENGTHS)
        while len(sketch.steps) < length:
            kind = self._next(sketch)
            self._chosen(sketch, kind)
            opening = sketch.open
            step = self._kinds[kind](self, sketch)
            sketch.steps.append(self._headed(step, "first" if opening and not sketch.open else kind))
        if self._has.reads and sketch.steps[-1].verb != "read":
            sketch.steps.append(Step("read", by=sketch.owner))
        return Walk(self._api, sketch.start, tuple(sketch.steps))

    def _start(self, turn: int) -> tuple[str, ...]:
        """Mostly one that can be cancelled; the first walks are about each of the other starts."""
        has, fresh = self._has, self._fresh
        special: list[tuple[str, ...]] = [(fresh, fresh)] * 4 + [(one,) for one in has.final]
        special += [("processing",)] if has.processing else []
        special += [(f"{who}:{fresh}", fresh) for who in has.others]
        special += [(fresh, "unknown")]
        if self._api == "withdraws":
            special += [(f"unknown:{shape}",) for shape in ("nil", "max", "digits", "exponent")]
        return (fresh,) if turn % 2 else self._deck.draw("start", special)

    def _next(self, sketch: _Sketch) -> str:
        """The kind of step that has followed the one before, and the two before, least often for its weight."""
        if sketch.start[0].startswith("unknown"):
            return "cancel"
        # What opens a walk is mostly the cancel that everything else depends on.
        if sketch.first is None and self._dice.random() < 0.6:
            return "cancel"
        kinds = [kind for kind in self._kinds if self._fits(kind, sketch)]
        self._dice.shuffle(kinds)
        (last, one), two = (("", "", *sketch.kinds)[-2:]), len(sketch.start) > 1
        return min(
            kinds,
            key=lambda kind: (
                self._followed[sketch.open, two, one, kind] // _WEIGHTS.get(kind, 1),
                self._followed[sketch.open, two, last, one, kind],
            ),
        )

    def _chosen(self, sketch: _Sketch, kind: str) -> None:
        (last, one), two = (("", "", *sketch.kinds)[-2:]), len(sketch.start) > 1
        self._followed[sketch.open, two, one, kind] += 1
        self._followed[sketch.open, two, last, one, kind] += 1
        sketch.kinds.append(kind)

    def _fits(self, kind: str, sketch: _Sketch) -> bool:
        has, two = self._has, len(sketch.start) > 1
        needs = {
            "read": has.reads,
            "peek": has.reads,
            "settle": has.settles and sketch.steps != [],
            "stranger": bool(has.others),
            "stranger_key": bool(has.others) and _keyed(sketch),
            "replay": _keyed(sketch),
            "conflict": _keyed(sketch),
            "second": two,
            "second_key": two and _keyed(sketch),
            "second_read": two and has.reads,
        }
        return needs.get(kind, True)

    # -- steps -----------------------------------------------------------------------------------------------

    def cancel(self, sketch: _Sketch) -> Step:
        """A documented cancel by the owner; the first one is the one that others repeat."""
        step = Step("cancel", by=sketch.owner)
        if self._api == "payout-intents":
            # The right credentials after the wrong ones: a key that came with these is free.
            tried = (
                sketch.steps[-1].key
                if sketch.first is None and sketch.steps and sketch.steps[-1].odd
                else None
            )
            key = tried or (sketch.key() if self._dice.random() < 0.8 else None)
            step = replace(step, reason=self.reason(), key=key)
        if sketch.first is None:
            sketch.first = step
        return step

    def reason(self) -> str | None:
        """Mostly a plain one, none at all now and then."""
        kind = self._deck.draw("reason", range(6))
        if kind == 0:
            return None
        if kind == 1:
            found = free_reason(self._dice, self._deck) or ""
            return found if body_aim(b"", {"reason": found}) is Aim.DOCUMENTED else "once_more"
        return f"{self._dice.choice(('ordered', 'paid', 'typed'))}_twice_{self._dice.randrange(10_000)}"

    def _headed(self, step: Step, kind: str) -> Step:
        """The step with further headers, every other time; the content type is one that a step may have instead."""
        if step.verb == "settle" or self._dice.random() < 0.5:
            return step
        if self._api == "payout-intents" and step.verb == "cancel" and self._dice.random() < 0.3:
            return replace(step, headers=self._deck.draw("label", LABELS))
        deck = kind if kind in ("first", "read", "cancel") else "others"
        left = self._left_over.pop(deck, [])
        drawn = [*left, *(self._deck.draw(f"harmless {deck}", HARMLESS) for _ in range(_HEADERS - len(left)))]
        found: dict[str, str] = {}
        for headers in drawn:
            if any(name in found for name, _ in headers):
                # Its turn comes next: each kind of step sees each of them.
                self._left_over.setdefault(deck, []).append(headers)
            else:
                found |= dict(headers)
        return replace(step, headers=tuple(found.items()))

    def wrong(self, sketch: _Sketch) -> Step:
        """Wrong credentials, or none; under a key that is known, or one that the right ones may come with next."""
        how = self._deck.draw("wrong", range(4))
        odd = "no_credentials" if how == 0 else "wrong_credentials"
        if self._api == "withdraws":
            return Step("cancel", odd=odd)
        if _keyed(sketch) and how > 1:
            return replace(self.repeated(sketch), by="primary", odd=odd)
        return Step("cancel", odd=odd, key=sketch.key() if sketch.open else None)

    def conflict(self, sketch: _Sketch) -> Step:
        """The first cancel under a key, with a body that differs: much, little, or by having no reason at all."""
        first = self.repeated(sketch)
        before = first.reason or ""
        options = (
            None,
            before.swapcase(),
            f"{before[:-1]}{'x' if before[-1:] != 'x' else 'y'}",
            f"other_{before}"[:60],
        )
        chosen = self._deck.draw("conflict", options)
        fits = chosen != first.reason and body_aim(b"", {"reason": chosen}) in (Aim.DOCUMENTED, Aim.OPEN)
        return replace(first, reason=chosen if fits and chosen != "" else f"other_{before}"[:60])

    def odd(self, sketch: _Sketch) -> Step:
        """A body that is to be refused."""
        kind = self._deck.draw("odd", _ODD_BODIES)
        return Step("cancel", by=sketch.owner, odd=kind, key=sketch.key())

    def stranger(self, sketch: _Sketch, verb: str) -> Step:
        """Somebody else's request; where the resource is theirs, it is the primary credentials'."""
        has = self._has
        who = self._deck.draw(
            *(("who", has.others) if verb == "cancel" else ("reads", (*has.others, *has.readers)))
        )
        by = "primary" if sketch.owner != "primary" else who
        return Step(verb, by=by, reason="not_mine" if verb == "cancel" and self._api != "withdraws" else None)

    def peek(self, sketch: _Sketch) -> Step:
        """A read that nobody may make."""
        anybody = self._has.others or self._has.readers
        if self._api == "payout-intents" and anybody and self._deck.draw("peek", range(3)):
            return self.stranger(sketch, "read")
        return Step("read", odd="wrong_credentials")

    def repeated(self, sketch: _Sketch) -> Step:
        """The first cancel under a key, without its headers."""
        first = next(step for step in sketch.steps if step.key is not None and not step.odd)
        return replace(first, headers=())


def _keyed(sketch: _Sketch) -> bool:
    return any(step.key is not None and not step.odd and step.on == 0 for step in sketch.steps)


Kind = Callable[[_Draw, _Sketch], Step]
_ODD_BODIES = ("broken_json", "a_number", "a_list", "600_characters")
_WEIGHTS = {"read": 2, "cancel": 2, "replay": 2}
_WITHDRAW_KINDS: dict[str, Kind] = {
    "cancel": _Draw.cancel,
    "read": lambda draw, sketch: Step("read", by=sketch.owner),
    "settle": lambda draw, sketch: Step("settle"),
    "stranger": lambda draw, sketch: draw.stranger(sketch, "cancel"),
    "wrong": _Draw.wrong,
    "peek": _Draw.peek,
    "second": lambda draw, sketch: replace(draw.cancel(replace(sketch)), on=1, by="primary", key=None),
    "second_read": lambda draw, sketch: Step("read", on=1),
}
_INTENT_KINDS: dict[str, Kind] = {
    **_WITHDRAW_KINDS,
    "replay": lambda draw, sketch: draw.repeated(sketch),
    "conflict": _Draw.conflict,
    "empty": lambda draw, sketch: Step("cancel", by=sketch.owner, key=sketch.key()),
    "second_key": lambda draw, sketch: replace(draw.repeated(sketch), on=1, by="primary"),
    "stranger_key": lambda draw, sketch: replace(
        draw.stranger(sketch, "cancel"), key=draw.repeated(sketch).key
    ),
    "odd": _Draw.odd,
}
