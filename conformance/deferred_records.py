"""The records of checks that are told of what came of their requests later: some time after, or only together."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.contract import Contract
from conformance.errors import ConformanceError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Check, Exchange, Level, Outcome, Problem
from conformance.refused_requests import in_words
from conformance.report.safe import counted
from conformance.states.resource import Resource
from conformance.states.shared_resources import SharedResource

_HINT = (
    "Each of these requests was refused, and alone none has this effect, however often it is sent. Does one of them "
    "leave behind what another makes use of?"
)


def late(
    contract: Contract,
    check: Check,
    resource: Resource,
    asked: Sequence[Exchange],
    refusal: Reply,
    shown: Reply | None,
    exchanges: Sequence[Exchange],
    *,
    after_s: float,
    is_cancelled: bool,
) -> Check:
    """Returns the record of a check whose requests have an effect some time after they were refused."""
    noun = contract.a(f"{resource.status} {contract.noun}")
    what = f"the refusal of {in_words(asked, resource)}"
    of_owner = f"the owner's cancel was answered {summary.of(refusal)}"
    decides = shown if shown is not None and is_cancelled else refusal
    problem = Problem(
        expected=f"the documented cancel of {noun} to succeed {after_s:.0f} s after {what}, as that of another one "
        "did to which nothing was sent",
        observed=(f"a read shows {summary.of(shown)}; " if shown is not None else "") + of_owner,
        exchange=exchanges.index(decides.exchange),
        hint="Is the request put into a queue, or carried out beside its answer, before it was found to be right?",
        fault=f"{noun.capitalize()} was cancelled some time after {what}"
        if decides is shown
        else f"The owner's cancel of {noun} was answered {summary.short(refusal)} some time after {what}",
    )
    return replace(
        check,
        outcome=Outcome.WARNED if check.level is Level.SHOULD else Outcome.FAILED,
        message=f"expected {problem.expected}; observed {problem.observed}",
        exchanges=tuple(range(len(exchanges))),
        problem=problem,
        resources=((segment(resource.id), resource.wanted.of_whom()),),
    )


def together(
    contract: Contract,
    one: SharedResource,
    last: Check,
    refusal: Reply,
    shown: Reply | None,
    asked: str,
    exchanges: Sequence[Exchange],
    *,
    is_cancelled: bool,
) -> Check:
    """Returns the record that tells of several checks whose requests have an effect only together.

    A warning where the owner is refused: no document says what may happen after so many refused requests, and alone
    each has no effect. A failure where a read shows the resource cancelled: nobody entitled asked for that.
    """
    noun, number = f"{one.resource.status} {contract.noun}", counted(len(one.unproven), "check")
    of_owner = f"the owner's cancel was answered {summary.of(refusal)}"
    problem = Problem(
        expected=f"the documented cancel of {contract.a(noun)} to succeed after the requests of {number}, "
        "which have no effect each by itself",
        observed=(f"a read shows {summary.of(shown)}; " if shown is not None else "")
        + f"{of_owner} after {', '.join(one.unproven)}",
        exchange=exchanges.index(refusal.exchange),
        hint=_HINT,
        fault=f"{contract.a(noun).capitalize()} was cancelled by requests that were refused, none of which "
        f"does that alone: {asked}"
        if is_cancelled
        else f"The owner's cancel of {contract.a(noun)} was answered {summary.short(refusal)} after requests "
        f"that were refused, none of which has this effect alone: {asked}",
    )
    return replace(
        last,
        outcome=Outcome.FAILED if is_cancelled else Outcome.WARNED,
        message=f"expected {problem.expected}; observed {problem.observed}",
        exchanges=tuple(range(len(exchanges))),
        problem=problem,
    )


def untried(
    contract: Contract, one: SharedResource, reply: Reply, last: Check, lacking: ConformanceError
) -> Check:
    """Returns the record that tells of a refused cancel whose cause can't be looked for: the source has too few."""
    noun = contract.a(f"{one.resource.status} {contract.noun}")
    return replace(
        last,
        outcome=Outcome.NOT_TESTABLE,
        message=f"the owner's cancel of {noun} was answered {summary.of(reply)} after the requests of "
        f"{', '.join(one.unproven)}; alone each of them passes, and all of them together can't be tried on another "
        f"one: {lacking.message}. {lacking.hint}".strip(),
        exchanges=(0,),
        problem=None,
    )
