"""Before anybody is judged: is every pair let in, and are there resources that this target knows?

What a mistake of ours would have the target convicted of is found out here, with one resource per state at most; the
checks use these afterwards.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from conformance.doctor import fingerprint
from conformance.doctor.probes import SAID, Probes
from conformance.errors import ConformanceError, NotTestable, ProfileError, SourceFault, TransportError
from conformance.profile import STATUSES, Profile
from conformance.session import Session
from conformance.states import Resource, Wanted
from conformance.states.pools import unused
from conformance.states.told import WORDS, source_of, told
from conformance.states.verify import View

INSIST = "If you are sure that it is the target's own defect: `run --insist` has it judged all the same."
# Of withdraws, these can't be changed by a cancel: what is in them comes first.
_FINAL = ("canceled", "paid", "failed")


def refused(session: Session, probes: Probes) -> ProfileError | None:
    """The error for a pair beside the primary one that is refused, None where all are accepted."""
    profile = session.profile
    for name in profile.credentials:
        if name != "primary":
            reply = probes.harmless(name)
            if fingerprint.is_refusal(reply):
                return ProfileError(
                    f"the target refuses [credentials.{name}], and lets [credentials.primary] in: "
                    f"{SAID[profile.target.api]} is answered by {told(reply, WORDS)}",
                    hint=f"Check {variables(profile, name)}: for this environment, not expired, not mixed up? {INSIST}",
                )
    return None


def variables(profile: Profile, name: str) -> str:
    """The names of the environment variables that a profile takes a pair from."""
    return " and ".join(of for key, of in profile.target.env.items() if key.startswith(f"{name}."))


@dataclass(frozen=True, slots=True)
class _Had:
    """The result of asking for a resource: the resource, or why there is none."""

    wanted: Wanted
    resource: Resource | None = None
    fault: NotTestable | None = None


def unsupplied(session: Session, *, narrow: bool = False) -> ConformanceError | None:
    """The error for a source that gives nothing that this target knows, None where it gives something.

    What it gives is kept for the checks. `narrow` looks at no more than one resource: for a run of a few checks.
    """
    profile = session.profile
    states = profile.states
    if not (states.url or states.command or states.sandbox or states.ids is not None):
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
    """A source that makes nothing at all: one cause, one paragraph."""
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
    """The cause of a fault, in words that are the same for every state that has this cause."""
    return fault.cause if isinstance(fault, SourceFault) else fault.message


# -- inside ------------------------------------------------------------------------------------------------------


def _wishes(profile: Profile) -> tuple[list[Wanted], list[Wanted]]:
    """One resource of each kind that checks are sure to use; first those that no cancel changes."""
    api, others = profile.target.api, [name for name in profile.credentials if name != "primary"]
    final = _FINAL if api == "withdraws" else tuple(dict.fromkeys((*profile.states.terminal, "cancelled")))
    going = ("pending", "processing") if api == "withdraws" else ("requires_approval", "processing")
    rest = [Wanted(api, one) for one in going]
    for name in others:
        elsewhere = name == "other_environment"
        owner, environment = (None, "other") if elsewhere else (name, None)
        rest.append(Wanted(api, STATUSES[api][0], owner=owner, environment=environment))
    return [Wanted(api, one) for one in final], rest


def _all(session: Session, wishes: Sequence[Wanted]) -> list[_Had]:
    """Asks for all of them at once, as far as the limits allow."""
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
    """The next id of a list. Looking at it doesn't use it up; only what isn't as the list says is taken from it."""
    ids = unused(session.profile).get(wanted.whose, {}).get(wanted.status, ())
    session.verifier.known(wanted)
    if ids and session.verifier.look(resource := Resource(ids[0], wanted)).view is View.AS_ASKED:
        return resource
    return session.leases.lease(wanted)


def _unreadable(session: Session, had: Sequence[_Had]) -> ProfileError | None:
    """Whether the declared read endpoint knows none of several withdraws that can be cancelled, or refused."""
    profile = session.profile
    path = profile.states.read_path
    looked = [one for one in had if one.resource is not None and one.wanted.whose == "primary"]
    if path is None or not looked:
        return None
    if not all(session.verifier.misread(one.wanted) is View.GONE for one in looked):
        return None
    one = looked[0]
    assert one.resource is not None
    reply = session.documented.read(one.resource.id, "primary")
    if reply.ok:
        return None  # now it is there: whatever that is, the path is right
    return ProfileError(
        f"states.read_path is {path}, and reading a {one.wanted.status} withdraw that was just handed out is answered "
        f"by {told(reply, WORDS)}, though the target knows it: its cancel is answered otherwise",
        hint=f"Check states.read_path, or leave it out where there is nothing to read withdraws with. {INSIST}",
    )


def _strangers(session: Session, had: Sequence[_Had]) -> ProfileError | None:
    """Whether the target knows none of the withdraws: without a read endpoint, their cancel tells, which is refused."""
    profile = session.profile
    final = [
        one.resource
        for one in had
        if one.resource is not None and one.wanted.whose == "primary" and one.wanted.status in _FINAL
    ]
    if session.documented.can_read or not final:
        return None
    for resource in final:
        reply = session.documented.cancel(resource.id, "primary")
        if not session.verifier.is_stranger(resource, reply):
            return None
    return ProfileError(
        f"{source_of(profile)} hands out ids that this target doesn't know: the cancel of a {final[-1].status} "
        f"withdraw of [credentials.primary] is answered as that of an id that names nothing, by {told(reply, WORDS)}",
        hint=f"Does it make withdraws of this very target, environment and merchant? {INSIST}",
    )
