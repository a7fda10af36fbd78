"""Judges the body of a success: its schema field by field, whose it is, and how a text that was sent came back."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.contracts import contract
from conformance.fuzz import words
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.oracle.conformity import Conformity
from conformance.fuzz.oracle.results import CheckResult, Finding, Target, recorded, result, text
from conformance.fuzz.text_field import TextField, has_only_characters
from conformance.http import summary
from conformance.http.reply import MISSING, Reply
from conformance.openapi import Operation
from conformance.oracles.missing_keys import missing_keys
from conformance.oracles.texts import Returned, can_be_tidied, returned


def shape(
    operation: Operation,
    fields: tuple[str, ...],
    known: tuple[Mapping[str, Any], ...],
    case: Case,
    target: Target,
    reply: Reply,
    conformity: Conformity,
) -> Iterator[CheckResult]:
    """Judges each of `fields`, the checks of this operation's bodies. `known` is as `oracles.keys` has it."""
    broken = _broken(operation, known, case, target, reply, conformity)
    for check in fields:
        wrong = broken.get(check, [])
        yield result(
            check,
            not wrong,
            f"the documented body of a {reply.status}",
            reply,
            cause=f"{reply.status} {','.join(sorted(line.partition(':')[0] for line in wrong))}",
            observed="; ".join(wrong[:6]),
            fault=words.breach(wrong[0], operation, reply) if wrong else "",
        )


def _broken(
    operation: Operation,
    known: tuple[Mapping[str, Any], ...],
    case: Case,
    target: Target,
    reply: Reply,
    conformity: Conformity,
) -> dict[str, list[str]]:
    """Returns the violations of a body, a line each, by the check that each belongs to."""
    documented, brought = contract(operation.api).answers, fuzzing(operation.api)
    echoed = brought.text.echo if brought.text is not None else None
    broken: dict[str, list[str]] = {}
    for each in conformity.breaches:
        if (each.field == echoed and each.keyword != "required") or each.field in brought.judged_apart:
            continue  # what the one has to be depends on the text that was sent; the others are judged below
        broken.setdefault(brought.field_check(operation.name, each.field, each.keyword), []).append(str(each))
    shown = reply.at(documented.resource) if documented.resource else reply.json
    if documented.keys and operation.method != "GET" and isinstance(shown, dict):
        keys = missing_keys(operation.api, shown, *known)
        lead = f"{documented.resource}." if documented.resource else ""
        told_already = broken.get("body.keys", [])
        more = [f"{lead}{key}: is missing, though it has a value" for key in keys.valued]
        more = [
            line for line in more if not any(one.startswith(line.partition(":")[0]) for one in told_already)
        ]
        if more:
            broken.setdefault("body.keys", []).extend(more)
        if keys.empty:
            broken["body.nulls"] = [f"{lead}{key}: is missing; it should be null" for key in keys.empty]
    where = documented.id
    if reply.at(where) not in (target.id, MISSING) and case.mutation is not Mutation.KEY:
        line = f"{where}: should be {text(target.id)}, and is {text(recorded(reply, where))}"
        broken.setdefault("body.id", []).append(line)
    broken.update(brought.body(reply))
    return broken


def echo(field: TextField, case: Case, reply: Reply) -> Iterator[CheckResult]:
    """Judges how the text of a documented cancel came back in its answer."""
    check, sent, came = field.check(case.value), field.of(case.value), reply.at(field.echo)
    if sent is None:
        yield result(
            check,
            came is None or came is MISSING or isinstance(came, str),
            f"{field.echo} to be null or a string where no {field.name} was sent",
            reply,
            cause="no text",
            observed=f"{field.echo} is {text(recorded(reply, field.echo))}",
            fault=f"{field.echo} was {words.kind(recorded(reply, field.echo))} where no {field.name} was sent",
        )
    elif came is not MISSING:  # a key that isn't there is a matter of the keys
        yield from _returned(field, sent, came, reply)


def kept_whole(field: TextField, case: Case, reply: Reply) -> Iterator[CheckResult]:
    """Judges whether a long text outside ASCII that was accepted was cut. How it is counted is not documented."""
    sent = field.of(case.value)
    if sent is None or sent.isascii() or not reply.ok or len(sent) > field.limit:
        return
    if not has_only_characters(sent):
        return
    came, check = reply.at(field.echo), f"{field.name}.whole"
    cut = isinstance(came, str) and bool(came.strip()) and returned(sent, came) is Returned.CUT
    expected = f"all {len(sent)} characters of a {field.name} that was accepted in {field.echo}"
    if cut:
        observed = f"{len(str(came))} characters came back ({summary.of(reply)})"
        fault = f"a {field.name} of {words.described(sent)} came back cut to {len(str(came))} characters"
        yield CheckResult(check, Finding(expected, observed, "cut", fault=fault))
    elif returned(sent, came) is Returned.SAME:
        yield CheckResult(check)


def _returned(field: TextField, sent: str, came: Any, reply: Reply) -> Iterator[CheckResult]:
    how, shown = returned(sent, came), recorded(reply, field.echo)
    expected = f"{field.echo} to be the {field.name} that was sent, {words.described(sent)}"
    observed = f"{field.echo} is {words.value(shown)}"
    fault = f"the {field.name} {words.described(sent)} came back as {words.value(shown)}"
    long = len(sent) > words.SHORT
    if long:
        fault = f"a {field.name} of {words.described(sent)} came back as {words.value(shown)}"
    if how is Returned.CUT and long:
        lead = f"a {field.name} of {len(sent)} characters"
        fault = f"{lead} came back cut to {len(str(came))} characters"
        observed = f"{field.echo} has {len(str(came))} characters: {words.value(shown)}"
    fine = how in (Returned.SAME, Returned.TIDIED)
    check = field.check({field.name: sent})
    yield result(check, fine, expected, reply, cause="not echoed", observed=observed, fault=fault)
    if fine and can_be_tidied(sent):
        same, check = how is Returned.SAME, f"{field.name}.tidied"
        yield result(check, same, expected, reply, cause="tidied", observed=observed, fault=fault)
