"""Finds the requests that led to a problem: what makes the fault happen, and no others. Pure; no errors.

Only what has to do with the deciding request is listed, where a check sent many: requests that name the same
resource, or carry the same idempotency key, and what these have to do with in turn. Where a read decides that looks
back on what another check did, the cancel which that one sent comes first.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from conformance import contracts
from conformance.model import Auth, Check, Exchange, RunRecord
from conformance.report.safe import flat
from conformance.report.steps import caller, gap_s, hung_up, key_of, resources_of

# Fewer requests are listed although they have nothing to do with one another.
_ALL = 6
# A problem that is about what became of a resource whose cancel was answered.
_CANCELLED = re.compile(r"\b(?:cancel|refus)", re.IGNORECASE)
# A problem that compares an answer with what a read had shown.
_COMPARED = re.compile(r"\b(?:reads?|GET|before|changed|earlier|moved|stood still|was answered by)\b")
# A problem that is about what came of earlier requests.
_BUILDS_ON = re.compile(
    r"\b(?:after\w*|before|earlier|follow\w*|retr\w+|again|later|first|used|same|second)\b"
)
_READS = ("GET", "HEAD", "OPTIONS")
# So much of an answer is read, and compared with what a problem quotes.
_QUOTED, _ALIKE = 4000, 150


def leading_to(record: RunRecord, check: Check) -> tuple[int, ...]:
    """Returns the requests (indices) that led to the problem of `check`, the deciding one last."""
    last = check.shown_by
    if last is None:
        return ()
    own = [index for index in dict.fromkeys(check.exchanges) if index != last] if check.problem else []
    before = [index for index in own if index < last]
    before = _once(record, before, last)
    related = _related(record, check, before, last)
    alone = _reads_another(record, check, last) or _is_done_alone(record, check, last)
    if not related and len(before) < _ALL and not alone:
        # Where it has to do with none of the others, they may be compared: refusals of three resources.
        related = before
    related = [index for index in related if not _is_another_case(record, index, last)]
    if check.suite != "fuzz" and not _BUILDS_ON.search(_told(check)):
        related = [index for index in related if not _is_another_form(record, index, last)]
    related = _since_the_cancel(record, check, related, last)
    if _is_shown_by_itself(record, check, related, last) or _is_let_in(record, check, last):
        related = []
    compared = _compared(record, check, own, last)
    if compared and record.exchanges[compared[0]].url != record.exchanges[last].url:
        # What came of two resources is compared: how one of them came to be what it is doesn't matter.
        related = []
    related = sorted({*related, *(index for index in compared if index < last)})
    after = (index for index in compared if index > last)
    beside = _beside(record, check, own, last)
    return (*related, *beside, last, *_seen_after(record, check, own, last), *after)


def _compared(record: RunRecord, check: Check, own: Sequence[int], last: int) -> list[int]:
    """Returns the request whose answer is quoted as the one to be expected: seeing one of both alone shows nothing."""
    problem = check.problem
    if problem is None or check.suite == "fuzz":
        return []
    quotes = {
        index: f"{one.status} {flat(one.response_body[:_QUOTED].decode('utf-8', 'replace'))[:_ALIKE]}"
        for index in own
        if (one := record.exchanges[index]).response_body
    }
    decides = record.exchanges[last]
    found = [
        index for index, said in quotes.items() if said in problem.expected and said not in problem.observed
    ]
    return sorted(found, key=lambda index: _is_like(record.exchanges[index], decides))[-1:]


def _is_like(one: Exchange, decides: Exchange) -> tuple[bool, bool]:
    return one.method == decides.method, one.auth is decides.auth


def _related(record: RunRecord, check: Check, before: Sequence[int], last: int) -> list[int]:
    """Returns those of `before` that share a resource or a key with the last request, or with one that does."""
    everything = [record.exchanges[index] for index in (*before, last)]
    ids = [one.id for one in resources_of(record, check, everything)]
    names = {index: _names(record, record.exchanges[index], ids) for index in (*before, last)}
    met, kept = set(names[last]), {last}
    while True:
        more = {index for index in before if index not in kept and names[index] & met}
        if not more:
            break
        kept |= more
        met |= {name for index in more for name in names[index]}
    return [index for index in before if index in kept]


def _once(record: RunRecord, before: Sequence[int], last: int) -> list[int]:
    """Returns `before` without what was only repeated: of reads the last stays, of what was refused the first."""
    found: list[int] = []
    for one, then in pairwise((*before, last)):
        is_refused = record.exchanges[one].method != "GET" and (record.exchanges[one].status or 0) >= 400
        if not _same(record, one, then) or (is_refused and not (found and _same(record, found[-1], one))):
            found.append(one)
    return found


def _same(record: RunRecord, index: int, following: int) -> bool:
    """Returns whether a request was repeated right away, and answered by the same status: polling.

    One that changes something is the same only where it was refused, with the same body and credentials.
    """
    one, then = record.exchanges[index], record.exchanges[following]
    same = (one.method, one.url, one.auth, one.status) == (then.method, then.url, then.auth, then.status)
    if one.method == "GET":
        return same
    alike = same and one.request_body == then.request_body and caller(one) == caller(then)
    alike = alike and one.auth is Auth.DOCUMENTED
    return alike and (one.status or 0) >= 400 and key_of(record, one) == key_of(record, then)


def _names(record: RunRecord, exchange: Exchange, ids: Sequence[str]) -> frozenset[str]:
    text = exchange.url + exchange.request_body[:4000].decode("utf-8", "replace")
    found = {one for one in ids if one in text}
    key = key_of(record, exchange)
    return frozenset({*found, f"key {key}"} if key else found)


def _about(record: RunRecord, check: Check, index: int) -> list[str]:
    """Returns the ids of the check's resources that a request names in its path."""
    parts = record.exchanges[index].url.partition("?")[0].split("/")
    return [one for one, _ in check.resources if one and one in parts]


