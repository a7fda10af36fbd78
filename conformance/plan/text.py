"""Renders a plan, as text and as JSON."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from conformance import contracts
from conformance.contract import Contract
from conformance.plan.figures import Figures, Need, Plan, rounded
from conformance.profile import is_live
from conformance.report import explain
from conformance.report.safe import inert, line
from conformance.states.source_advice import ids_table

Style = Callable[[str, str], str]

_MADE = {
    "url": "made by the provider-state endpoint, and offered back in the end",
    "command": "made by the program",
    "requests": "created by requests of the target's own API",
    "sandbox": "made by the sandbox, and offered back in the end",
    "ids": "taken from the lists",
}


def text(plan: Plan, style: Style) -> str:
    """Returns the plan for people, in a screen or two."""
    target = plan.profile.target
    lines = [
        f"{style(line(target.name), 'bold')} ({target.api}, {line(target.environment)}) at {line(target.base_url)}",
        *_head(plan),
        "",
        style("Requests", "bold"),
        *_requests(plan),
        "",
        style("Resources, each for one run only", "bold"),
        *_resources(plan),
        "",
        style("Side effects", "bold"),
        *_effects(plan),
        *_time(plan, style),
        "",
        style("Not testable with this profile", "bold"),
        *_untested(plan, style),
    ]
    return inert("\n".join(lines) + "\n")


def _head(plan: Plan) -> tuple[str, ...]:
    if plan.figures is None:
        return (
            f"Nothing was sent there. {not_rehearsed(plan)}.",
            "So the number of requests and of resources and the duration are unknown before a run.",
        )
    return (
        "Nothing was sent there: a run was rehearsed against the embedded sandbox. The figures hold for a target that",
        "behaves; one that doesn't gets a few requests more, or fewer.",
    )


def not_rehearsed(plan: Plan) -> str:
    """Returns why no run was rehearsed."""
    return f"No run could be rehearsed: {plan.profile.target.api} has no sandbox"


def _requests(plan: Plan) -> Iterator[str]:
    limits, figures = plan.profile.limits, plan.figures
    fuzzing = "" if plan.fuzz else "; fuzzing is left out"
    if figures is None:
        yield f"  {plan.checks} checks" + (fuzzing or ", and the fuzzing")
        yield f"  no more than {limits.max_requests} requests in all (limits.max_requests)"
    else:
        number = f", {figures.requests_fuzz} by the fuzzing" if plan.fuzz else fuzzing
        yield f"  {figures.requests_suites} by {plan.checks} checks{number}"
        if figures.calls:
            made = figures.messages.get("setup", 0)
            yield f"  {figures.calls} or more that create {made} resources, by [states.requests]"
        elif figures.messages:
            actions = ", ".join(f"{number} {action}" for action, number in sorted(figures.messages.items()))
            yield f"  {sum(figures.messages.values())} messages to the state source: {actions}"
    if plan.budget is not None and plan.budget > limits.max_requests:
        yield (
            f"  -> limits.max_requests is {limits.max_requests}: a run would stop there. "
            f"Set it to {plan.budget * 6 // 5} or more."
        )
    rate = limits.requests_per_second
    yield f"  never more than {limits.concurrency} at once" + (
        f", nor than {rate:g} in a second" if rate else "; no limit per second"
    )


def _resources(plan: Plan) -> Iterator[str]:
    states = plan.profile.states
    if states.source is None:
        yield "  none: [states] names no source -> add url, command, ids, requests or sandbox"
        return
    yield f"  {_MADE[states.source]}"
    needs = plan.figures.needs if plan.figures is not None else ()
    for owner, group in groupby(needs, key=lambda one: one.owner):
        yield f"  {owner}: " + ", ".join(f"{one.needed} {one.status}" for one in group)
    if _contract(plan).states.named_by_profile:
        names = ", ".join(states.terminal)
        yield (
            f"  terminal states that are tried: {names}, and no others"
            if names
            else "  terminal states that are tried: none, as states.terminal names none -> name all of them there"
        )
    for one in needs:
        if one.short:
            yield f"  -> {ids_table(one.owner)}.{one.status} holds {one.have} unused: add {one.short} more"
            yield from _ladder(plan, one)
    musts = plan.figures.musts if plan.figures is not None else None
    if musts is not None and any(one.short for one in needs):
        yield (
            f"  with what the lists hold {musts.decided} of {musts.all} MUSTs are decided, "
            f"with all of that {musts.decided_with_enough}"
        )


def _ladder(plan: Plan, need: Need) -> Iterator[str]:
    """Yields how many MUSTs longer lists of that state decide, where there is enough of the others."""
    musts = plan.figures.musts if plan.figures is not None else None
    steps = [
        f"{one.ids} decide {one.decided} MUSTs" if at == 0 else f"{one.ids} {one.decided}"
        for at, one in enumerate(
            step
            for step in (musts.ladder if musts else ())
            if (step.owner, step.status) == (need.owner, need.status)
        )
    ]
    if steps:
        yield f"     with enough of the others, {', '.join(steps)}"


def _effects(plan: Plan) -> Iterator[str]:
    contract, capabilities, figures = _contract(plan), plan.profile.capabilities, plan.figures
    noun = contract.noun
    if plan.profile.is_live:
        environment = plan.profile.target.environment
        yield f"  The environment is {environment}: these {noun}s are real. A run refuses that without --allow-live."
    other = plan.profile.credentials.get("other_environment")
    if not plan.profile.is_live and other is not None and is_live(other.environment):
        yield (
            "  [credentials.other_environment] count as live: nothing but reads is sent with them, without --allow-live"
        )
    first = (*contract.states.cancellable, *contract.states.conditional)
    cancelled = sum(one.needed for one in figures.needs if one.status in first) if figures is not None else 0
    if cancelled:
        yield f"  up to {cancelled} {noun}s are cancelled, all of them from the source above, and no others"
    elif figures is None:
        yield f"  {noun}s from the source above are cancelled, and no others"
    yield f"  ids that are made up are asked for, too: random ones, which name no {noun}"
    if figures is not None:
        yield from _figured_effects(figures, noun, settles=bool(capabilities["settlement"]))
    if capabilities["webhooks"]:
        yield f"  webhooks are expected on {plan.profile.listen}"


def _figured_effects(figures: Figures, noun: str, *, settles: bool) -> Iterator[str]:
    if figures.wrong_credentials:
        yield (
            f"  {figures.wrong_credentials} requests or more carry wrong credentials, some with a right key: "
            "does the target lock keys, or raise an alarm, after that many?"
        )
    if figures.largest_body > 10_000:
        yield f"  the largest body has {figures.largest_body // 1000} kB"
    settled = figures.messages.get("settle", 0)
    if settles and settled:
        yield f"  the source is asked to pay a {noun}" + (f", {settled} times" if settled > 1 else "")


def _time(plan: Plan, style: Style) -> Iterator[str]:
    if plan.figures is not None:
        yield from ["", style("Time", "bold")]
        for ms, seconds in plan.figures.seconds.items():
            yield f"  about {rounded(seconds)} where an answer takes {ms:g} ms"


def _untested(plan: Plan, style: Style) -> Iterator[str]:
    if not plan.untested:
        known = plan.figures is not None
        yield "  nothing" + (
            ": every requirement is put to the test" if known else " that is known before a run"
        )
        return
    by_reason: dict[str, list[str]] = {}
    for one in plan.untested:
        by_reason.setdefault(explain.one_reason(one.reason), []).append(f"{one.id} ({one.level})")
    for reason, ids in by_reason.items():
        yield f"  {', '.join(ids)}"
        yield f"    {reason}"
    if plan.inconclusive:
        number = f"{len(plan.inconclusive)} MUSTs can't be tested"
        yield style(f"  A run would be inconclusive (exit code 3): {number}.", "warn")


def as_json(plan: Plan) -> dict[str, Any]:
    """Returns the plan as an object with stable keys. Figures that only a rehearsal knows are null without one.

    `not_rehearsed` is there only then, and says why.
    """
    target, figures = plan.profile.target, plan.figures
    named = contracts.contract(target.api).states.named_by_profile
    return {
        "target": {name: getattr(target, name) for name in ("name", "api", "base_url", "environment")},
        **({} if figures is not None else {"not_rehearsed": not_rehearsed(plan)}),
        "checks": plan.checks,
        "requests": {
            "suites": figures and figures.requests_suites,
            "fuzzing": figures and figures.requests_fuzz,
            "states": figures and dict(figures.messages),
            "creating": figures and figures.calls,
            "against_max_requests": plan.budget,
            "max_requests": plan.profile.limits.max_requests,
            "wrong_credentials": figures and figures.wrong_credentials,
        },
        "resources": figures and [{**asdict(one), "missing": one.short} for one in figures.needs],
        "musts": figures and figures.musts and asdict(figures.musts),
        **({"terminal_states": list(plan.profile.states.terminal)} if named else {}),
        "seconds": figures and {f"{ms:g}": round(seconds, 1) for ms, seconds in figures.seconds.items()},
        "untested": [asdict(one) for one in plan.untested],
        "inconclusive": list(plan.inconclusive),
    }


def _contract(plan: Plan) -> Contract:
    return contracts.contract(plan.profile.target.api)
