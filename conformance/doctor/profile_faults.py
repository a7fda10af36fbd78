"""Finds mistakes of a profile that would be held against its target: refused credentials, unknown resources.

Takes one resource per state at most, and keeps them for the checks.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from conformance import contracts
from conformance.doctor import fingerprint
from conformance.doctor.probes import Probes
from conformance.errors import ConformanceError, NotTestable, ProfileError, SourceFault, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.profile import Profile
from conformance.session import Session
from conformance.states import Resource, Wanted
from conformance.states.id_lists import unused
from conformance.states.source_advice import source_of
from conformance.states.verify import View

# Wrong credentials are refused each time. No more: a few failures lock an account in some places.
_TRIES = 3
# So often the primary pair, which was let in, is tried then. A target that refuses a quarter of all signatures is taken
# for one that refuses a pair once in 48,000 runs.
_MORE = 20
INSIST = "If you are sure that it is the target's own defect: `run --insist` has it judged all the same."


def refused(session: Session, probes: Probes) -> ProfileError | None:
    """Returns the error for a pair beside the primary one that is refused, None where all are accepted."""
    profile = session.profile
    for name in profile.credentials:
        if name != "primary":
            replies = [probes.harmless(name)]
            while fingerprint.is_refusal(replies[-1]) and len(replies) < _TRIES:
                replies.append(probes.harmless(name))
            reply = replies[-1]
            if fingerprint.is_refusal(reply) and not _refuses_some(probes):
                return ProfileError(
                    f"the target refuses [credentials.{name}], and lets [credentials.primary] in: "
                    f"{contracts.contract(profile.target.api).requests.probe_summary} is answered by {in_full(reply)}",
                    hint=f"Check {variables(profile, name)}: for this environment, not expired, not mixed up? {INSIST}",
                )
    return None


def _refuses_some(probes: Probes) -> bool:
    """Returns whether the primary pair is refused now and then, too: that is a defect, which the run tells."""
    return any(fingerprint.is_refusal(probes.harmless()) for _ in range(_MORE))


def variables(profile: Profile, name: str) -> str:
    """Returns the names of the environment variables that a profile takes a pair from."""
    return " and ".join(of for key, of in profile.target.env.items() if key.startswith(f"{name}."))


def in_full(reply: Reply) -> str:
    """Returns an answer with the beginning of its body, for the messages that end a run before it begins."""
    return summary.brief(reply, summary.WORDS)


@dataclass(frozen=True, slots=True)
class _Had:
    """The result of asking for a resource: the resource, or why there is none."""

    wanted: Wanted
    resource: Resource | None = None
    fault: NotTestable | None = None


def unsupplied(session: Session, *, narrow: bool = False) -> ConformanceError | None:
    """Returns the error for a source that gives nothing that this target knows, None where it gives something.

    The resources are kept for the checks. `narrow` looks at no more than one resource: for a run of a few checks.
    """
    profile = session.profile
    if profile.states.source is None:
        return None  # there is nothing to mend in a source that isn't there: what needs one is not testable
    first, rest = _wishes(profile)
    had: list[_Had] = []
    if narrow:
        for wanted in (*rest, *first):
            had.append(_asked(session, wanted))
            if had[-1].resource is not None:
                break
    else:
        had += _all(session, first)
        wrong = _unreadable(session, had)
        if wrong is not None:
            return wrong
        had += _all(session, rest)
    unknown = _unreadable(session, had) or _strangers(session, had)
    if unknown is not None:
        return unknown
    own = [one for one in had if one.wanted.whose == "primary"]
    if all(one.resource is None for one in own):
        faults = [(one.wanted, one.fault) for one in own if one.fault is not None]
        return nothing(profile, faults) if faults else None
    for one in had:
        # An id of a list that was only looked at is as unused as before.
        if one.resource is not None and session.leases.has(one.resource):
            session.leases.set_aside(one.resource)
    return None


def nothing(profile: Profile, faults: Sequence[tuple[Wanted, NotTestable]]) -> ProfileError:
    """Returns the error for a source that makes nothing at all: one paragraph, with each cause once."""
    source = source_of(profile)
    causes: dict[str, list[tuple[Wanted, NotTestable]]] = {}
    for wanted, fault in faults:
        causes.setdefault(_cause(fault), []).append((wanted, fault))
    by_number = sorted(causes.values(), key=len, reverse=True)
    lines = []
    for group in by_number[:3]:
        wanted, fault = group[0]
        some = wanted.described() if len(group) == 1 else f"{len(group)} of {len(faults)} states"
        lines.append(_cause(fault) + ("" if len(group) == len(faults) else f" (asked for {some})"))
    more = len(by_number) - 3
    lines += [f"and {more} more causes"] if more > 0 else []
    return ProfileError(
        f"{source} gives nothing that could be tested, in no state: {'; '.join(lines)}",
        hint=by_number[0][0][1].hint,
    )


def _cause(fault: NotTestable) -> str:
    """Returns the cause of a fault, in words that are the same for every state that has this cause."""
    return fault.cause if isinstance(fault, SourceFault) else fault.message


# -- inside ------------------------------------------------------------------------------------------------------


def _wishes(profile: Profile) -> tuple[list[Wanted], list[Wanted]]:
    """Returns a resource of each kind that checks are sure to use; first those that no cancel changes."""
    api, others = profile.target.api, [name for name in profile.credentials if name != "primary"]
    states = contracts.contract(api).states
    rest = [Wanted(api, one) for one in states.transient]
    for name in others:
        elsewhere = name == "other_environment"
        owner, environment = (None, "other") if elsewhere else (name, None)
        rest.append(Wanted(api, states.cancellable[0], owner=owner, environment=environment))
    return [Wanted(api, one) for one in states.final_of(profile.states.terminal)], rest


def _all(session: Session, wishes: Sequence[Wanted]) -> list[_Had]:
    """Asks for several resources at once, as far as the limits allow."""
    with ThreadPoolExecutor(max_workers=min(len(wishes), session.profile.limits.concurrency)) as pool:
        return list(pool.map(lambda one: _asked(session, one), wishes))


def _asked(session: Session, wanted: Wanted) -> _Had:
    try:
        if session.profile.states.ids is not None:
            return _Had(wanted, _looked_at(session, wanted))
        return _Had(wanted, session.leases.lease(wanted))
    except NotTestable as fault:
        return _Had(wanted, fault=fault)
    except TransportError:
        return _Had(wanted)  # no word on the source: the checks will see


def _looked_at(session: Session, wanted: Wanted) -> Resource:
    """Returns the next id of a list. Looking doesn't use it up; an id that isn't as the list says is taken from it."""
    ids = unused(session.profile).get(wanted.whose, {}).get(wanted.status, ())
    session.verifier.reject_known_fault(wanted)
    if ids and session.verifier.look(resource := Resource(ids[0], wanted)).view is View.AS_ASKED:
        return resource
    return session.leases.lease(wanted)


def _unreadable(session: Session, had: Sequence[_Had]) -> ProfileError | None:
    """Returns the error for a declared read endpoint that shows none of several resources, or not their status.

    No document mentions it, so that it is no defect of the target: it is declared where there is none.
    """
    profile = session.profile
    path = profile.states.read_path
    looked = [one for one in had if one.resource is not None and one.wanted.whose == "primary"]
    if path is None or not looked or session.verifier.has_read:
        return None
    one, noun = looked[0], contracts.contract(profile.target.api).noun
    assert one.resource is not None
    reply = session.documented.read(one.resource.id, "primary")
    status = session.documented.status(reply)
    if reply.ok and isinstance(status, str):
        return None  # found now: the path is right, and the resource appears late
    gone = all(session.verifier.misread(one.wanted) is View.GONE for one in looked)
    known = ", though the target knows it: its cancel is answered otherwise" if gone else ""
    where = contracts.contract(profile.target.api).answers.status
    lacks = f", which shows no {where}" if reply.ok else ""
    form = f"It has to show the status under {where}, as the answer to a cancel does. " if reply.ok else ""
    return ProfileError(
        f"states.read_path is {path}, and reading a {one.wanted.status} {noun} that was just handed out is answered "
        f"by {in_full(reply)}{lacks}{known}",
        hint=f"{form}Check states.read_path, or leave it out where there is nothing to read {noun}s with. {INSIST}",
    )


def _strangers(session: Session, had: Sequence[_Had]) -> ProfileError | None:
    """Returns the error for a target that knows none of the resources, where none can be read.

    The cancel of a final resource tells: it is refused, and by another answer than an id that names nothing.
    """
    profile = session.profile
    contract = contracts.contract(profile.target.api)
    ended = contract.states.final_of(profile.states.terminal)
    final = [
        one.resource
        for one in had
        if one.resource is not None and one.wanted.whose == "primary" and one.wanted.status in ended
    ]
    if session.documented.can_read or not final:
        return None
    for resource in final:
        reply = session.documented.cancel(resource.id, "primary")
        if not session.verifier.is_stranger(resource, reply):
            return None
    return ProfileError(
        f"{source_of(profile)} hands out ids that this target doesn't know: the cancel of a {final[-1].status} "
        f"{contract.noun} of [credentials.primary] is answered as that of an id that names nothing, by "
        f"{in_full(reply)}",
        hint=f"Does it make {contract.noun}s of this very target, environment and merchant? {INSIST}",
    )
