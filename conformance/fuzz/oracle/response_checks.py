"""Judges what holds for every answer: the assertions of `oracles.every_response`, as results of fuzz checks."""

from collections.abc import Callable, Iterator, Mapping

from conformance import openapi
from conformance.contract import DocumentedAnswers
from conformance.contracts import contract
from conformance.fuzz import words
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.oracle.results import CheckResult, Finding, Target, brought_along, result
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.http.spellings import SHORTEST, is_spelled
from conformance.oracles.disclosure import disclosed_by
from conformance.oracles.every_response import discloses_nothing, hides_account, is_json
from conformance.oracles.expect import Violation
from conformance.profile import Profile
from conformance.states.resource import Resource


class Secrets:
    """The secrets of a profile that a target could repeat. The names of callers, which prove nothing, are none."""

    def __init__(self, profile: Profile | None) -> None:
        pairs = profile.credentials.values() if profile is not None else ()
        self._secrets = {pair.name: pair.secret for pair in pairs if len(pair.secret) > 2 * SHORTEST}

    def shown(self, reply: Reply) -> str | None:
        """Returns the name of a secret that stands in the answer in whatever form, None where none does."""
        whole = reply.body + b"\n".join(f"{n}: {v}".encode("latin-1", "replace") for n, v in reply.headers)
        return next((name for name, secret in self._secrets.items() if is_spelled(whole, secret)), None)


def every_response(
    secrets: Secrets, leased: Mapping[object, Resource], case: Case, target: Target, reply: Reply
) -> Iterator[CheckResult]:
    """Judges form and content of an answer as it came, for which it doesn't matter what was asked."""
    asked, sent = openapi.operation(case.operation), reply.exchange.method
    to = words.request(asked, case, target.state)
    if sent == "GET" and sent not in (asked.method, case.method):
        # What a request left behind is read.
        to = f"a read after {to}"
    status = reply.status
    told, name = secrets.shown(reply), "secrets_told" if _sends_no_secret(case) else "secrets"
    yield result(
        name,
        told is None,
        f"an answer to {to} without a secret",
        reply,
        cause=f"secret {status}",
        hint="Never repeat a request's headers in an answer, nor in a debug page."
        if name == "secrets"
        else "",
        observed=f"the secret of credentials.{told} stands in it",
        fault=f"a {status} told a secret that was not sent"
        if name != "secrets"
        else f"a {status} showed a secret",
    )
    resource = leased.get(target.id)
    if resource is not None:
        facts = resource.facts
        yield _held(
            "account",
            lambda: hides_account(reply, facts, to=to),
            f"account {status}",
            lambda: f"a {status} showed the whole account number",
        )
    # A router's page for an odd id is fine: whether it has to be JSON is told by the label.
    known = brought_along(case)
    yield _held(
        "insides",
        lambda: discloses_nothing(reply, to=to, known=known, pages=False),
        f"insides {status}",
        lambda: f"a {status} showed {disclosed_by(reply, known=known, pages=False)}",
    )
    if reply.says_json and not reply.truncated and reply.body and case.method != "HEAD":
        yield _strict(reply, to)


def _sends_no_secret(case: Case) -> bool:
    """Returns whether a secret that travels with every documented request was left out of this one."""
    authentication = contract(openapi.operation(case.operation).api).authentication
    return authentication.joined and case.mutation in (Mutation.MISSING, Mutation.WRONG)


def _held(check: str, assertion: Callable[[], None], cause: str, fault: Callable[[], str]) -> CheckResult:
    """Returns the result of an assertion."""
    try:
        assertion()
    except Violation as found:
        return CheckResult(
            check, Finding(found.expected, found.observed, cause, found.hint, found.fault or fault())
        )
    return CheckResult(check)


def _strict(reply: Reply, to: str) -> CheckResult:
    try:
        is_json(reply, to=to)
    except Violation as found:
        # The reason may quote a key of the answer, which may be an echo of anything.
        quotes = "key" in found.observed
        reason = "a key appears twice in one object" if quotes else found.observed
        observed = f"{reason} ({summary.of(reply)})"
        fault = (
            f"a {reply.status} was not JSON: {reason}"
            if not quotes
            else f"a key stood twice in a {reply.status}"
        )
        hint = "Build answers with a JSON serialiser, and label them application/json."
        return CheckResult("json.strict", Finding(found.expected, observed, reason[:30], hint, fault))
    return CheckResult("json.strict")


def other_envelope(documented: DocumentedAnswers, case: Case, reply: Reply) -> CheckResult:
    """Judges a refusal that no document shows: its envelope has to be that of the documented ones."""
    named = {path: reply.at(path) for path in (documented.code, documented.message)}
    wrong = [
        f"{path} was {words.value(one)}" for path, one in named.items() if not (isinstance(one, str) and one)
    ]
    special = words.special(openapi.operation(case.operation), case)
    return result(
        "error.other",
        not wrong,
        f"the envelope of the documented refusals, too, on the {reply.status} to a request {special}".strip(),
        reply,
        cause=f"envelope {reply.status}",
        observed=", ".join(wrong).replace(" was ", " is "),
        fault=f"{wrong[0]} in a {reply.status}" if wrong else "",
    )
