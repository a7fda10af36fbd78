"""A plan for people, and for programs."""

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from conformance.plan.figures import Need, Plan, rounded
from conformance.states.resource import NOUNS

Style = Callable[[str, str], str]
# How a record says that several checks had the same to say.
_MORE = re.compile(r" \(and \d+ more checks?\)$")

_MADE = {
    "url": "made by the provider-state endpoint, and offered back in the end",
    "command": "made by the program",
    "sandbox": "made by the sandbox, and offered back in the end",
    "ids": "taken from the lists",
}


def text(plan: Plan, style: Style) -> str:
    """Everything, in a screen or two."""
    target = plan.profile.target
    lines = [
        f"{style(target.name, 'bold')} ({target.api}, {target.environment}) at {target.base_url}",
        "Nothing was sent there: a run was rehearsed against the embedded sandbox. The figures hold for a target that",
        "behaves; one that doesn't gets a few requests more, or fewer.",
        "",
        style("Requests", "bold"),
        *_requests(plan),
        "",
        style("Resources, each used once", "bold"),
        *_resources(plan),
        "",
        style("Side effects", "bold"),
        *_effects(plan),
        "",
        style("Time", "bold"),
        *(f"  about {rounded(s)} where an answer takes {ms:g} ms" for ms, s in plan.seconds.items()),
        "",
        style("Not testable with this profile", "bold"),
        *_untested(plan, style),
    ]
    return "\n".join(lines) + "\n"


def _requests(plan: Plan) -> Iterator[str]:
    limits = plan.profile.limits
    yield f"  {plan.requests_suites} by {plan.checks} checks" + (
        f", {plan.requests_fuzz} by the fuzzing" if plan.fuzz else "; fuzzing is left out"
    )
    if plan.messages:
        told = ", ".join(f"{number} {action}" for action, number in sorted(plan.messages.items()))
        yield f"  {sum(plan.messages.values())} messages to the source of resources: {told}"
    if plan.budget > limits.max_requests:
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
    source = next((one for one in ("url", "command", "sandbox") if getattr(states, one)), None)
    source = "ids" if states.ids is not None else source
    if source is None:
        yield "  none: [states] names no source -> add url, command, ids or sandbox"
        return
    yield f"  {_MADE[source]}"
    for owner, needs in groupby(plan.needs, key=lambda one: one.owner):
        yield f"  {owner}: " + ", ".join(f"{one.needed} {one.status}" for one in needs)
    if plan.profile.target.api == "payout-intents":
        names = ", ".join(states.terminal)
        yield (
            f"  terminal states that are tried: {names}, and no others"
            if names
            else "  terminal states that are tried: none, as states.terminal names none -> name all of them there"
        )
    for one in plan.needs:
        if one.short:
            table = "states.ids" if one.owner == "primary" else f"states.ids.{one.owner}"
            yield f"  -> {table}.{one.status} holds {one.have} unused: add {one.short} more"


def _effects(plan: Plan) -> Iterator[str]:
    api, capabilities = plan.profile.target.api, plan.profile.capabilities
    first = {"withdraws": ("pending", "processing"), "payout-intents": ("requires_approval",)}[api]
    cancelled = sum(one.needed for one in plan.needs if one.status in first)
    noun = NOUNS[api]
    if plan.profile.target.environment == "live":
        yield f"  The environment is live: these {noun}s are real. A run refuses that without --allow-live."
    other = plan.profile.credentials.get("other_environment")
    if plan.profile.target.environment == "test" and other is not None and other.environment == "live":
        yield (
            "  [credentials.other_environment] count as live: nothing but reads is sent with them, without --allow-live"
        )
    if cancelled:
        yield f"  up to {cancelled} {noun}s are cancelled, all of them from the source above, and no others"
    yield f"  ids that are made up are asked for, too: random ones, which name no {noun}"
    if plan.wrong_credentials:
        yield (
            f"  {plan.wrong_credentials} requests or more carry wrong credentials, some with a right key: "
            "are keys locked, or is somebody alarmed, after that many?"
        )
    if plan.largest_body > 10_000:
        yield f"  the largest body has {plan.largest_body // 1000} kB"
    settled = plan.messages.get("settle", 0)
    if capabilities["settlement"] and settled:
        yield f"  the source is asked to pay a {noun}" + (f", {settled} times" if settled > 1 else "")
    if capabilities["webhooks"]:
        yield f"  webhooks are expected on {plan.profile.listen}"


def _untested(plan: Plan, style: Style) -> Iterator[str]:
    if not plan.untested:
        yield "  nothing: every requirement is put to the test"
        return
    by_reason: dict[str, list[str]] = {}
    for one in plan.untested:
        by_reason.setdefault(_MORE.sub("", one.reason), []).append(f"{one.id} ({one.level})")
    for reason, ids in by_reason.items():
        yield f"  {', '.join(ids)}"
        yield f"    {reason}"
    if plan.inconclusive:
        yield style(
            f"  A run would be inconclusive (exit code 3): {len(plan.inconclusive)} MUSTs can't be tested.",
            "warn",
        )


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as an object; keys are stable."""
    target = plan.profile.target
    return {
        "target": {
            "name": target.name,
            "api": target.api,
            "base_url": target.base_url,
            "environment": target.environment,
        },
        "checks": plan.checks,
        "requests": {
            "suites": plan.requests_suites,
            "fuzzing": plan.requests_fuzz,
            "states": dict(plan.messages),
            "against_max_requests": plan.budget,
            "max_requests": plan.profile.limits.max_requests,
            "wrong_credentials": plan.wrong_credentials,
        },
        "resources": [_need(one) for one in plan.needs],
        **({"terminal_states": list(plan.profile.states.terminal)} if target.api == "payout-intents" else {}),
        "seconds": {f"{ms:g}": round(seconds, 1) for ms, seconds in plan.seconds.items()},
        "untested": [
            {
                "id": one.id,
                "level": one.level,
                "title": one.title,
                "outcome": one.outcome,
                "reason": one.reason,
            }
            for one in plan.untested
        ],
        "inconclusive": list(plan.inconclusive),
    }


def _need(need: Need) -> dict[str, Any]:
    return {
        "owner": need.owner,
        "status": need.status,
        "needed": need.needed,
        "have": need.have,
        "missing": need.short,
    }
