"""The oracle: from an answer to the checks that it puts to the test, and which of them it fails.

All rules of fairness are here. What no document rules out isn't held against a target: whatever a router, a
framework or a proxy may answer to a request that the documents don't describe passes, as long as it isn't a 5xx.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from conformance import openapi
from conformance.contracts import contract
from conformance.fuzz.case import UNKNOWN, Case, Mutation
from conformance.fuzz.fuzzing import checks, fuzzing
from conformance.fuzz.generate.bodies import media_type
from conformance.fuzz.oracle.body import echo, kept_whole, shape
from conformance.fuzz.oracle.conformity import Conformance, Conformity
from conformance.fuzz.oracle.every_response import Secrets, every_response, other_envelope
from conformance.fuzz.oracle.results import CheckResult, ExpectedResponse, Target, answers, result
from conformance.fuzz.states import is_allowed, moving
from conformance.http.reply import MISSING, Reply
from conformance.openapi import Operation
from conformance.profile import Profile
from conformance.states.resource import Resource

_HINTS = {
    "crash": "An exception got out of the handler: check the value before using it.",
    "auth": "Authenticate before anything else, and compare the whole credential.",
    "json": "Build answers with a JSON serialiser, and label them application/json.",
}


class Oracle:
    """Judges the answers of one API. `capabilities` are those that the profile declares.

    `leased` are the resources in use by their ids: an answer may be about another of them, or show what none may show.
    `secrets` is the profile whose secrets no answer may hold.
    """

    def __init__(
        self,
        api: str,
        *,
        capabilities: Mapping[str, bool | None],
        leased: MutableMapping[object, Resource] | None = None,
        secrets: Profile | None = None,
    ) -> None:
        self.api = api
        self.leased = {} if leased is None else leased
        self._secrets = Secrets(secrets)
        self._conformance = Conformance(api)
        self._capabilities = capabilities
        self._contract = contract(api)
        self._text = fuzzing(api).text
        self._known = {check.key for check in checks(api)}
        self._fields = {
            name: tuple(
                sorted(
                    {
                        check.key.partition(".")[2]
                        for check in checks(api)
                        if check.key.startswith(f"{name}.body.")
                    }
                )
            )
            for name in (one.name for one in openapi.operations(api))
        }

    def judge(self, case: Case, target: Target, reply: Reply) -> list[CheckResult]:
        """Returns the results of every check of the API that this answer puts to the test, one per cause."""
        operation = openapi.operation(case.operation)
        return [
            CheckResult(f"{operation.name}.{result.check}", result.finding)
            for result in self._results(operation, case, target, reply)
            if f"{operation.name}.{result.check}" in self._known
        ]

    def every_response(self, case: Case, target: Target, reply: Reply) -> list[CheckResult]:
        """Returns the results of the checks that hold for every answer, to whatever request."""
        name = openapi.operation(case.operation).name
        return [
            CheckResult(f"{name}.{one.check}", one.finding)
            for one in every_response(self._secrets, self.leased, case, target, reply)
        ]

    def expected(self, operation: Operation, state: str) -> tuple[str, ExpectedResponse] | None:
        """Returns the check of a documented request for a resource in that state, and the expected answer.

        None where the documents leave the answer open.
        """
        ok, refused, unknown = answers(operation)
        if state == UNKNOWN:
            return "status.unknown", unknown
        if operation.method == "GET":
            return "status.existing", ok
        states = self._contract.states
        if state in states.conditional:
            allowed = is_allowed(states, state, self._capabilities)
            if allowed is None:
                return None
            return (f"status.{state}_cancelled", ok) if allowed else (f"status.{state}_refused", refused)
        if state in states.cancellable:
            return f"status.{state}", ok
        # A final state that only the profile names has no check of its own.
        known = not states.named_by_profile or state in states.documented()
        return f"status.{state if known else 'terminal'}", refused

    # -- results ---------------------------------------------------------------------------------------------

    def _results(
        self, operation: Operation, case: Case, target: Target, reply: Reply
    ) -> Iterator[CheckResult]:
        yield from every_response(self._secrets, self.leased, case, target, reply)
        match case.mutation:
            case Mutation.METHOD:
                yield self._crash(_CRASHES[Mutation.METHOD], case, reply)
                return
            case Mutation.PATH:
                yield self._crash(_CRASHES[Mutation.PATH], case, reply)
                yield result(
                    "accepts.malformed_id",
                    not reply.ok,
                    f"{case.summary()} not to be cancelled",
                    reply,
                    cause=f"accepted {reply.status}",
                )
                return
            case Mutation.MISSING | Mutation.WRONG:
                yield self._crash(_CRASHES[case.mutation], case, reply)
                yield result(
                    _auth_check(operation, case),
                    not reply.ok,
                    f"{case.summary()} to be rejected",
                    reply,
                    cause=f"accepted {reply.status}",
                    hint=_HINTS["auth"],
                )
                if reply.status in (401, 403) and case.method != "HEAD":
                    yield other_envelope(self._contract.answers, case, reply)
                return
        if target.state is None:
            return
        conformity = self._conformance.of(operation, reply) if reply.status in operation.statuses else None
        if case.mutation is not Mutation.DOCUMENTED:
            yield from self._undocumented(case, target, reply)
        else:
            yield from self._documented(operation, case, target, reply)
            if conformity is not None:
                yield from self._as_shown(operation, case, target, reply, conformity)
        wanted = self.expected(operation, target.state)
        rightful = wanted is None or wanted[1].code is None
        if conformity is not None and reply.ok and rightful:
            yield from self._success(operation, case, target, reply, conformity)

    def _documented(
        self, operation: Operation, case: Case, target: Target, reply: Reply
    ) -> Iterator[CheckResult]:
        """Judges a documented request; one that isn't let in has one cause, and not one for each state."""
        about = _about(operation, case, target)
        special = _special(operation, case) if target.state != UNKNOWN else None
        if reply.status == 403 and special is not None:
            # What refuses it may be a firewall that reads bodies, and then it is about the text.
            yield result(special, False, f"{about} to be accepted", reply, cause="403")
        elif reply.status in (401, 403):
            yield result(
                "auth.documented", False, f"{about} not to fail authentication", reply, cause="turned away"
            )
        elif reply.status == 415:
            check = "accepts.json" if operation.has_body else "auth.documented"
            what = media_type(operation) if operation.has_body else "a request without a body"
            yield result(check, False, f"{what} to be accepted when {about}", reply, cause="415")
        else:
            if reply.ok:
                yield CheckResult("auth.documented")
                yield from [CheckResult("accepts.json")] if operation.has_body else []
            yield from self._by_state(operation, case, target, reply)

    def _by_state(
        self, operation: Operation, case: Case, target: Target, reply: Reply
    ) -> Iterator[CheckResult]:
        """Judges the status and the code, which follow from the state."""
        assert target.state is not None
        ok, refused, _ = answers(operation)
        wanted = self.expected(operation, target.state)
        states = self._contract.states
        if target.state not in (*states.cancellable, UNKNOWN):
            yield from self._refusal(target, reply, refused)
        if wanted is None:
            return
        check, answer = wanted
        special = _special(operation, case) if target.state != UNKNOWN else None
        # An id that may look malformed may be refused as such; a code that is missing is the envelope's affair; what
        # is processing may be paid before the request gets there.
        excused = (
            (target.state == UNKNOWN and not target.certain and reply.status == 400)
            or answer.lacks_code(reply)
            or (target.state in states.conditional and answer == ok and refused.met_by(reply))
        )
        if special is not None and not answer.met_by(reply) and not reply.ok:
            # Where a refusal was due anyway, nobody knows which of the two was the trouble.
            check, excused = special, excused or answer != ok
        elif operation.has_body and answer == ok and reply.status == ok.status:
            yield from echo(self._text, case, reply) if self._text is not None else ()
            yield from [CheckResult("key.absent")] if case.key == "absent" else []
        if not excused:
            yield result(
                check,
                answer.met_by(reply),
                f"{answer} to {_about(operation, case, target)}",
                reply,
                cause=f"{reply.status} {reply.at(self._contract.answers.code) if not reply.ok else ''}",
            )

    def _as_shown(
        self, operation: Operation, case: Case, target: Target, reply: Reply, conformity: Conformity
    ) -> Iterator[CheckResult]:
        """Judges the label of an answer whose status is documented, and the envelope of a refusal."""
        if reply.body:
            label = next(
                (v for n, v in reply.exchange.response_headers if n.lower() == "content-type"), "is missing"
            )
            yield result(
                "json.content_type",
                conformity.labelled,
                f"a JSON content type on the answer to {_about(operation, case, target)}",
                reply,
                cause=f"labelled {reply.status} {label[:40]}",
                hint=_HINTS["json"],
                observed=f"Content-Type {label[:80]}",
            )
        if reply.status >= 400 and not self._has_documented_cause(operation, target, reply):
            yield other_envelope(self._contract.answers, case, reply)
        elif reply.status >= 400:
            # The code belongs to the state's own check.
            code = (self._contract.answers.code, "const")
            wrong = [each for each in conformity.breaches if (each.field, each.keyword) != code]
            yield result(
                "error.envelope",
                not wrong,
                f"the documented envelope of a {reply.status}",
                reply,
                cause=f"envelope {reply.status} {','.join(each.field for each in wrong)}",
                observed="; ".join(map(str, wrong[:4])),
            )

    def _has_documented_cause(self, operation: Operation, target: Target, reply: Reply) -> bool:
        """Returns whether a documented cause explains a refusal with a documented status.

        What can be cancelled is refused for none of the documented causes, whatever status that has.
        """
        assert target.state is not None
        ok, refused, _ = answers(operation)
        wanted = self.expected(operation, target.state)
        open_ = wanted is None or target.state in moving(self.api)
        return open_ or reply.status != refused.status or (wanted is not None and wanted[1] != ok)

    def _refusal(self, target: Target, reply: Reply, refused: ExpectedResponse) -> Iterator[CheckResult]:
        """Judges whether what isn't cancelled is refused with the documented status and no other."""
        if reply.ok and self._contract.answers.succeeded(reply.json):
            return  # cancelled, rightly or not: that is another check's
        yield result(
            "status.refusal",
            reply.status == refused.status,
            f"the refusal of a {target.state} {self._contract.noun} to be a {refused.status}",
            reply,
            cause=f"refusal {reply.status}",
        )

    def _undocumented(self, case: Case, target: Target, reply: Reply) -> Iterator[CheckResult]:
        crash = crash_check(case)
        if target.state != UNKNOWN and crash is not None:
            yield self._crash(crash, case, reply)
        of_text = case.mutation in (Mutation.FIELD_TYPE, Mutation.FIELD_LENGTH)
        if of_text and 400 <= reply.status < 500:
            yield other_envelope(self._contract.answers, case, reply)
        if target.state not in self._contract.states.cancellable:
            return
        if case.mutation is Mutation.OPEN and self._text is not None:
            yield from kept_whole(self._text, case, reply)
        if of_text and self._text is not None and reply.status < 500:
            what = "other_type" if case.mutation is Mutation.FIELD_TYPE else "too_long"
            yield result(
                f"{self._text.name}.{what}",
                not reply.ok,
                f"{case.summary()} to be rejected with a 4xx",
                reply,
                cause=f"accepted {reply.status}",
            )
        if case.mutation is Mutation.KEY and reply.ok:
            named, noun = reply.at(self._contract.answers.id), self._contract.noun.rpartition(" ")[2]
            yield result(
                f"key.other_{noun}",
                named == target.id or named not in self.leased,
                f"an answer about {target.id}, whatever else the key was used for",
                reply,
                cause=f"another {noun}",
            )

    def _success(
        self, operation: Operation, case: Case, target: Target, reply: Reply, conformity: Conformity
    ) -> Iterator[CheckResult]:
        resource = self.leased.get(target.id)
        known: list[Mapping[str, Any]] = [resource.facts] if resource is not None else []
        sent = self._text.of(case.value) if self._text is not None else None
        if case.mutation is Mutation.DOCUMENTED and self._text is not None and sent is not None:
            known.append({self._text.echo: sent})
        yield from shape(
            operation, self._fields[operation.name], tuple(known), case, target, reply, conformity
        )

    def _crash(self, check: str, case: Case, reply: Reply) -> CheckResult:
        # A server may say of an unknown method that it isn't implemented (RFC 9110 section 15.6.2).
        fine = reply.status < 500 or (case.mutation is Mutation.METHOD and reply.status == 501)
        return result(
            check,
            fine,
            f"{case.summary()} to be answered by anything but a 5xx",
            reply,
            cause=str(reply.status),
            hint=_HINTS["crash"],
        )


