"""The state machine of an API, for sequences of requests: what each step must be answered, and what it changes.

Hypothesis' RuleBasedStateMachine draws each step while the one before is being answered, and replays whole sequences
against a system that it can reset; here the stream has to be the same for a seed whatever a target answers, many
sequences run side by side on resources that are leased and used up, and an answer may leave several states possible.
So sequences are drawn first, as data, and a state machine judges the answers afterwards.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from conformance.fuzz.oracle.results import CheckResult
from conformance.fuzz.stateful.model import Subject
from conformance.fuzz.stateful.sequence import Step
from conformance.http.reply import Reply


class Model(Protocol):
    """Follows the resources of one sequence: which answers are expected, and what they change."""

    def state(self, step: Step) -> str | None:
        """Returns the state that the oracle may take the resource to be in, None where it isn't known."""

    def lags(self, step: Step) -> bool:
        """Returns whether a replica that is read from may not show yet what this step has to show."""

    def shows(self, reply: Reply) -> bool:
        """Returns whether an answer shows it."""

    def judge(self, step: Step, reply: Reply) -> list[CheckResult]:
        """Returns the results of the checks that the answer is about, and goes on from it."""

    def settled(self, step: Step) -> None:
        """Notes that a settlement was attempted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine:
    """The part of an API in sequences. `model(subjects, capabilities)` makes a model for one sequence.

    `families` are sets of checks that one change may be attributed to. `ids` are unusual ids that name nothing, as
    format strings for a number of six digits. `independent` are checks of the model whose failures leave it right:
    what comes after them is judged like anything else.
    """

    model: Callable[[Sequence[Subject], Mapping[str, bool | None]], Model]
    families: tuple[frozenset[str], ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    independent: frozenset[str] = frozenset()

    def family(self, check: str) -> frozenset[str]:
        """Returns all checks that a change may be attributed to that this one is about."""
        return next((each for each in self.families if check in each), frozenset({check}))

    def is_lost(self, results: Iterable[CheckResult]) -> bool:
        """Returns whether a result shows that the model no longer knows the resources: a rule was broken.

        What comes after is judged relative to a state that the target has left already, and would be blamed on a step
        that did nothing wrong. A body that isn't as documented says nothing of the state.
        """
        return any(
            one.finding is not None
            and one.check not in self.independent
            and any(part in one.check for part in (".walk.", ".auth."))
            for one in results
        )


def blamed(since: Sequence[str], of: Mapping[str, str]) -> str | None:
    """Returns the check to blame for steps `since` the last read, in their order; None if none of them is in `of`.

    The last of them takes the blame: a sequence that can't be made shorter shows no change without it.
    """
    return next((of[what] for what in reversed(since) if what in of), None)
