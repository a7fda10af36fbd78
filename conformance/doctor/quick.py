"""The checks that begin every run, so that a mistake of ours is never held against a target.

Three harmless requests, one more for every other pair of credentials, and a resource in each state (`preflight`).

Fairness cuts both ways. Whoever answers as one of these APIs, however badly, is let through to be judged: a 500, an
error page, a wrong envelope, even a refusal of credentials that only a misreading of the document would take.
"""

import time
from collections.abc import Callable
from pathlib import Path

from conformance.doctor import answers, preflight
from conformance.doctor.calls import SAID, Calls
from conformance.doctor.readings import SWAPPED
from conformance.errors import ConformanceError, NotReady, NotTestable, ProfileError, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.difference import alike as look_alike
from conformance.profile import STATUSES, Profile
from conformance.report.safe import same_but_ids
from conformance.session import Session
from conformance.states import Wanted

# So long after an answer a connection that the target didn't mean to keep has been closed.
_MOMENT_S = 0.05
# A clock that is off by less is no reason for a refusal.
_SKEW_S = 30.0
_INSIST = preflight.INSIST


def quick(
    profile: Profile,
    folder: Path,
    *,
    insist: bool = False,
    narrow: bool = False,
    meanwhile: Callable[[], object] = lambda: None,
) -> float:
    """Returns where the target of `profile` can be judged: the seconds that its quickest answer took.

    Leaves the file `no-reuse` in `folder` if connections don't last; whether they do takes a moment to see, which
    `meanwhile` may use.
    Raises TransportError where no answer comes, NotReady where something else than the API answers, ProfileError
    where any credentials aren't accepted, a clock is wrong, or the source gives nothing that the target knows. `insist`
    lets whatever answers be judged; `narrow` is for a run of a few checks, which may not need every state.
    """
    session = Session(profile, folder)
    try:
        calls = Calls(session)
        replies = [calls.harmless()]
        if not keeps_alive(session, calls, replies, meanwhile):
            (folder / "no-reuse").touch()
            session.client.stop_reuse()
        fault = None if insist else obstacle(session, calls, replies)
        if fault is None and not insist and not any(map(answers.is_refusal, replies)):
            fault = preflight.refused(session, calls) or preflight.unsupplied(session, narrow=narrow)
        if fault is not None:
            session.leases.return_reserve()
            raise fault
    except TransportError as error:
        raise TransportError(
            error.kind,
            f"{profile.target.base_url} gives no answer: {error.message}",
            hint=error.hint or "Is this the right base_url?",
        ) from error
    finally:
        session.close()
    return min(reply.duration_s for reply in replies)


def keeps_alive(
    session: Session, calls: Calls, replies: list[Reply], meanwhile: Callable[[], object] = lambda: None
) -> bool:
    """Whether connections can be used again, which takes two requests more: their answers join `replies`."""
    try:
        replies.append(calls.harmless())
        replies.append(calls.harmless())
        until = time.monotonic() + _MOMENT_S
        meanwhile()
        time.sleep(max(0.0, until - time.monotonic()))
        return not session.client.hung_up()
    except TransportError as fault:
        if fault.kind != "reset":
            raise
        return False


def obstacle(session: Session, calls: Calls, replies: list[Reply]) -> ConformanceError | None:
    """Why the target can't be judged with this profile, None where it can."""
    profile, reply = session.profile, replies[0]
    base_url = profile.target.base_url
    found = [answers.impostor(one, base_url) for one in replies]
    if found[0] is not None and all(found):
        return NotReady(f"{base_url} is not this API: {found[0][0]}", hint=f"{found[0][1]} {_INSIST}")
    if answers.is_doubtful(reply, profile.target.api) and _is_nobody(session, calls, reply):
        return NotReady(
            f"{base_url} has no {profile.target.api} API: {_said(profile)} is answered by "
            f"{summary.brief(reply, kind=True)}, "
            "and so is a path that doesn't exist",
            hint=f"Check the path of target.base_url, and what stands in front of the target. {_INSIST}",
        )
    if all(answers.is_refusal(one) for one in replies):
        return refusal(calls, profile, replies)
    return None