def _reads_another(record: RunRecord, check: Check, last: int) -> bool:
    """Returns whether a read decides of a resource that nothing else of the check is about: no others belong to it."""
    decides = record.exchanges[last]
    return check.suite != "fuzz" and decides.method in _READS and bool(_about(record, check, last))


def _is_done_alone(record: RunRecord, check: Check, last: int) -> bool:
    """Returns whether a success decides that changes a resource of its own: what came of others is no part of it."""
    decides = record.exchanges[last]
    done = decides.method not in _READS and (decides.status or 0) // 100 == 2
    return check.suite != "fuzz" and done and bool(_about(record, check, last))


def _is_shown_by_itself(record: RunRecord, check: Check, before: Sequence[int], last: int) -> bool:
    """Returns whether nothing but reads came before a success that decides, and the problem compares it with none."""
    decides, problem = record.exchanges[last], check.problem
    if problem is None or check.suite == "fuzz" or not _is_done_alone(record, check, last):
        return False
    plain = all(
        record.exchanges[index].method in _READS and record.exchanges[index].auth is Auth.DOCUMENTED
        for index in before
    )
    said = f"{problem.fault} {problem.expected} {problem.observed.partition('(the answer was')[0]}"
    return plain and decides.auth is Auth.DOCUMENTED and not _COMPARED.search(said)


def _is_another_case(record: RunRecord, index: int, last: int) -> bool:
    """Returns whether a request was refused whose authentication was altered in another way than the deciding one's."""
    one, decides = record.exchanges[index], record.exchanges[last]
    both = Auth.DOCUMENTED not in (one.auth, decides.auth)
    both = both and (one.method, one.url) == (decides.method, decides.url)
    return both and (one.status or 0) // 100 == 4 and (decides.status or 0) // 100 != 4