_KEY_ABSENT = {"absent": "key.absent"}
_CRASHES = {
    Mutation.METHOD: "crash.method",
    Mutation.PATH: "crash.path",
    Mutation.MISSING: "crash.credentials",
    Mutation.WRONG: "crash.credentials",
    Mutation.KEY: "crash.key",
    Mutation.TYPE: "crash.content_type",
    Mutation.BODY: "crash.body",
    Mutation.OPEN: "crash.body",
}


def crash_check(case: Case) -> str | None:
    """Returns the check (without its operation) that a 5xx to an odd request breaks, or no answer at all."""
    text = fuzzing(openapi.operation(case.operation).api).text
    if text is not None:
        value = case.value.get(text.name, MISSING) if isinstance(case.value, dict) else MISSING
        is_open = case.mutation is Mutation.OPEN
        if case.mutation is Mutation.FIELD_TYPE or (is_open and value is None):
            return f"crash.{text.name}"
        too_long = is_open and isinstance(value, str) and len(value) > text.limit
        if case.mutation is Mutation.FIELD_LENGTH or too_long:
            return f"{text.name}.too_long"
    return _CRASHES.get(case.mutation)


def effect_check(operation: Operation, case: Case) -> str | None:
    """Returns the check (without its operation) that a refused request breaks if it took effect all the same."""
    text = fuzzing(operation.api).text
    match case.mutation:
        case Mutation.MISSING | Mutation.WRONG:
            return _auth_check(operation, case)
        case Mutation.FIELD_TYPE if text is not None:
            return f"{text.name}.other_type_effect"
        case Mutation.FIELD_LENGTH if text is not None:
            return f"{text.name}.too_long_effect"
        case Mutation.BODY | Mutation.OPEN:
            return "refused.body"
    return None


def _auth_check(operation: Operation, case: Case) -> str:
    if case.mutation is Mutation.MISSING or any(not value for _, value in case.altered):
        return "auth.missing"
    named = fuzzing(operation.api).auth_checks
    return next((named[name] for name, _ in case.altered if name in named), "auth.wrong")


def _special(operation: Operation, case: Case) -> str | None:
    """Returns the check of what is special about a documented request: its state isn't to blame for that."""
    text = fuzzing(operation.api).text
    if not operation.has_body or text is None:
        return None
    return text.check(case.value) if not text.is_plain(case.value) else _KEY_ABSENT.get(case.key)


def _about(operation: Operation, case: Case, target: Target) -> str:
    noun = "an id that names nothing" if target.state == UNKNOWN else f"{target.state} {target.id}"
    verb = "reading" if operation.method == "GET" else "cancelling"
    return f"{verb} {noun}" + (f" with {case.summary()}" if case.body is not None else "")