def refusal(calls: Calls, profile: Profile, replies: list[Reply]) -> ConformanceError | None:
    """The error for refused credentials; None where the target shows that it knows them."""
    others = [calls.harmless(other) for other in profile.credentials if other != "primary"]
    for name, other in zip([name for name in profile.credentials if name != "primary"], others, strict=True):
        if answers.is_let_in(other):
            return _refused(
                profile, replies, f"[credentials.{name}] are accepted, so it isn't the way they are sent."
            )
    bounds = answers.skew_s(replies)
    off = sum(bounds) / 2 if bounds is not None else 0.0
    off = off if abs(off) > _SKEW_S else 0.0
    for reading, call in calls.misread(int(off * 1000)):
        # Only what a caller who is known gets: a 400 to an odd signature says nothing of the secret.
        if answers.is_let_in(call()):
            if reading == "the target's own clock":
                return ProfileError(
                    f"the clocks disagree: the target's is {_ahead(off)} this machine's, and it refuses our timestamps",
                    hint="Set this machine's clock (timedatectl, ntpd), or have the target's set.",
                )
            return _swapped(profile) if reading == SWAPPED else None
    if off and profile.target.api == "withdraws":
        return _clock(profile, replies, off)
    words = same_but_ids(summary.brief(replies[0], summary.WORDS))
    alike = bool(others) and all(
        same_but_ids(summary.brief(other, summary.WORDS)) == words for other in others
    )
    return (
        _alike(profile, replies, len(others) + 1) if alike else _refused(profile, replies, _ahead_note(off))
    )


def _clock(profile: Profile, replies: list[Reply], off: float) -> ProfileError:
    """A signature is as good as its timestamp: the clock comes before the key."""
    return ProfileError(
        f"the clocks disagree: the target's is {_ahead(off)} this machine's, and it refuses what is signed by this "
        f"one: {summary.brief(replies[0], summary.WORDS)}",
        hint="Set this machine's clock (timedatectl, ntpd), or have the target's set. "
        f"If it is still refused then, check {_variables(profile)}. {_INSIST}",
    )


def _alike(profile: Profile, replies: list[Reply], pairs: int) -> ProfileError:
    """The error for a target that refuses every pair: one thing in front of it is likelier than many wrong secrets."""
    clock = (
        ", or a clock that is wrong (no answer tells the target's)"
        if profile.target.api == "withdraws"
        else ""
    )
    clock = clock if answers.skew_s(replies) is None else ""
    names = ", ".join(of for of in profile.target.env.values())
    return ProfileError(
        f"the target refuses [credentials.primary]: {summary.brief(replies[0], summary.WORDS)} to {_said(profile)}. "
        f"All {pairs} pairs of the profile are refused alike.",
        hint="So it is rather something in front of the target: a gateway that wants to see something else, a firewall "
        f"that lets only known addresses in, another environment{clock}. Otherwise check {names}. {_INSIST}",
    )


def _swapped(profile: Profile) -> ProfileError:
    return ProfileError(
        "the target accepts [credentials.primary] when its two halves change places",
        hint=f"Swap {_variables(profile)}. {_INSIST}",
    )


def _variables(profile: Profile) -> str:
    return preflight.variables(profile, "primary")


def _refused(profile: Profile, replies: list[Reply], more: str) -> ProfileError:
    return ProfileError(
        f"the target refuses [credentials.primary]: {summary.brief(replies[0], summary.WORDS)} to {_said(profile)}. "
        f"{more}".rstrip(),
        hint=f"Check {_variables(profile)}: for this environment, not expired, not mixed up? {_INSIST}",
    )


def _is_nobody(session: Session, calls: Calls, reply: Reply) -> bool:
    """Whether the answer is the one that everything gets there: no route, no resource, no credentials."""

    def same(other: Reply) -> bool:
        echoes = [part for one in (reply, other) for part in _echoes(one)]
        return look_alike(reply, other, echoes)

    if not same(calls.nowhere()):
        return False
    # The last word has a resource that is really there, looked at in a way that changes nothing.
    profile = session.profile
    reads = profile.target.api != "withdraws" or profile.states.read_path is not None
    first = STATUSES[profile.target.api][0]
    known = _resource(session, first if reads else "canceled")
    if known is not None and not same(calls.read(known, "primary") if reads else calls.cancel_again(known)):
        return False
    return (known is not None and reads) or same(calls.anonymous())


def _resource(session: Session, status: str) -> str | None:
    pools = session.profile.states.ids
    if pools is not None:
        # Looking doesn't use it up, so it isn't claimed.
        return next(iter(pools.get("primary", {}).get(status, ())), None)
    try:
        resource = session.leases.unseen(Wanted(session.profile.target.api, status))
    except NotTestable:
        return None
    session.leases.set_aside(resource)
    return resource.id


def _echoes(reply: Reply) -> list[str]:
    path = reply.exchange.url.split("://", 1)[-1].partition("/")[2]
    return [f"/{path}", path, reply.exchange.url]


def _said(profile: Profile) -> str:
    return SAID[profile.target.api]


def _ahead(seconds: float) -> str:
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'}"


def _ahead_note(seconds: float) -> str:
    return f"The target's clock is {_ahead(seconds)} this machine's." if seconds else ""