def _is_let_in(record: RunRecord, check: Check, last: int) -> bool:
    """Returns whether altered credentials opened a read, whatever was asked before it."""
    decides = record.exchanges[last]
    opened = (
        decides.method in _READS and decides.auth is not Auth.DOCUMENTED and (decides.status or 0) // 100 == 2
    )
    return opened and check.suite != "fuzz" and not _BUILDS_ON.search(_told(check))


def _is_another_form(record: RunRecord, index: int, last: int) -> bool:
    """Returns whether both were refused, each for another body and under another key: none of them led to the other."""
    one, decides = record.exchanges[index], record.exchanges[last]
    both = (one.status or 0) // 100 == (decides.status or 0) // 100 == 4
    both = both and decides.method not in _READS and (one.method, one.url) == (decides.method, decides.url)
    keys = key_of(record, one), key_of(record, decides)
    return both and one.request_body != decides.request_body and (keys[0] != keys[1] or not any(keys))


def _told(check: Check) -> str:
    problem = check.problem
    return "" if problem is None else f"{problem.fault} {problem.expected}"


def _since_the_cancel(record: RunRecord, check: Check, before: list[int], last: int) -> list[int]:
    """Puts the cancel first that another check sent for the resource of the read which decides."""
    decides, about = record.exchanges[last], _about(record, check, last)
    if (
        not about
        or check.suite == "fuzz"
        or decides.method not in _READS
        or decides.auth is not Auth.DOCUMENTED
    ):
        return before
    plain = decides.url.partition("?")[0].endswith(f"/{about[0]}")
    if not plain or any(record.exchanges[index].method not in _READS for index in before):
        return before
    problem = check.problem
    if problem is None or not _CANCELLED.search(f"{problem.fault} {problem.expected} {problem.observed}"):
        return before
    cancel = _cancel_of(record, about[0], last)
    if cancel is None:
        return before
    return [cancel, *(index for index in before if index > cancel and _ends_otherwise(record, index, last))]


def _ends_otherwise(record: RunRecord, index: int, last: int) -> bool:
    return record.exchanges[index].response_body != record.exchanges[last].response_body


def _cancel_of(record: RunRecord, resource: str, last: int) -> int | None:
    """Returns the first documented cancel of a resource that succeeded; the first that didn't where none did."""
    api = record.target.api
    if api not in contracts.names():
        return None
    pattern = re.escape(contracts.contract(api).requests.cancel).replace(r"\{id\}", re.escape(resource))
    sent = [
        index
        for index, one in enumerate(record.exchanges[:last])
        if one.method == "POST" and resource in one.url and re.search(f"{pattern}(?:[?]|$)", one.url)
    ]
    done = (index for index in sent if (record.exchanges[index].status or 0) // 100 == 2)
    return next(done, sent[0] if sent else None)


def _beside(record: RunRecord, check: Check, own: Sequence[int], last: int) -> list[int]:
    """Returns the requests to the same resource that overlap the deciding one, and were recorded later."""
    decides = record.exchanges[last]
    if decides.method in _READS:
        return []
    about = set(_about(record, check, last))
    return [
        index
        for index in own
        if index > last
        and record.exchanges[index].method not in _READS
        and about.intersection(_about(record, check, index))
        and _overlaps(decides, record.exchanges[index])
    ]


def _overlaps(one: Exchange, other: Exchange) -> bool:
    gaps = gap_s(one, other), gap_s(other, one)
    return all(gap is not None and gap < 0 for gap in gaps)


def _seen_after(record: RunRecord, check: Check, own: Sequence[int], last: int) -> list[int]:
    """Returns the read that shows what came of a request which was sent again after a caller had hung up."""
    problem, about = check.problem, _about(record, check, last)
    if problem is None or not problem.persisted or not about or record.exchanges[last].method in _READS:
        return []
    mine = [index for index in own if about == _about(record, check, index)]
    if not any(index < last and hung_up(record.exchanges[index]) for index in mine):
        return []
    return [index for index in mine if index > last and record.exchanges[index].method == "GET"][-1:]
