"""Examines the state source: whether each state can be had, and whether resources are really in it."""

import json
from functools import partial
from itertools import groupby

from conformance import catalogue, contracts
from conformance.contract import Contract
from conformance.doctor import profile_faults
from conformance.doctor.finding import Finding, State
from conformance.doctor.probes import Probes
from conformance.errors import NotTestable, StateRefused, TransportError
from conformance.http import summary
from conformance.http.reply import MISSING
from conformance.http.segment import segment
from conformance.oracles import wording
from conformance.profile import Profile
from conformance.report import tried_states
from conformance.report.safe import line
from conformance.session import Session
from conformance.states import Wanted
from conformance.states.id_lists import unused
from conformance.states.source_advice import ids_table


def wanted(profile: Profile) -> list[Wanted]:
    """Returns every kind of resource that the suites ask for with this profile."""
    api, terminal = profile.target.api, profile.states.terminal
    contract = contracts.contract(api)
    states, every = contract.states, contract.states.every(terminal)
    kinds = [Wanted(api, status) for status in every]
    declared = [one for one in states.kinds if profile.capabilities.get(one.capability)]
    kinds += [Wanted(api, one.status, extra=one.extra) for one in declared]
    others = [Wanted(api, status, owner="other_merchant") for status in every]
    if contract.environments:
        others += [Wanted(api, status, environment="other") for status in every]
    if contract.webhooks and profile.capabilities.get("webhooks") and profile.listen is not None:
        address = profile.public_url or f"http://{profile.listen}"
        kinds.append(Wanted(api, states.cancellable[0], webhook_url=address))
    return kinds + [one for one in others if one.whose in profile.credentials]


def findings(session: Session, probes: Probes) -> list[Finding]:
    """Returns a finding for each kind. Resources are offered back in the end; ids of lists aren't used up."""
    profile, states = session.profile, session.profile.states
    if states.source is None:
        tried = "looked for a state source in [states]"
        todo = (
            "Add url, command, ids, requests or sandbox to [states]: without one hardly anything is testable."
        )
        return [Finding("states", tried, State.MISSING, "there is none", todo)]
    kinds = wanted(profile)
    found = [_kind(session, probes, one) for one in kinds]
    own = [(one, fault) for one, (_, fault) in zip(kinds, found, strict=True) if _is_plain(one)]
    if all(fault is not None for _, fault in own):
        # One cause, one line: none of the states says more than the others.
        broken = profile_faults.nothing(profile, [(one, fault) for one, fault in own if fault is not None])
        asked = f"asked for {len(own)} states"
        return [Finding("states", asked, State.WRONG, broken.message, broken.hint), *terminal(profile)]
    lines = _alike(kinds, [line for line, _ in found]) + terminal(profile)
    if states.ids is not None:
        hint = "payout-conformance plan says how many ids of each list a run takes, and how many to add."
        tried = "looked at one id of each list"
        lines.append(Finding("states.ids", tried, State.NOTE, "a run takes more", hint))
    return lines


def _alike(kinds: list[Wanted], lines: list[Finding]) -> list[Finding]:
    """Returns the findings; one for all that look alike where none of the states is as it should be."""
    seen = [line for one, line in zip(kinds, lines, strict=True) if _is_plain(one)]
    if len(seen) < 2 or len({line.todo for line in seen}) > 1:
        return lines
    if any(line.state is not State.WRONG for line in seen):
        return lines
    came = f"{seen[0].came}; and none of the others is better"
    whole = Finding("states", f"asked for {len(seen)} states", State.WRONG, came, seen[0].todo)
    return [whole, *(line for line in lines if line.state is State.MISSING)]


def terminal(profile: Profile) -> list[Finding]:
    """Returns the finding on the final states that a run tries, where no document names them: it knows no others."""
    contract = contracts.contract(profile.target.api)
    if not contract.states.named_by_profile:
        return []
    found = partial(Finding, "states.terminal", "looked which terminal states a run will try")
    names = profile.states.terminal
    if not names:
        refused = f"that a terminal {contract.noun} is refused{_named_by(contract)} is not testable"
        only = f'write terminal = ["{contract.states.cancelled}"].'
        todo = f"Name all of them in states.terminal; if there is no other, {only}"
        return [found(State.MISSING, f"states.terminal names none, so {refused}", todo)]
    return [found(State.OK, f"{', '.join(names)}, and no others")]


