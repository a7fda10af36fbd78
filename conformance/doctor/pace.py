"""Examines latency, connections, rate limits, and the target's clock (`Date`)."""

import re
from functools import partial
from statistics import median

from conformance import contracts
from conformance.doctor import fingerprint
from conformance.doctor.finding import Finding, State
from conformance.http.reply import Reply
from conformance.profile import Profile

_LIMITS = re.compile(r"(?:x-)?rate-?limit[a-z-]*|retry-after", re.IGNORECASE)
# RateLimit-Policy and the older RateLimit-Limit: `100;w=60` is a hundred in a minute (IETF httpapi drafts).
_WINDOW = re.compile(r"(?:\bq=)?(\d+)\s*;\s*w=(\d+)")
_TOLERABLE_SKEW_S = 60.0


def latency(replies: list[Reply], timeout_s: float) -> Finding:
    """Returns the finding on the median duration of the answers."""
    times = [reply.duration_s for reply in replies]
    came = f"median {median(times) * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms"
    found = partial(Finding, "latency", f"timed {len(replies)} answers")
    if median(times) > timeout_s / 4:
        return found(State.WARNING, came, "Raise limits.timeout_s: slow answers would be lost.")
    return found(State.OK, came)


def connections(*, lasting: bool) -> Finding:
    """Returns the finding on connections that end without notice; those that announce their end are no trouble."""
    found = partial(Finding, "keep-alive", "sent several requests, one right after the other")
    if lasting:
        return found(State.OK, "no connection was closed without notice")
    return found(
        State.NOTE,
        "the target closed a connection without saying so; every request gets a connection of its own",
        "Nothing has to be done, but a run takes longer: turn keep-alive on, or send `Connection: close`.",
    )


def clock(replies: list[Reply], api: str) -> Finding:
    """Returns the finding on the distance of the two clocks."""
    found = partial(
        Finding, "clock", f"compared the Date of {len(replies)} answers with this machine's clock"
    )
    bounds = fingerprint.skew_s(replies)
    if bounds is None:
        return found(State.NOTE, "no answer had a Date, so skew can't be told")
    low, high = bounds
    came = "the same time, to the second" if low <= 0 <= high else f"{low:+.1f} to {high:+.1f} s"
    if low <= _TOLERABLE_SKEW_S and high >= -_TOLERABLE_SKEW_S:
        return found(State.OK, came)
    todo = (
        "Signatures carry a timestamp: a target that looks at it may refuse every request."
        if contracts.contract(api).authentication.timestamped
        else "Times in reports and answers won't agree."
    )
    return found(State.WARNING, came, f"{todo} Have both clocks set (NTP).")


def rate(replies: list[Reply], profile: Profile) -> Finding:
    """Returns the finding on the limits that the target names, beside those of the profile."""
    found = partial(Finding, "rate", "looked for rate limit headers")
    told = {
        name.lower(): value for reply in replies for name, value in reply.headers if _LIMITS.fullmatch(name)
    }
    if not told:
        return found(State.OK, "none")
    came = ", ".join(f"{name}: {value[:60]}" for name, value in sorted(told.items()))
    mine = profile.limits.requests_per_second
    allowed = [
        int(quota) / int(window)
        for value in told.values()
        for quota, window in _WINDOW.findall(value)
        if int(window)
    ]
    if allowed and (mine is None or mine > min(allowed)):
        asked = "as many as it can" if mine is None else f"{mine:g} per second"
        todo = f"Set limits.requests_per_second = {max(min(allowed), 0.001):g} or less."
        return found(State.WARNING, f"{came}; the profile asks for {asked}", todo)
    if not allowed and mine is None:
        todo = "Set limits.requests_per_second to what the target allows, if a run is slowed."
        return found(State.NOTE, came, todo)
    return found(State.OK, came)
