"""What holds for every answer, to whatever request: it is JSON where it says so, and gives nothing away."""

from collections.abc import Iterator, Mapping

from conformance.fuzz.leaks import Secrets, account_shown
from conformance.fuzz.probes import Probe
from conformance.fuzz.rulings import Finding, Ruling, Steered, brought_along, ruling, told
from conformance.http.reply import NotStrictJson, Reply, strict_json
from conformance.oracles import disclosure
from conformance.states.resource import Resource

_HINTS = {
    "secrets": "Never repeat a request's headers in an answer, nor in a debug page.",
    "account": "Mask it where the answer is made, error messages and headers included.",
    "json": "Build answers with a JSON serialiser, and label them application/json.",
    "insides": "Turn debug pages off, and map every exception to the error envelope.",
}


def always(
    secrets: Secrets, leased: Mapping[object, Resource], probe: Probe, at: Steered, reply: Reply
) -> Iterator[Ruling]:
    """The rulings on form and content that need no knowledge of what was asked."""
    yield from _leaks(secrets, leased, probe, at, reply)
    # A router's page for an odd id is fine: whether it has to be JSON is told by the label.
    seen = disclosure.disclosed_by(reply, known=brought_along(probe), pages=False)
    yield ruling(
        "insides",
        seen is None,
        f"an answer to {probe.summary()} that shows nothing of the program's inside",
        reply,
        cause=f"insides {reply.status}",
        observed=seen or "",
        hint=_HINTS["insides"],
    )
    if not reply.says_json or reply.truncated or not reply.body or probe.method == "HEAD":
        return
    try:
        strict_json(reply.body)
    except NotStrictJson as fault:
        # The reason may quote a key of the answer, which may be an echo of anything.
        reason = str(fault) if "key" not in str(fault) else "a key appears twice in one object"
        expected = f"the answer to {probe.summary()} to be JSON (RFC 8259)"
        yield Ruling(
            "json.strict", Finding(expected, f"{reason} ({told(reply)})", reason[:30], _HINTS["json"])
        )
    else:
        yield Ruling("json.strict")


def _leaks(
    secrets: Secrets, leased: Mapping[object, Resource], probe: Probe, at: Steered, reply: Reply
) -> Iterator[Ruling]:
    """The answer as it came, for the recorded one has nothing of this any more."""
    secret = secrets.shown(reply)
    yield ruling(
        "secrets",
        secret is None,
        f"an answer to {probe.summary()} without the caller's secret",
        reply,
        cause=f"secret {reply.status}",
        hint=_HINTS["secrets"],
    )
    resource = leased.get(at.id)
    if resource is not None:
        yield ruling(
            "account",
            not account_shown(reply, resource),
            f"an answer to {probe.summary()} without the whole account number of {at.id}",
            reply,
            cause=f"account {reply.status}",
            hint=_HINTS["account"],
        )


def other_envelope(probe: Probe, reply: Reply) -> Ruling:
    """A refusal by the API itself, though no document shows it: its envelope is that of the others."""
    named = [reply.at("error.code"), reply.at("error.message")]
    return ruling(
        "error.other",
        all(isinstance(one, str) and one for one in named),
        f"the envelope of the documented refusals, too, on the {reply.status} to {probe.summary()}",
        reply,
        cause=f"envelope {reply.status}",
    )