def _named_by(contract: Contract) -> str:
    """Returns the requirement that is about each final state of the profile, in brackets; empty where none is."""
    found = tried_states.rows(catalogue.load(contract.name).matrix)
    return f" ({found[0].requirement})" if found else ""


def _is_plain(one: Wanted) -> bool:
    return one.whose == "primary" and one.webhook_url is None and not one.extra


def _kind(session: Session, probes: Probes, one: Wanted) -> tuple[Finding, NotTestable | None]:
    """Returns the finding on one kind of resource, and the fault of the source where it gives none."""
    extra = [f"{name}={json.dumps(value)}" for name, value in one.extra]
    parts = [one.status, *extra, "" if one.webhook_url is None else "webhook_url"]
    name = ".".join(filter(None, ("states", "" if one.whose == "primary" else one.whose, *parts)))
    tried = f"asked for {one.described()}"
    session.told.clear()
    try:
        found, tried = _found(session, one, tried)
    except (NotTestable, TransportError) as fault:
        kind = contracts.contract(one.contract).states.kind(one.extra)
        if isinstance(fault, StateRefused) and kind is not None:
            return Finding(name, tried, State.NOTE, f"{kind.none}: {fault.message}"), None
        line = Finding(
            name, tried, State.MISSING, f"{fault.message}{_steps(session, len(session.told) - 1)}", fault.hint
        )
        return line, fault if isinstance(fault, NotTestable) else None
    steps = _steps(session, len(session.told))
    state, came, todo = _seen(probes, one, found)
    return Finding(name, tried, state, f"{came}{steps}", todo), None


def _steps(session: Session, number: int) -> str:
    """Returns the first requests that a resource took of the target's own API, and their answers; empty for none.

    Looks that were in vain, at a resource that takes its time, are one line.
    """
    told = list(session.told)[:number]
    lines = []
    for request, group in groupby(told, key=lambda did: did.request):
        answers = [did.answer for did in group]
        times = f" ({len(answers)} times)" if len(answers) > 1 else ""
        lines.append(f"\n{'':14}{request}{times}: {answers[-1]}")
    return "".join(lines)


def _seen(probes: Probes, one: Wanted, found: str) -> tuple[State, str, str]:
    """Returns the finding on what the owner of a resource reads. A run that sees another state also cancels it."""
    try:
        reply = probes.read(found, one.whose)
    except NotTestable:
        return State.OK, f"{found}; its state can't be seen, as states.read_path isn't set", ""
    where = contracts.contract(one.contract).answers.status
    status = reply.at(where)
    if reply.ok and status == one.status:
        return State.OK, f"{found}, and reading it says {status}", ""
    if not reply.ok or status is MISSING:
        return (
            State.WRONG,
            f"{found}, but reading it is answered by {summary.brief(reply, kind=True)}",
            "Does the source make resources of this very target and merchant? If so, it's the target's read endpoint.",
        )
    todo = "Mend the source, or the list: every check that needs this state would be about another one."
    said = reply.recorded(where)
    shown = line(said, 80) if isinstance(said, str) else wording.value(said)
    return State.WRONG, f"{found}, but reading it says {shown}", todo


def _found(session: Session, one: Wanted, tried: str) -> tuple[str, str]:
    pools = session.profile.states.ids
    if pools is None or one.webhook_url is not None:
        return session.leases.unseen(one).id, tried
    whose = one.whose
    table = ids_table(whose)
    ids = pools.get(whose, {}).get(one.pool, ())
    if not ids and one.pool != one.status and one.pool in pools.get(whose, {}):
        raise StateRefused(f"{table}.{one.pool} is an empty list")
    if not ids:
        raise NotTestable(f"{table} has none", hint=f'Add {one.pool} = ["..."] to [{table}].')
    left = unused(session.profile).get(whose, {}).get(one.pool, ())
    if not left:
        raise NotTestable(
            f"all {len(ids)} ids of {table}.{one.pool} were used by earlier runs",
            hint="Add new ids; or, if the target was set up anew, run with --fresh-ids.",
        )
    segment(left[0])  # what no URL can name isn't to be had
    return left[0], f"looked at the first of {len(left)} unused ids in {table}.{one.pool}"
