"""Examines access: each pair of credentials, a wrong one, and whether this API answers."""

from conformance.doctor import answers
from conformance.doctor.answers import NOT_FOUND
from conformance.doctor.calls import SAID, Calls
from conformance.doctor.line import Line, State
from conformance.doctor.quick import obstacle
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
    lines.append(_primary(session, replies[0], fault))
    others = [name for name in session.profile.credentials if name != "primary"]
    lines += [_pair(session, name, probes.harmless(name)) for name in others]
    if lines[1].state is State.OK:
        lines.append(_wrong(probes.harmless(wrong=True)))
    return [*lines, *_undeclared(session)]


def _api(session: Session, reply: Reply, fault: ConformanceError | None) -> Finding:
    profile = session.profile
    tried = (
        f"sent {contracts.contract(profile.target.api).requests.probe_summary} to {profile.target.base_url}"
    )
    if isinstance(fault, NotReady):
        return Line("api", State.UNREACHABLE, tried, fault.message, fault.hint)
    documented = NOT_FOUND[profile.target.api]
    if reply.status == 404 and reply.at("error.code") == documented:
        return Line("api", State.OK, tried, f"{summary.brief(reply, kind=True)}, as documented")
    if answers.is_refusal(reply):
        return Line(
            "api", State.OK, tried, f"{summary.brief(reply, kind=True)}: somebody who asks for credentials"
        )
    return Line(
        "api",
        State.WARNING,
        tried,
        f"{summary.brief(reply, kind=True)}, where 404 {documented} is documented",
        "If the address is right, this is for a run to judge.",
    )


def _primary(session: Session, reply: Reply, fault: ConformanceError | None) -> Finding:
    tried = _called(session, "primary")
    if fault is not None:
        return Finding("credentials.primary", State.WRONG, tried, fault.message, fault.hint)
    if fingerprint.is_refusal(reply):
        return Finding(
            "credentials.primary",
            State.WARNING,
            tried,
            f"{summary.brief(reply, kind=True)}, but they are accepted in another form than the documented one",
            "They are right, and the target reads the document otherwise: a run will hold that against it.",
        )
    return Line("credentials.primary", State.OK, tried, f"let in: {summary.brief(reply, kind=True)}")


def _pair(session: Session, name: str, reply: Reply) -> Finding:
    if fingerprint.is_refusal(reply):
        return Finding(
            f"credentials.{name}",
            State.WRONG,
            _called(session, name),
            f"refused: {summary.brief(reply, kind=True)}",
            "Check the values of these variables: right environment, not expired, not mixed up?",
        )
    return Line(
        f"credentials.{name}", State.OK, _called(session, name), f"let in: {summary.brief(reply, kind=True)}"
    )


def _called(session: Session, name: str) -> str:
    variables = [of for key, of in session.profile.target.env.items() if key.startswith(f"{name}.")]
    return f"called with {' and '.join(variables)}"


def _wrong(reply: Reply) -> Finding:
    tried = "called with a wrong secret"
    if answers.is_refusal(reply):
        return Line("credentials.wrong", State.OK, tried, f"refused: {summary.brief(reply, kind=True)}")
    return Line(
        "credentials.wrong",
        State.WARNING,
        tried,
        f"not refused: {summary.brief(reply, kind=True)}",
        "Is this a mock, or a test mode that checks nothing? A run will hold it against the target.",
    )


def _undeclared(session: Session) -> list[Finding]:
    pairs, needed = session.profile.credentials, contracts.contract(session.profile.target.api).others
    return [
        Finding(
            f"credentials.{name}",
            State.MISSING,
            f"looked for [credentials.{name}]",
            "the profile has none",
            f"Add [credentials.{name}]: without it, checks of what others may not see are not testable.",
        )
        for name in needed
        if name not in pairs
    ]
