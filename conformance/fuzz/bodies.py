"""The body of a rightful success: its shape field by field, whose it is, and what became of the reason."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.fuzz.checks import field_check
from conformance.fuzz.conform import Conformity
from conformance.fuzz.probes import REASON_LIMIT, Aim, Probe, has_only_characters, reason_check
from conformance.fuzz.rulings import Finding, Ruling, Steered, recorded, ruling, text, told
from conformance.http.reply import MISSING, Reply, instant
from conformance.openapi import Operation
from conformance.oracles.keys import has_value, lacking
from conformance.oracles.texts import Returned, can_be_tidied, returned
from conformance.states.accounts import unmasked

_ACCOUNT = "data.bankAccountNumber"


def shape(
    operation: Operation,
    fields: tuple[str, ...],
    known: tuple[Mapping[str, Any], ...],
    probe: Probe,
    at: Steered,
    reply: Reply,
    conformity: Conformity,
) -> Iterator[Ruling]:
    """A ruling for each of `fields`, the checks of this operation's bodies. `known` is as `oracles.keys` has it."""
    broken = _broken(operation, known, probe, at, reply, conformity)
    for check in fields:
        wrong = broken.get(check, [])
        yield ruling(
            check,
            not wrong,
            f"the documented body of a {reply.status}",
            reply,
            cause=f"{reply.status} {','.join(sorted(line.partition(':')[0] for line in wrong))}",
            observed="; ".join(wrong[:6]),
        )


def _broken(
    operation: Operation,
    known: tuple[Mapping[str, Any], ...],
    probe: Probe,
    at: Steered,
    reply: Reply,
    conformity: Conformity,
) -> dict[str, list[str]]:
    """The violations of a body, a line each, by the check that each belongs to."""
    withdraws = operation.api == "withdraws"
    broken: dict[str, list[str]] = {}
    for each in conformity.breaches:
        if (each.field == "failure_message" and each.keyword != "required") or each.field == _ACCOUNT:
            continue  # what the one has to be depends on the reason; the other is judged below
        broken.setdefault(field_check(operation.name, each.field, each.keyword), []).append(str(each))
    shown = reply.at("data") if withdraws else reply.json
    if operation.method != "GET" and isinstance(shown, dict):
        keys = lacking(operation.api, shown, *known)
        lead = "data." if withdraws else ""
        told_already = broken.get("body.keys", [])
        more = [f"{lead}{key}: is missing, though it has a value" for key in keys.valued]
        more = [
            line for line in more if not any(one.startswith(line.partition(":")[0]) for one in told_already)
        ]
        if more:
            broken.setdefault("body.keys", []).extend(more)
        if keys.empty:
            broken["body.nulls"] = [f"{lead}{key}: is missing; it should be null" for key in keys.empty]
    where = "data.id" if withdraws else "id"
    if reply.at(where) not in (at.id, MISSING) and probe.aim is not Aim.KEY:
        line = f"{where}: the answer is about {text(recorded(reply, where))}, the request about {text(at.id)}"
        broken.setdefault("body.id", []).append(line)
    if withdraws:
        broken.update(_of_withdraw(reply))
    return broken


def _of_withdraw(reply: Reply) -> dict[str, list[str]]:
    """The violations that a schema can't express: masks, and offsets other than zero."""
    found: dict[str, list[str]] = {}
    account, moment = reply.at(_ACCOUNT), instant(reply.at("data.canceledAt"))
    masked = isinstance(account, str) and bool(account.strip()) and not unmasked(account)
    if account is not MISSING and has_value(account) and not masked:
        shown = text(recorded(reply, _ACCOUNT))
        found["body.account_number"] = [f"{_ACCOUNT}: should be masked, and is {shown}"]
    if moment is not None and moment.utcoffset():
        shown = text(reply.at("data.canceledAt"))
        found["body.canceled_at_utc"] = [f"data.canceledAt: should have an offset of zero, and is {shown}"]
    return found


def echo(probe: Probe, reply: Reply) -> Iterator[Ruling]:
    """What became of the reason in the answer to a documented cancel."""
    check = reason_check(probe.value)
    sent = probe.value.get("reason") if isinstance(probe.value, dict) else None
    came = reply.at("failure_message")
    if not isinstance(sent, str):
        yield ruling(
            check,
            came is None or came is MISSING or isinstance(came, str),
            "failure_message to be null or a text where no reason was sent",
            reply,
            cause="no text",
        )
    elif came is not MISSING:  # a key that isn't there is told of elsewhere
        yield from _returned(check, sent, came, reply)


def kept_whole(probe: Probe, reply: Reply) -> Iterator[Ruling]:
    """What is accepted of a long reason outside ASCII: cut nowhere. How it is counted is not documented."""
    sent = probe.value.get("reason") if isinstance(probe.value, dict) else None
    if not isinstance(sent, str) or sent.isascii() or not reply.ok or len(sent) > REASON_LIMIT:
        return
    if not has_only_characters(sent):
        return
    came = reply.at("failure_message")
    cut = isinstance(came, str) and bool(came.strip()) and returned(sent, came) is Returned.CUT
    expected = f"all {len(sent)} characters of a reason that was accepted in failure_message"
    if cut:
        observed = f"{len(str(came))} characters came back ({told(reply)})"
        yield Ruling("reason.whole", Finding(expected, observed, "cut"))
    elif returned(sent, came) is Returned.SAME:
        yield Ruling("reason.whole")


def _returned(check: str, sent: str, came: Any, reply: Reply) -> Iterator[Ruling]:
    how = returned(sent, came)
    expected = f"failure_message to be the reason that was sent, {text(sent)}"
    observed = f"failure_message is {text(recorded(reply, 'failure_message'))}"
    fine = how in (Returned.SAME, Returned.TIDIED)
    yield ruling(check, fine, expected, reply, cause="not echoed", observed=observed)
    if fine and can_be_tidied(sent):
        same = how is Returned.SAME
        yield ruling("reason.tidied", same, expected, reply, cause="tidied", observed=observed)
