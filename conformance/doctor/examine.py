"""Examines a profile and its target, in the order in which one finding depends on another."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from conformance.doctor import access, network, pace, provider_states, webhooks
from conformance.doctor.finding import Finding, State
from conformance.doctor.preflight import keeps_alive
from conformance.doctor.probes import Probes
from conformance.errors import TransportError
from conformance.http.redact import Redactor
from conformance.http.reply import Reply
from conformance.profile import Profile
from conformance.session import Session

_TIMED = 5


def examine(profile: Profile) -> Iterator[Finding]:
    """Yields each finding as it is made, without secrets. Nothing that exists is cancelled.

    Raises UsageError where the environment names certificates that can't be used.
    """
    with tempfile.TemporaryDirectory(prefix="payout-conformance-") as folder:
        for line in network.network(profile.target.base_url, profile.limits.timeout_s, profile.proxy):
            yield line
            if line.state is State.UNREACHABLE:
                return
        session = Session(profile, Path(folder))
        redactor = session.redactor
        try:
            yield from _clean(_session(session), redactor)
        finally:
            session.close()
    yield from _clean(webhooks.webhooks(profile), redactor)


def _session(session: Session) -> Iterator[Finding]:
    probes, profile = Probes(session), session.profile
    replies: list[Reply] = []
    try:
        replies.append(probes.harmless())
        lasting = keeps_alive(session, probes, replies)
        if not lasting:
            session.client.stop_reuse()
        replies += [probes.harmless() for _ in range(_TIMED - len(replies))]
        found = access.access(session, probes, replies)
        yield from found
        if found[0].state is State.UNREACHABLE:
            return
        yield pace.latency(replies, profile.limits.timeout_s)
        yield pace.connections(lasting=lasting)
        yield pace.clock(replies, profile.target.api)
        yield pace.rate(replies, profile)
        yield from provider_states.findings(session, probes)
    except TransportError as fault:
        came = f"{fault.kind}: {fault.message}"
        todo = fault.hint or "Is this the right base_url?"
        yield Finding("http", "sent requests to the target", State.UNREACHABLE, came, todo)


def _clean(lines: Iterable[Finding], redactor: Redactor) -> Iterator[Finding]:
    for line in lines:
        tried, came, todo = map(redactor.text, (line.tried, line.came, line.todo))
        yield replace(line, tried=tried, came=came, todo=todo)
