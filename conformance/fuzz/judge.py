"""From an answer to rulings: which checks it puts to the test, and which of them it fails.

The whole fairness of fuzzing is here. What no document rules out isn't held against a target: whatever a router, a
framework or a proxy may answer to a request that the documents don't describe passes, as long as it isn't a 5xx.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from conformance import openapi
from conformance.fuzz.always import always, other_envelope
from conformance.fuzz.bodies import echo, kept_whole, shape
from conformance.fuzz.checks import checks
from conformance.fuzz.conform import Conformance, Conformity
from conformance.fuzz.leaks import Secrets
from conformance.fuzz.probes import REASON_LIMIT, Aim, Probe, reason_check
from conformance.fuzz.resources import UNKNOWN
from conformance.fuzz.rulings import (
    Ruling,
    Steered,
    Wanted,
    answers,
    ruling,
)
from conformance.http.reply import Reply
from conformance.openapi import Operation
from conformance.profile import Profile
from conformance.states.resource import Resource

_HINTS = {
    "crash": "An exception got out of the handler: check the value before using it.",
    "auth": "Authenticate before anything else, and compare the whole credential.",
    "json": "Build answers with a JSON serialiser, and label them application/json.",
}


class Judge:
    """Rules on the answers of one API. `cancel_processing` is what the profile declares of it.

    `leased` are the resources in use by their ids, so that an answer about another of them can be told, and what
    no answer may show of them. `secrets` is the profile whose secrets no answer may hold.
    """

    def __init__(
        self,
        api: str,
        *,
        cancel_processing: bool | None,
        leased: MutableMapping[object, Resource] | None = None,
        secrets: Profile | None = None,
    ) -> None:
        self.api = api
        self.leased = {} if leased is None else leased
        self._secrets = Secrets(secrets)
        self._conformance = Conformance(api)
        self._cancel_processing = cancel_processing
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

    def rule(self, probe: Probe, at: Steered, reply: Reply) -> list[Ruling]:
        """Every check of this answer, each once per cause."""
        operation = openapi.operation(probe.operation)
        return [
            Ruling(f"{operation.name}.{ruling.check}", ruling.finding)
            for ruling in self._rulings(operation, probe, at, reply)
        ]

    def form(self, probe: Probe, at: Steered, reply: Reply) -> list[Ruling]:
        """What holds for every answer, to whatever request."""
        name = openapi.operation(probe.operation).name
        return [
            Ruling(f"{name}.{one.check}", one.finding)
            for one in always(self._secrets, self.leased, probe, at, reply)
        ]

    def expected(self, operation: Operation, state: str) -> tuple[str, Wanted] | None:
        """The check of a documented request for a resource in that state, and the answer that it wants.

        None where the documents leave the answer open.
        """
        ok, refused, unknown = answers(operation)
        if state == UNKNOWN:
            return "status.unknown", unknown
        if operation.method == "GET":
            return "status.existing", ok
        if operation.api == "withdraws" and state == "processing":
            if self._cancel_processing is None:
                return None
            return (
                ("status.processing_cancelled", ok)
                if self._cancel_processing
                else ("status.processing_refused", refused)
            )
        if state in ("pending", "requires_approval"):
            return f"status.{state}", ok
        if operation.api == "payout-intents" and state not in ("processing", "cancelled"):
            return "status.terminal", refused
        return f"status.{state}", refused

    # -- rulings ---------------------------------------------------------------------------------------------

    def _rulings(self, operation: Operation, probe: Probe, at: Steered, reply: Reply) -> Iterator[Ruling]:
        yield from always(self._secrets, self.leased, probe, at, reply)
        match probe.aim:
            case Aim.METHOD:
                yield self._crash(_CRASHES[Aim.METHOD], probe, reply)
                return
            case Aim.PATH:
                yield self._crash(_CRASHES[Aim.PATH], probe, reply)
                if operation.api == "withdraws":
                    yield ruling(
                        "accepts.malformed_id",
                        not reply.ok,
                        f"{probe.summary()} not to be cancelled",
                        reply,
                        cause=f"accepted {reply.status}",
                    )
                return
            case Aim.MISSING | Aim.WRONG:
                yield self._crash(_CRASHES[probe.aim], probe, reply)
                yield ruling(
                    _auth_check(operation, probe),
                    not reply.ok,
                    f"{probe.summary()} to be rejected",
                    reply,
                    cause=f"accepted {reply.status}",
                    hint=_HINTS["auth"],
                )
                if reply.status in (401, 403) and probe.method != "HEAD":
                    yield other_envelope(probe, reply)
                return
        if at.state is None:
            return
        conformity = self._conformance.of(operation, reply) if reply.status in operation.statuses else None
        if probe.aim is not Aim.DOCUMENTED:
            yield from self._undocumented(probe, at, reply)
        else:
            yield from self._documented(operation, probe, at, reply)
            if conformity is not None:
                yield from self._as_shown(operation, probe, at, reply, conformity)
        wanted = self.expected(operation, at.state)
        rightful = wanted is None or wanted[1].code is None
        if conformity is not None and reply.ok and rightful:
            yield from self._success(operation, probe, at, reply, conformity)

    def _documented(self, operation: Operation, probe: Probe, at: Steered, reply: Reply) -> Iterator[Ruling]:
        """A documented request; one that isn't even let in has one cause, and not one for each state."""
        about = _about(operation, probe, at)
        special = _special(probe) if operation.has_body and at.state != UNKNOWN else None
        if reply.status == 403 and special is not None:
            # What refuses it may be a firewall that reads bodies, and then it is about the reason.
            yield ruling(special, False, f"{about} to be accepted", reply, cause="403")
        elif reply.status in (401, 403):
            yield ruling(
                "auth.documented", False, f"{about} not to fail authentication", reply, cause="turned away"
            )
        elif reply.status == 415:
            check = "accepts.json" if operation.has_body else "auth.documented"
            what = "application/json" if operation.has_body else "a request without a body"
            yield ruling(check, False, f"{what} to be accepted when {about}", reply, cause="415")
        else:
            if reply.ok:
                yield Ruling("auth.documented")
                yield from [Ruling("accepts.json")] if operation.has_body else []
            yield from self._by_state(operation, probe, at, reply)

    def _by_state(self, operation: Operation, probe: Probe, at: Steered, reply: Reply) -> Iterator[Ruling]:
        """The status and the code, which follow from the state."""
        assert at.state is not None
        ok, refused, _ = answers(operation)
        wanted = self.expected(operation, at.state)
        if operation.api == "withdraws" and at.state not in ("pending", UNKNOWN):
            yield from self._refusal(operation, at, reply)
        if wanted is None:
            return
        check, answer = wanted
        special = _special(probe) if operation.has_body and at.state != UNKNOWN else None
        # An id that may look malformed may be refused as such; a code that is missing is the envelope's affair; what
        # is processing may be paid before the request gets there.
        excused = (
            (at.state == UNKNOWN and not at.certain and reply.status == 400)
            or answer.lacks_code(reply)
            or (check == "status.processing_cancelled" and refused.met_by(reply))
        )
        if special is not None and not answer.met_by(reply) and not reply.ok:
            # Where a refusal was due anyway, nobody knows which of the two was the trouble.
            check, excused = special, excused or answer != ok
        elif operation.has_body and answer == ok and reply.status == ok.status:
            yield from echo(probe, reply)
            yield from [Ruling("key.absent")] if probe.key == "absent" else []
        if not excused:
            yield ruling(
                check,
                answer.met_by(reply),
                f"{answer} to {_about(operation, probe, at)}",
                reply,
                cause=f"{reply.status} {reply.at('error.code') if not reply.ok else ''}",
            )

    def _as_shown(
        self, operation: Operation, probe: Probe, at: Steered, reply: Reply, conformity: Conformity
    ) -> Iterator[Ruling]:
        """The label of an answer whose status is documented, and the envelope of a refusal."""
        if reply.body:
            label = next(
                (v for n, v in reply.exchange.response_headers if n.lower() == "content-type"), "is missing"
            )
            yield ruling(
                "json.content_type",
                conformity.labelled,
                f"a JSON content type on the answer to {_about(operation, probe, at)}",
                reply,
                cause=f"labelled {reply.status} {label[:40]}",
                hint=_HINTS["json"],
                observed=f"Content-Type {label[:80]}",
            )
        if reply.status >= 400 and not self._has_documented_cause(operation, at, reply):
            yield other_envelope(probe, reply)
        elif reply.status >= 400:
            # The code belongs to the state's own check.
            wrong = [
                each for each in conformity.breaches if (each.field, each.keyword) != ("error.code", "const")
            ]
            yield ruling(
                "error.envelope",
                not wrong,
                f"the documented envelope of a {reply.status}",
                reply,
                cause=f"envelope {reply.status} {','.join(each.field for each in wrong)}",
                observed="; ".join(map(str, wrong[:4])),
            )

    def _has_documented_cause(self, operation: Operation, at: Steered, reply: Reply) -> bool:
        """Whether a documented cause explains a refusal with a documented status.

        What can be cancelled is refused for none of the documented causes, whatever status that has.
        """
        assert at.state is not None
        ok, refused, _ = answers(operation)
        wanted = self.expected(operation, at.state)
        open_ = wanted is None or at.state == "processing"
        return open_ or reply.status != refused.status or (wanted is not None and wanted[1] != ok)

    def _refusal(self, operation: Operation, at: Steered, reply: Reply) -> Iterator[Ruling]:
        """WD-07: what isn't cancelled is refused with 400 and nothing else."""
        _, refused, _ = answers(operation)
        if reply.ok and reply.at("success") is not False:
            return  # cancelled, rightly or not: that is another check's
        yield ruling(
            "status.refusal",
            reply.status == refused.status,
            f"the refusal of a {at.state} withdraw to be a 400",
            reply,
            cause=f"refusal {reply.status}",
        )

    def _undocumented(self, probe: Probe, at: Steered, reply: Reply) -> Iterator[Ruling]:
        crash = crash_check(probe)
        if at.state != UNKNOWN and crash is not None:
            yield self._crash(crash, probe, reply)
        if probe.aim in (Aim.REASON, Aim.LONG) and 400 <= reply.status < 500:
            yield other_envelope(probe, reply)
        if at.state != "requires_approval":
            return
        if probe.aim is Aim.OPEN:
            yield from kept_whole(probe, reply)
        if probe.aim in (Aim.REASON, Aim.LONG) and reply.status < 500:
            yield ruling(
                "reason.other_type" if probe.aim is Aim.REASON else "reason.too_long",
                not reply.ok,
                f"{probe.summary()} to be rejected with a 4xx",
                reply,
                cause=f"accepted {reply.status}",
            )
        if probe.aim is Aim.KEY and reply.ok:
            named = reply.at("id")
            yield ruling(
                "key.other_intent",
                named == at.id or named not in self.leased,
                f"an answer about {at.id}, whatever else the key was used for",
                reply,
                cause="another intent",
            )

    def _success(
        self, operation: Operation, probe: Probe, at: Steered, reply: Reply, conformity: Conformity
    ) -> Iterator[Ruling]:
        resource = self.leased.get(at.id)
        known: list[Mapping[str, Any]] = [resource.facts] if resource is not None else []
        reason = probe.value.get("reason") if isinstance(probe.value, dict) else None
        if probe.aim is Aim.DOCUMENTED and isinstance(reason, str):
            known.append({"failure_message": reason})
        yield from shape(operation, self._fields[operation.name], tuple(known), probe, at, reply, conformity)

    def _crash(self, check: str, probe: Probe, reply: Reply) -> Ruling:
        # A server may say of an unknown method that it isn't implemented (RFC 9110 section 15.6.2).
        fine = reply.status < 500 or (probe.aim is Aim.METHOD and reply.status == 501)
        return ruling(
            check,
            fine,
            f"{probe.summary()} to be answered by anything but a 5xx",
            reply,
            cause=str(reply.status),
            hint=_HINTS["crash"],
        )


