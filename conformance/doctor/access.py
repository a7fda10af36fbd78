"""Examines access: each pair of credentials, a wrong one, and whether this API answers."""

from collections.abc import Callable
from functools import partial

from conformance import contracts
from conformance.doctor import fingerprint, profile_faults
from conformance.doctor.finding import Finding, State
from conformance.doctor.preflight import lets_in, obstacle
from conformance.doctor.probes import Probes
from conformance.errors import ConformanceError, NotReady
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.session import Session


def access(session: Session, probes: Probes, replies: list[Reply]) -> list[Finding]:
    """Returns findings on the API and on every pair; `replies` are answers to the probe with the primary pair."""
    fault = obstacle(session, probes, replies)
    lines = [_api(session, replies[0], fault)]
    if lines[0].state is State.UNREACHABLE:
        return lines
    lines.append(_primary(session, probes, replies[0], fault))
    others = [name for name in session.profile.credentials if name != "primary"]
    lines += [_pair(session, name, probes.harmless(name)) for name in others]
    if lines[1].state is State.OK:
        lines.append(_wrong(probes.harmless(wrong=True)))
    return [*lines, *_undeclared(session)]


def _api(session: Session, reply: Reply, fault: ConformanceError | None) -> Finding:
    target = session.profile.target
    contract = contracts.contract(target.api)
    found = partial(Finding, "api", f"sent {contract.requests.probe_summary} to {target.base_url}")
    if isinstance(fault, NotReady):
        return found(State.UNREACHABLE, fault.message, fault.hint)
    if fingerprint.is_not_found(reply, contract.answers):
        return found(State.OK, f"{_shown(reply)}, as documented")
    if fingerprint.is_refusal(reply):
        return found(State.OK, f"{_shown(reply)}: somebody who asks for credentials")
    came = f"{_shown(reply)}, where {contract.answers.not_found} is documented"
    return found(State.WARNING, came, "If the address is right, this is for a run to judge.")


def _primary(session: Session, probes: Probes, reply: Reply, fault: ConformanceError | None) -> Finding:
    found = _called(session, "primary")
    if fault is not None:
        return found(State.WRONG, fault.message, fault.hint)
    if fingerprint.is_refusal(reply) and lets_in(session, probes):
        return found(
            State.WARNING,
            f"{_shown(reply)}, for an id that names nothing; let in to a resource that exists",
            f"They are right. {contracts.contract(session.profile.target.api).answers.not_found} is documented for "
            "such an id: a run will hold that against the target.",
        )
    if fingerprint.is_refusal(reply):
        return found(
            State.WARNING,
            f"{_shown(reply)}, but they are accepted in another form than the documented one",
            "They are right, and the target reads the document otherwise: a run will hold that against it.",
        )
    return found(State.OK, f"let in: {_shown(reply)}")


def _pair(session: Session, name: str, reply: Reply) -> Finding:
    found = _called(session, name)
    if fingerprint.is_refusal(reply):
        todo = "Check the values of these variables: right environment, not expired, not mixed up?"
        return found(State.WRONG, f"refused: {_shown(reply)}", todo)
    return found(State.OK, f"let in: {_shown(reply)}")


def _called(session: Session, name: str) -> Callable[..., Finding]:
    return partial(
        Finding, f"credentials.{name}", f"called with {profile_faults.variables(session.profile, name)}"
    )


def _wrong(reply: Reply) -> Finding:
    found = partial(Finding, "credentials.wrong", "called with a wrong secret")
    if fingerprint.is_refusal(reply):
        return found(State.OK, f"refused: {_shown(reply)}")
    todo = "Is this a mock, or a test mode that checks nothing? A run will hold it against the target."
    return found(State.WARNING, f"not refused: {_shown(reply)}", todo)


def _shown(reply: Reply) -> str:
    return summary.brief(reply, kind=True)


def _undeclared(session: Session) -> list[Finding]:
    pairs, needed = session.profile.credentials, contracts.contract(session.profile.target.api).others
    scope = dict(session.profile.target.scope)
    outside = [
        Finding(f"scope.{name}", f"looked for [credentials.{name}]", State.NOTE, f"out of scope: {reason}")
        for name, reason in scope.items()
    ]
    return outside + [
        Finding(
            f"credentials.{name}",
            f"looked for [credentials.{name}]",
            State.MISSING,
            "the profile has none",
            f"Add [credentials.{name}]: without it, checks of what others may not see are not testable.",
        )
        for name in needed
        if name not in pairs and name not in scope
    ]
