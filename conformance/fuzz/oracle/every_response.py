"""Judges what holds for every answer, to whatever request: JSON where it says so, and no disclosure."""

from collections.abc import Iterator, Mapping

from conformance.contract import DocumentedAnswers
from conformance.fuzz.case import Case
from conformance.fuzz.oracle.results import CheckResult, Finding, Target, brought_along, result, told
from conformance.fuzz.oracle.secrets import Secrets, account_shown
from conformance.http import insides
from conformance.http.reply import NotStrictJson, Reply, strict_json
from conformance.oracles import disclosure
from conformance.states.resource import Resource

_HINTS = {
    "secrets": "Never repeat a request's headers in an answer, nor in a debug page.",
    "account": "Mask it where the answer is made, error messages and headers included.",
    "json": "Build answers with a JSON serialiser, and label them application/json.",
    "insides": "Turn debug pages off, and map every exception to the error envelope.",
}


def every_response(
    secrets: Secrets, leased: Mapping[object, Resource], case: Case, target: Target, reply: Reply
) -> Iterator[CheckResult]:
    """Judges form and content, which needs no knowledge of what was asked."""
    yield from _leaks(secrets, leased, case, target, reply)
    # A router's page for an odd id is fine: whether it has to be JSON is told by the label.
    seen = insides.shown(reply, known=brought_along(case), pages=False)
    yield result(
        "insides",
        seen is None,
        f"an answer to {case.summary()} that shows nothing of the program's inside",
        reply,
        cause=f"insides {reply.status}",
        observed=seen or "",
        hint=_HINTS["insides"],
    )
    if not reply.says_json or reply.truncated or not reply.body or case.method == "HEAD":
        return
    try:
        strict_json(reply.body)
    except NotStrictJson as fault:
        # The reason may quote a key of the answer, which may be an echo of anything.
        reason = str(fault) if "key" not in str(fault) else "a key appears twice in one object"
        expected = f"the answer to {case.summary()} to be JSON (RFC 8259)"
        yield CheckResult(
            "json.strict", Finding(expected, f"{reason} ({told(reply)})", reason[:30], _HINTS["json"])
        )
    else:
        yield CheckResult("json.strict")


def _leaks(
    secrets: Secrets, leased: Mapping[object, Resource], case: Case, target: Target, reply: Reply
) -> Iterator[CheckResult]:
    """Judges the answer as it came: the recorded one is redacted."""
    secret = secrets.shown(reply)
    yield result(
        "secrets",
        secret is None,
        f"an answer to {case.summary()} without the caller's secret",
        reply,
        cause=f"secret {reply.status}",
        hint=_HINTS["secrets"],
    )
    resource = leased.get(target.id)
    if resource is not None:
        yield result(
            "account",
            not account_shown(reply, resource),
            f"an answer to {case.summary()} without the whole account number of {target.id}",
            reply,
            cause=f"account {reply.status}",
            hint=_HINTS["account"],
        )


def other_envelope(documented: DocumentedAnswers, case: Case, reply: Reply) -> CheckResult:
    """Judges a refusal that no document shows: its envelope has to be that of the documented ones."""
    named = [reply.at(documented.code), reply.at(documented.message)]
    return result(
        "error.other",
        all(isinstance(one, str) and one for one in named),
        f"the envelope of the documented refusals, too, on the {reply.status} to {case.summary()}",
        reply,
        cause=f"envelope {reply.status}",
    )