_CRASHES = {
    Aim.METHOD: "crash.method",
    Aim.PATH: "crash.path",
    Aim.MISSING: "crash.credentials",
    Aim.WRONG: "crash.credentials",
    Aim.REASON: "crash.reason",
    Aim.LONG: "reason.too_long",
    Aim.KEY: "crash.key",
    Aim.TYPE: "crash.content_type",
    Aim.BODY: "crash.body",
    Aim.OPEN: "crash.body",
}


def crash_check(probe: Probe) -> str | None:
    """The check (without its operation) that an odd request breaks which gets a 5xx, or no answer at all."""
    if probe.aim is Aim.OPEN and isinstance(probe.value, dict) and "reason" in probe.value:
        reason = probe.value["reason"]
        if reason is None:
            return "crash.reason"
        if isinstance(reason, str) and len(reason) > REASON_LIMIT:
            return "reason.too_long"
    return _CRASHES.get(probe.aim)


def effect_check(operation: Operation, probe: Probe) -> str | None:
    """The check (without its operation) that a refused request breaks if it took effect all the same."""
    match probe.aim:
        case Aim.MISSING | Aim.WRONG:
            return _auth_check(operation, probe)
        case Aim.REASON:
            return "reason.other_type_effect"
        case Aim.LONG:
            return "reason.too_long_effect"
        case Aim.BODY | Aim.OPEN:
            return "refused.body"
    return None


def _auth_check(operation: Operation, probe: Probe) -> str:
    if probe.aim is Aim.MISSING or any(not value for _, value in probe.altered):
        return "auth.missing"
    if operation.api != "withdraws":
        return "auth.wrong"
    return (
        "auth.wrong_key" if any(name == "X-API-Key" for name, _ in probe.altered) else "auth.wrong_signature"
    )


def _special(probe: Probe) -> str | None:
    """Whatever is special about a documented request has its own check: the state isn't to blame for the reason."""
    reason = reason_check(probe.value)
    return reason if reason != "reason.plain" else "key.absent" if probe.key == "absent" else None


def _about(operation: Operation, probe: Probe, at: Steered) -> str:
    noun = "an id that names nothing" if at.state == UNKNOWN else f"{at.state} {at.id}"
    verb = "reading" if operation.method == "GET" else "cancelling"
    return f"{verb} {noun}" + (f" with {probe.summary()}" if probe.body is not None else "")
