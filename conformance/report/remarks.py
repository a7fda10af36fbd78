"""Sentences on how to take a finding: that it is a replay, that it is an answer of before, that it came once. Pure."""

import re
from collections.abc import Mapping

from conformance import contracts
from conformance.model import Auth, Check, Outcome, RunRecord
from conformance.report import outage
from conformance.report.causes import Causes
from conformance.report.passing_cases import GOT_THROUGH, NOTHING_VERIFIED, fails_nearly_always

_NOT_AGAIN = (
    "The same requests, sent once more to a new resource in this run, did not fail again: timing or chance may have a "
    "part in it."
)
_PREMISE = (
    "None of the {} that were authenticated as documented succeeded in this run{}: most of what else fails probably "
    "follows from this. Mend it first, and run again."
)
_REPLAY = "The answer is one to a retry: the same request had been sent, and answered, before."
BY_ID = (
    f"{GOT_THROUGH}, but {{}} of {{}} such cancels of ids that name nothing were refused ({{}}): authentication is "
    "looked at, and left out for a {noun} that exists or that its owner was let in to before. Look for a decision that "
    "is kept by the id."
)
_REFUSED = (401, 403)
_BY_THE_SOURCE = (
    "The attempts to pay it are made by the state source (its action `settle`): they are none of the requests that are "
    "shown, and replay makes them, too."
)
_SETTLED = re.compile(
    r"\b(?:attempts? to pay|met a (?:payment|settlement)|settlement|to be (?:settled|paid))\b"
)
_ELSEWHERE = (
    "In checks that passed {} of {} requests with such credentials and this method were refused ({}): it is the "
    "request before it that opens this one."
)
_RIGHT_AFTER = re.compile(
    r"\b(?:right after|after (?:its|the) owner|after a (?:good|refused) (?:one|cancel|read))\b"
)
# So many refusals tell, and so large a share of all.
_SOME, _MOST = 5, 0.75
_KEPT = (
    "This answer is, byte for byte, that of a GET before the change: it is from a cache, or nothing was saved. Where "
    "the change is read elsewhere, or others are shown such an answer, it is a cache."
)


def of(record: RunRecord, check: Check, fault: str, causes: Causes) -> tuple[str, ...]:
    """Returns the sentences on the check that a problem is shown by; `fault` is the title of the problem."""
    said = []
    if causes.took_effect(check) and causes.is_altered(check) and " body" not in fault:
        said += (_by_id(record) or [NOTHING_VERIFIED]) if fails_nearly_always(record, check) else []
    if causes.kept.since_before(check) is not None:
        said.append(_KEPT)
    if linked := outage.like(record, check):
        said.append(linked)
    said += _elsewhere(record, check, fault)
    if check.suite == "settlement" or _SETTLED.search(fault):
        said.append(_BY_THE_SOURCE)
    if causes.is_a_replay(check) and not causes.is_concurrent(check):
        said.append(_REPLAY)
    return tuple(said)


def _elsewhere(record: RunRecord, check: Check, fault: str) -> list[str]:
    """Returns the sentence that the like of what opened something after another request was refused at other times."""
    index = check.shown_by
    if index is None or not _RIGHT_AFTER.search(fault):
        return []
    decides = record.exchanges[index]
    if decides.auth is Auth.DOCUMENTED or (decides.status or 0) // 100 != 2:
        return []
    wrong = (Outcome.FAILED, Outcome.WARNED)
    own = {at for one in record.checks if one.outcome in wrong for at in one.named}
    others = [
        one.status
        for at, one in enumerate(record.exchanges)
        if at not in own and (one.method, one.auth) == (decides.method, decides.auth)
    ]
    refused = [one for one in others if one in _REFUSED]
    if not refused or len(refused) < _MOST * len(others):
        return []
    statuses = ", ".join(map(str, sorted(set(refused))))
    return [_ELSEWHERE.format(len(refused), len(others), statuses)]


def _by_id(record: RunRecord) -> list[str]:
    """Returns the sentence that forgeries are refused where the id names nothing, so that something is verified."""
    contract = contracts.contract(record.target.api) if record.target.api in contracts.names() else None
    if contract is None:
        return []
    before, _, after = contract.requests.cancel.partition("{id}")
    known = {id_ for check in record.checks for id_, _ in check.resources}
    statuses = [
        one.status
        for one in record.exchanges
        if one.auth is Auth.ALTERED
        and one.method == "POST"
        and (path := one.url.partition("?")[0]).endswith(after)
        and path.rpartition(before)[2].removesuffix(after) not in known
    ]
    refused = [one for one in statuses if one in _REFUSED]
    if len(refused) < _SOME or len(refused) < _MOST * len(statuses):
        return []
    named = ", ".join(map(str, sorted(set(refused))))
    return [BY_ID.format(len(refused), len(statuses), named, noun=contract.noun)]


def hint(own: str, said: tuple[str, ...]) -> str:
    """Returns the hint of a problem beside these sentences, empty where they contradict its `own`.

    What one case lacked is no advice where nearly all got through: the handler may well ask for it, and not be reached.
    """
    return "" if any(one.startswith(GOT_THROUGH) for one in said) else own


def of_premise(causes: Causes) -> str:
    """Returns the sentence on a run in which nothing that was authenticated as documented succeeded."""
    return _PREMISE.format(*causes.refused_callers)


def not_again(record: RunRecord, check: Check) -> tuple[str, ...]:
    """Returns the sentence on a case that the fuzzing sent once more, and which held then; none otherwise."""
    told = (record.fuzz or {}).get("failing")
    cases = told.get(check.id) if isinstance(told, Mapping) else None
    first = cases[0] if isinstance(cases, list | tuple) and cases else None
    return (_NOT_AGAIN,) if isinstance(first, Mapping) and first.get("again") is False else ()
