"""Resources: can each state that a run needs be had, and is what comes really in it?"""

from conformance.doctor.answers import short
from conformance.doctor.calls import Calls
from conformance.doctor.line import Line, State
from conformance.errors import NotTestable, TransportError
from conformance.http.reply import MISSING
from conformance.profile import Profile
from conformance.session import Session
from conformance.states import Wanted
from conformance.states.pools import unused


def wanted(profile: Profile) -> list[Wanted]:
    """Every kind of resource that the suites ask for with this profile."""
    api, terminal = profile.target.api, profile.states.terminal
    if api == "withdraws":
        every = ["pending", "processing", "paid", "failed", "canceled"]
        kinds = [Wanted(api, status) for status in every]
        if profile.capabilities["cancel_processing"]:
            kinds.append(Wanted(api, "processing", provider_supports_cancel=False))
        others = [Wanted(api, status, owner="other_merchant") for status in every]
    else:
        every = list(dict.fromkeys(("requires_approval", "processing", *terminal, "cancelled")))
        kinds = [Wanted(api, status) for status in every]
        others = [Wanted(api, status, owner="other_merchant") for status in every]
        others += [Wanted(api, status, environment="other") for status in every]
        if profile.capabilities["webhooks"] and profile.listen is not None:
            address = profile.public_url or f"http://{profile.listen}"
            kinds.append(Wanted(api, "requires_approval", webhook_url=address))
    return kinds + [one for one in others if one.whose in profile.credentials]


def supplies(session: Session, calls: Calls) -> list[Line]:
    """A line for each kind. What was set up is offered back when the session is closed; ids of lists aren't used up."""
    states = session.profile.states
    if states.ids is None and states.url is None and states.command is None and not states.sandbox:
        return [
            Line(
                "states",
                State.MISSING,
                "looked for a source of resources in [states]",
                "there is none",
                "Add url, command, ids or sandbox to [states]: without one hardly anything is testable.",
            )
        ]
    found = [_kind(session, calls, one) for one in wanted(session.profile)]
    if states.ids is not None:
        hint = "payout-conformance plan says how many ids of each list a run takes, and how many to add."
        found.append(
            Line("states.ids", State.NOTE, "looked at one id of each list", "a run takes more", hint)
        )
    return found


def _kind(session: Session, calls: Calls, one: Wanted) -> Line:
    name = "states." + ".".join(
        filter(
            None,
            (
                "" if (whose := one.whose) == "primary" else whose,
                one.status,
                "" if one.provider_supports_cancel is None else "provider_supports_cancel=false",
                "" if one.webhook_url is None else "webhook_url",
            ),
        )
    )
    tried = f"asked for {one.described()}"
    try:
        found, tried = _found(session, one, tried)
    except (NotTestable, TransportError) as fault:
        return Line(name, State.MISSING, tried, fault.message, fault.hint)
    try:
        reply = calls.read(found, whose)
    except NotTestable:
        return Line(name, State.OK, tried, f"{found}; its state can't be seen, as states.read_path isn't set")
    status = reply.at("data.status") if one.contract == "withdraws" else reply.at("status")
    if reply.ok and status == one.status:
        return Line(name, State.OK, tried, f"{found}, and reading it says {status}")
    if not reply.ok or status is MISSING:
        return Line(
            name,
            State.WRONG,
            tried,
            f"{found}, but reading it is answered by {short(reply)}",
            "Does the source make resources of this very target and merchant? If so, it's the target's read endpoint.",
        )
    return Line(
        name,
        State.WRONG,
        tried,
        f"{found}, but reading it says {status}",
        "Mend the source, or the list: every check that needs this state would be about another one.",
    )


def _found(session: Session, one: Wanted, tried: str) -> tuple[str, str]:
    pools = session.profile.states.ids
    if pools is None or one.webhook_url is not None:
        return session.leases.unseen(one).id, tried
    whose = one.whose
    table = "states.ids" if whose == "primary" else f"states.ids.{whose}"
    ids = pools.get(whose, {}).get(one.status, ())
    if not ids:
        raise NotTestable(f"{table} has none", hint=f'Add {one.status} = ["..."] to [{table}].')
    left = unused(session.profile).get(whose, {}).get(one.status, ())
    if not left:
        raise NotTestable(
            f"all {len(ids)} ids of {table}.{one.status} were used by earlier runs",
            hint="Add new ids; or, if the target was set up anew, run with --fresh-ids.",
        )
    return left[0], f"looked at the first of {len(left)} unused ids in {table}.{one.status}"
