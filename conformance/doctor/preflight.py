"""The checks that begin every run, so that a mistake of the profile is never held against a target.

They send three harmless requests, one more for every other pair of credentials, and ask for a resource in each state
(`profile_faults`). A target that answers as the API, however badly, is let through to be judged: a 500, an error page,
a wrong envelope, even a refusal of good credentials by a target that misreads the document.
"""

import time
from collections.abc import Callable
from pathlib import Path

from conformance import contracts
from conformance.contract import CLOCK
from conformance.doctor import fingerprint, profile_faults
from conformance.doctor.probes import Probes
from conformance.errors import ConformanceError, NotReady, NotTestable, ProfileError, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import difference
from conformance.profile import Profile
from conformance.report.safe import same_but_ids
from conformance.session import Session
from conformance.states import Wanted

# A connection that the target doesn't keep is closed within this time after an answer.
_MOMENT_S = 0.05
# A clock that is off by less is no reason for a refusal.
_SKEW_S = 30.0
_INSIST = profile_faults.INSIST
_READINGS = (
    "If they are right, does the target read the document otherwise? `doctor` tries the usual other readings with "
    "them, and says whether it accepts one. "
)


def preflight(
    profile: Profile,
    folder: Path,
    *,
    insist: bool = False,
    narrow: bool = False,
    meanwhile: Callable[[], object] = lambda: None,
) -> float:
    """Returns the duration of the target's quickest answer in seconds, where the target of `profile` can be judged.

    Leaves the file `no-reuse` in `folder` if connections don't last; `meanwhile` is called while that shows.
    Raises TransportError where no answer comes, NotReady where something else than the API answers, ProfileError
    where any credentials aren't accepted, a clock is wrong, or the source gives nothing that the target knows. `insist`
    lets any target that answers be judged; `narrow` is for a run of a few checks, which may not need every state.
    """
    session = Session(profile, folder)
    try:
        probes = Probes(session)
        replies = [probes.harmless()]
        if not keeps_alive(session, probes, replies, meanwhile):
            (folder / "no-reuse").touch()
            session.client.stop_reuse()
        fault = None if insist else obstacle(session, probes, replies, thorough=False)
        if fault is None and not insist and not any(map(fingerprint.is_refusal, replies)):
            fault = profile_faults.refused(session, probes) or profile_faults.unsupplied(
                session, narrow=narrow
            )
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
    session: Session, probes: Probes, replies: list[Reply], meanwhile: Callable[[], object] = lambda: None
) -> bool:
    """Returns whether connections can be used again. Takes two requests more: their answers join `replies`."""
    try:
        replies.append(probes.harmless())
        replies.append(probes.harmless())
        until = time.monotonic() + _MOMENT_S
        meanwhile()
        time.sleep(max(0.0, until - time.monotonic()))
        return not session.client.hung_up()
    except TransportError as fault:
        if fault.kind != "reset":
            raise
        return False


def obstacle(
    session: Session, probes: Probes, replies: list[Reply], *, thorough: bool = True
) -> ConformanceError | None:
    """Returns the reason why the target can't be judged with this profile, None where it can.

    `thorough` tries all other readings of the document, too, where the profile's only pair is refused.
    """
    profile, reply = session.profile, replies[0]
    base_url = profile.target.base_url
    found = [fingerprint.impostor(one, base_url) for one in replies]
    if found[0] is not None and all(found):
        return NotReady(f"{base_url} is not this API: {found[0][0]}", hint=f"{found[0][1]} {_INSIST}")
    documented = contracts.contract(profile.target.api).answers
    if fingerprint.is_doubtful(reply, documented) and _is_nobody(session, probes, reply):
        return NotReady(
            f"{base_url} has no {profile.target.api} API: {_said(profile)} is answered by "
            f"{summary.brief(reply, kind=True)}, and so is a path that doesn't exist",
            hint=f"Check the path of target.base_url, and what stands in front of the target. {_INSIST}",
        )
    if all(fingerprint.is_refusal(one) for one in replies) and not lets_in(session, probes):
        return refusal(probes, profile, replies, thorough=thorough)
    return None


def lets_in(session: Session, probes: Probes) -> bool:
    """Returns whether the primary pair is let in to a resource that exists: then a refusal was for an unknown id.

    Many a policy refuses who isn't the owner by a 403, and nobody owns what isn't there.
    """
    known, answer = _known(session, probes)
    return known is not None and fingerprint.is_let_in(answer())


