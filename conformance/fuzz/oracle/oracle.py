"""Judges an answer: returns one CheckResult for each check that the answer decides.

All rules of fairness are here. What no document rules out isn't held against a target: whatever a router, a
framework or a proxy may answer to a request that the documents don't describe passes, as long as it isn't a 5xx.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from conformance import openapi
from conformance.contracts import contract
from conformance.fuzz import words
from conformance.fuzz.case import UNKNOWN, Case, Mutation
from conformance.fuzz.fuzz_contract import checks, fuzzing
from conformance.fuzz.generate.bodies import media_type
from conformance.fuzz.oracle.body import echo, kept_whole, shape
from conformance.fuzz.oracle.check_of import auth_check, crash_check, promise_check
from conformance.fuzz.oracle.conformity import Conformance, Conformity
from conformance.fuzz.oracle.response_checks import Secrets, every_response, other_envelope
from conformance.fuzz.oracle.results import CheckResult, ExpectedResponse, Target, answers, result
from conformance.fuzz.state_order import is_allowed, moving
from conformance.http.reply import Reply
from conformance.openapi import Operation
from conformance.profile import Profile
from conformance.states.resource import Resource

_HINTS = {
    "crash": "An exception got out of the handler: check the value before using it.",
    "auth": "Authenticate before anything else, and compare the whole credential.",
    "firewall": "A page that isn't JSON may come from a firewall in front of the API that reads bodies.",
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
            self._titled(operation, case, target, result)
            for result in self._results(operation, case, target, reply)
            if f"{operation.name}.{result.check}" in self._known
        ]

    def every_response(self, case: Case, target: Target, reply: Reply) -> list[CheckResult]:
        """Returns the results of the checks that hold for every answer, to whatever request."""
        operation = openapi.operation(case.operation)
        return [
            self._titled(operation, case, target, one)
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

    def _titled(self, operation: Operation, case: Case, target: Target, one: CheckResult) -> CheckResult:
        """Returns the result under the whole name of its check, its finding with a title."""
        check = f"{operation.name}.{one.check}"
        if one.finding is None:
            return CheckResult(check)
        return CheckResult(check, one.finding.titled(words.request(operation, case, target.state)))

    def _title(
        self, operation: Operation, check: str, target: Target, reply: Reply, answer: ExpectedResponse
    ) -> dict[str, str]:
        """Returns the title of an answer that isn't the one to the state, without what has nothing to do with it."""
        did = self._became(reply, answer)
        if not check.startswith("status."):
            return {"did": did}
        resource = words.resource(self.api, target.state)
        if not did.startswith("was accepted") or target.state == UNKNOWN:
            verb = "a read" if operation.method == "GET" else "a cancel"
            return {"fault": f"{verb} of {resource} {did}"}
        again = " again" if target.state == self._contract.states.cancelled else ""
        return {"fault": f"{resource} was cancelled{again} ({reply.status})"}

    def _became(self, reply: Reply, *wanted: ExpectedResponse) -> str:
        return words.became(self._contract, reply, *wanted)

    def _results(
        self, operation: Operation, case: Case, target: Target, reply: Reply
    ) -> Iterator[CheckResult]:
        yield from every_response(self._secrets, self.leased, case, target, reply)
        match case.mutation:
            case Mutation.METHOD:
                yield self._crash("crash.method", case, reply)
                return
            case Mutation.PATH:
                yield self._crash("crash.path", case, reply)
                yield result(
                    "accepts.malformed_id",
                    not reply.ok,
                    f"400, 404 or 414 to a request {words.special(operation, case)}",
                    reply,
                    cause=f"accepted {reply.status}",
                    did=self._became(reply),
                )
                return
            case Mutation.MISSING | Mutation.WRONG:
                yield self._crash("crash.credentials", case, reply)
                yield result(
                    auth_check(operation, case),
                    not reply.ok,
                    f"a request {words.special(operation, case)} to be refused with a 4xx",
                    reply,
                    cause=f"accepted {reply.status}",
                    hint=_HINTS["auth"],
                    did=self._became(reply),
                )
                # A page that refuses an odd body is a firewall's, and tells nothing of the authentication.
                is_firewall = reply.status == 403 and case.body is not None and not reply.says_json
                if reply.status in (401, 403) and case.method != "HEAD" and not is_firewall:
                    yield other_envelope(self._contract.answers, case, reply)
                return
        if target.state is None:
            return
        conformity = self._conformance.of(operation, reply) if reply.status in operation.statuses else None
        if case.mutation is not Mutation.DOCUMENTED:
            yield from self._undocumented(operation, case, target, reply)
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
        special = promise_check(operation, case) if target.state != UNKNOWN else None
        if reply.status == 403 and special is not None:
            # What refuses it may be a firewall that reads bodies, and then it is about the text.
            hint = "" if reply.says_json else _HINTS["firewall"]
            yield result(
                special,
                False,
                f"{about} to be accepted",
                reply,
                cause="403",
                hint=hint,
                did=self._became(reply),
            )
        elif reply.status in (401, 403):
            yield result(
                "auth.documented",
                False,
                f"right credentials to be accepted when {about}",
                reply,
                cause="turned away",
                fault=f"right credentials were refused ({words.answer(self._contract, reply)})",
            )
        elif reply.status == 415:
            check = "accepts.json" if operation.has_body else "auth.documented"
            what = media_type(operation) if operation.has_body else "a request without a body"
            yield result(
                check,
                False,
                f"{what} to be accepted when {about}",
                reply,
                cause="415",
                fault=f"{what} was answered {words.answer(self._contract, reply)}",
            )
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
        special = promise_check(operation, case) if target.state != UNKNOWN else None
        # An id that may look malformed may be refused as such; a code that is missing is the envelope's affair; what
        # is processing may be paid before the request gets there.
        excused = (
            (target.state == UNKNOWN and not target.certain and reply.status == 400)
            or answer.lacks_code(reply)
            or (target.state in states.conditional and answer == ok and refused.met_by(reply))
        )
        if special is not None and not answer.met_by(reply) and not reply.ok:
            # Where a refusal was due anyway, nobody knows which of the two was the trouble, but of a server error.
            check, excused = special, excused or (answer != ok and reply.status < 500)
        elif operation.has_body and answer == ok and reply.status == ok.status:
            yield from echo(self._text, case, reply) if self._text is not None else ()
            yield from [CheckResult("key.absent")] if case.key == "absent" else []
        if not excused:
            code = reply.at(self._contract.answers.code) if not reply.ok else ""
            yield result(
                check,
                answer.met_by(reply),
                f"{answer} to {_about(operation, case, target)}",
                reply,
                cause=f"{reply.status} {code if isinstance(code, str) else ''}",
                **self._title(operation, check, target, reply, answer),
            )

    def _as_shown(
        self, operation: Operation, case: Case, target: Target, reply: Reply, conformity: Conformity
    ) -> Iterator[CheckResult]:
        """Judges the label of an answer whose status is documented, and the envelope of a refusal."""
        if reply.body:
            label = next(
                (v for n, v in reply.exchange.response_headers if n.lower() == "content-type"), "absent"
            )
            yield result(
                "json.content_type",
                conformity.labelled,
                f"Content-Type application/json on the answer to {_about(operation, case, target)}",
                reply,
                cause=f"labelled {reply.status} {label[:40]}",
                hint=_HINTS["json"],
                observed=f"Content-Type {label[:80]}",
                fault=f"the Content-Type of a {reply.status} was {label[:80]}",
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
                fault=words.breach(str(wrong[0]), operation, reply) if wrong else "",
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
            f"the refusal of {words.resource(self.api, target.state)} to be a {refused.status}",
            reply,
            cause=f"refusal {reply.status}",
            did=self._became(reply, refused),
        )

    def _undocumented(
        self, operation: Operation, case: Case, target: Target, reply: Reply
    ) -> Iterator[CheckResult]:
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
                f"a cancel {words.special(operation, case)} to be refused with a 4xx",
                reply,
                cause=f"accepted {reply.status}",
                did=self._became(reply),
            )
        if case.mutation is Mutation.KEY and reply.ok:
            named, noun = reply.at(self._contract.answers.id), words.noun(self.api)
            # key.other_ and the noun of the resource
            yield result(
                f"key.other_{noun}",
                named == target.id or named not in self.leased,
                f"an answer about {target.id}, whatever else the key was used for",
                reply,
                cause=f"another {noun}",
                observed=f"{self._contract.answers.id} is {words.value(named)}",
                fault=f"a key that was used for another {noun} brought that one's answer ({reply.status})",
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
        special = words.special(openapi.operation(case.operation), case)
        return result(
            check,
            fine,
            f"a request {special} to be answered by anything but a 5xx",
            reply,
            cause=str(reply.status),
            hint=_HINTS["crash"] if reply.status == 500 else "",
            did=self._became(reply),
        )


def _about(operation: Operation, case: Case, target: Target) -> str:
    """Returns what a documented request does, for `... to cancelling paid <id>`."""
    noun = "an unknown id" if target.state == UNKNOWN else f"the {target.state} {target.id}"
    verb = "reading" if operation.method == "GET" else "cancelling"
    return f"{verb} {noun} {words.special(operation, case)}".strip()
