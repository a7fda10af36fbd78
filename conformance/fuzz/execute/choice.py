"""Chooses the state of the resource that each request is sent to: what is odd mostly goes where it could do harm."""

from collections import Counter
from collections.abc import Sequence

from conformance.contracts import contract
from conformance.fuzz.case import UNKNOWN, Case, Mutation
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.state_order import DEFAULT, cancelling, consumed

# With so many more examples, one more request of a kind may use up what can be cancelled.
_MORE = 10
# Shorter keys are likely to be accepted.
_SHORT = 64


class Choice:
    """Chooses a state for one request after the other, by what it tries, and by what was sent before.

    `names` are all states that requests are sent to, the one that can be cancelled first.
    """

    def __init__(self, api: str, names: Sequence[str], examples: int) -> None:
        self._names = tuple(names)
        changed = consumed(api)
        self._unchanged = tuple(one for one in names if one not in changed and one != UNKNOWN)
        self._text = fuzzing(api).text
        self._cancels = cancelling(api).id
        self._key_header = contract(api).requests.key_header
        self._again = max(0, examples - DEFAULT) // _MORE
        self._turns: Counter[tuple[str, ...]] = Counter()

    def saw(self, case: Case) -> None:
        """Notes a request that was sent to a resource that it can cancel."""
        self._turns[self._kind(case)] += 1

    def state(self, case: Case) -> str | None:
        """Returns the state; None for a request with an id of its own."""
        if case.segment is not None:
            return None
        if case.mutation is Mutation.METHOD:
            return UNKNOWN
        if case.operation != self._cancels:
            # No read changes anything: they take turns, the odd ones at what nothing else changes either.
            return self._next(
                self._names if case.mutation is Mutation.DOCUMENTED else self._unchanged, "reads"
            )
        if case.mutation in (Mutation.MISSING, Mutation.WRONG):
            return self._names[0]
        if case.mutation in (Mutation.DOCUMENTED, Mutation.OPEN, Mutation.KEY):
            if case.mutation is Mutation.DOCUMENTED and case.body is None:
                return self._next(self._names, "plain")
            # What differs most gets the resources that it can cancel.
            kind = self._kind(case)
            self._turns[kind] += 1
            # Some keys are refused, which shows little: one more gets its chance.
            first = self._turns[kind] <= 1 + self._again + (case.mutation is Mutation.KEY)
            return self._names[0] if first else self._next(self._names[1:], str(case.mutation))
        return (
            self._names[0]
            if self._turn("odd", str(case.mutation)) % 4 < 3
            else self._next(self._names[1:], "odd")
        )

    def _next(self, names: Sequence[str], what: str) -> str:
        return names[self._turn("next", what) % len(names)] if names else UNKNOWN

    def _turn(self, *what: str) -> int:
        turn = self._turns[what]
        self._turns[what] += 1
        return turn

    def _kind(self, case: Case) -> tuple[str, ...]:
        """Returns what a request has in common with others that are likely to be treated alike."""
        if case.mutation is Mutation.KEY:
            texts = [text for name, text in case.headers if name == self._key_header]
            return "key", str(len(texts) == 1 and 0 < len(texts[0]) <= _SHORT and texts[0].isascii())
        if case.mutation is Mutation.OPEN:
            return ("open",)
        if self._text is None:
            return ("documented",)
        return "documented", self._text.check(case.value)