def refusal(
    probes: Probes, profile: Profile, replies: list[Reply], *, thorough: bool
) -> ConformanceError | None:
    """Returns the error for refused credentials; None where the target shows that it knows them.

    A single pair is rather wrong than misread, and each request with it is a failed authentication, of which a few lock
    an account in some places: then only what the profile can be blamed for is tried, unless the search is `thorough`.
    """
    others = {name: probes.harmless(name) for name in profile.credentials if name != "primary"}
    for name, other in others.items():
        if fingerprint.is_let_in(other):
            more = f"[credentials.{name}] are accepted, so it isn't the way they are sent."
            return _refused(profile, replies, more)
    bounds = fingerprint.skew_s(replies)
    off = sum(bounds) / 2 if bounds is not None else 0.0
    off = off if abs(off) > _SKEW_S else 0.0
    few = not thorough and not others
    for reading, call in probes.misread(int(off * 1000), few=few):
        # Only an answer to a known caller counts: a 400 to an odd signature says nothing of the secret.
        if fingerprint.is_let_in(call()):
            if reading.name == CLOCK:
                return ProfileError(
                    f"the clocks disagree: the target's is {_ahead(off)} this machine's, and it refuses our timestamps",
                    hint="Set this machine's clock (timedatectl, ntpd), or have the target's set.",
                )
            if not reading.ours:
                return None
            said = "the target accepts [credentials.primary] when its two halves change places"
            return ProfileError(said, hint=f"Swap {_variables(profile)}. {_INSIST}")
    if off and _is_timestamped(profile):
        return _clock(profile, replies, off)
    words = same_but_ids(profile_faults.in_full(replies[0]))
    told = {same_but_ids(profile_faults.in_full(other)) for other in others.values()}
    if told == {words}:
        return _alike(profile, replies, len(others) + 1)
    return _refused(
        profile,
        replies,
        f"The target's clock is {_ahead(off)} this machine's." if off else "",
        _READINGS if few else "",
    )


def _clock(profile: Profile, replies: list[Reply], off: float) -> ProfileError:
    """Returns the error for a wrong clock: a timestamp decides before a key does."""
    return ProfileError(
        f"the clocks disagree: the target's is {_ahead(off)} this machine's, and it refuses what is signed by this "
        f"one: {profile_faults.in_full(replies[0])}",
        hint="Set this machine's clock (timedatectl, ntpd), or have the target's set. "
        f"If it is still refused then, check {_variables(profile)}. {_INSIST}",
    )


def _alike(profile: Profile, replies: list[Reply], pairs: int) -> ProfileError:
    """Returns the error for a target that refuses every pair: many wrong secrets are less likely than one gateway."""
    clock = ", or a clock that is wrong (no answer tells the target's)" if _is_timestamped(profile) else ""
    clock = clock if fingerprint.skew_s(replies) is None else ""
    names = ", ".join(profile.target.env.values())
    return ProfileError(
        f"the target refuses [credentials.primary]: {profile_faults.in_full(replies[0])} to {_said(profile)}. "
        f"All {pairs} pairs of the profile are refused alike.",
        hint="So it is rather something in front of the target: a gateway that wants to see something else, a firewall "
        f"that lets only known addresses in, another environment{clock}. Otherwise check {names}. {_INSIST}",
    )


def _variables(profile: Profile) -> str:
    return profile_faults.variables(profile, "primary")


def _refused(profile: Profile, replies: list[Reply], more: str, then: str = "") -> ProfileError:
    return ProfileError(
        f"the target refuses [credentials.primary]: {profile_faults.in_full(replies[0])} to {_said(profile)}. "
        f"{more}".rstrip(),
        hint=f"Check {_variables(profile)}: for this environment, not expired, not mixed up? {then}{_INSIST}",
    )


def _is_nobody(session: Session, probes: Probes, reply: Reply) -> bool:
    """Returns whether every request gets that answer there: no route, no resource, no credentials."""

    def same(other: Reply) -> bool:
        echoes = [part for one in (reply, other) for part in _echoes(one)]
        return difference.alike(reply, other, echoes)

    if not same(probes.nowhere()):
        return False
    # A resource that is really there decides.
    known, answer = _known(session, probes)
    if known is not None and not same(answer()):
        return False
    return (known is not None and session.documented.can_read) or same(probes.anonymous())


def _known(session: Session, probes: Probes) -> tuple[str | None, Callable[[], Reply]]:
    """Returns the id of a resource that is there, None without one, and a request to it that changes nothing."""
    reads, states = session.documented.can_read, contracts.contract(session.profile.target.api).states
    known = _resource(session, states.cancellable[0] if reads else states.cancelled)
    return known, lambda: probes.read(known or "", "primary") if reads else probes.cancel_again(known or "")


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
    return contracts.contract(profile.target.api).requests.probe_summary


def _is_timestamped(profile: Profile) -> bool:
    return contracts.contract(profile.target.api).authentication.timestamped


def _ahead(seconds: float) -> str:
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'}"
