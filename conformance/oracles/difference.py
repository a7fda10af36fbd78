"""Differences between an answer and others that it has to look like."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conformance.http.reply import MISSING, Reply
from conformance.oracles import wording

_VOLATILE = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"  # a UUID
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"  # an instant
    r"|\b\d{10,}\.\d+\b"  # seconds since the epoch
    r"|(?<![0-9A-Za-z_-])[0-9A-Za-z_-]*\d[0-9A-Za-z_-]{9,}\b"  # a request id, an epoch, a token
    r"|(?<![0-9A-Za-z_-])(?=[a-fA-F]*\d)(?:[0-9a-f]{8,}|[0-9A-F]{8,})(?![0-9A-Za-z_-])"  # hexadecimal digits
)
# So many differing values are shown.
_TOLD = 3
_SPACE = re.compile(r"\s")
# Headers that come and go from answer to answer, on honest servers too.
_CHANGING = frozenset(
    {
        "age",
        "alt-svc",
        "cf-ray",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "retry-after",
        "server-timing",
        "set-cookie",
        "via",
    }
)


def difference(one: Reply, others: Sequence[Reply], echoes: Iterable[str] = ()) -> str | None:
    """The first difference between `one` and all of `others`; None where there is none.

    Echoed ids, request ids and times don't count. A header counts that all of the others have, or none of them.
    """
    known = tuple(echoes)
    if all(one.status != other.status for other in others):
        return f"its HTTP status is {one.status}, not {others[0].status}"
    if all(_kind(one) != _kind(other) for other in others):
        kind, usual = (each.header("Content-Type") or "absent" for each in (one, others[0]))
        return f"its Content-Type is {kind}, not {usual}"
    body = _differing(one, others, known)
    if body:
        return body
    names = _names(one)
    theirs = [_names(other) for other in others]
    extra = [name for name in names if not any(name in other for other in theirs)]
    missing = [name for name in theirs[0] if all(name in other for other in theirs) and name not in names]
    if extra or missing:
        return "; ".join(
            [f"it has the header {name}" for name in extra]
            + [f"it lacks the header {name}" for name in missing]
        )
    return None


def _differing(one: Reply, others: Sequence[Reply], echoes: Sequence[str]) -> str | None:
    """How the body differs, not counting values that the others don't agree upon either."""
    mine, theirs = _leaves(one, echoes), [_leaves(other, echoes) for other in others]
    if all(mine.keys() != leaves.keys() for leaves in theirs):
        return _of_keys(mine, theirs[0])
    wrong = [
        path for path, value in mine.items() if _told_apart(value, {leaves.get(path) for leaves in theirs})
    ]
    if not wrong:
        return None
    told = [
        f"{path} is {wording.whole(mine[path])}, not {wording.whole(theirs[0].get(path, MISSING))}"
        for path in wrong[:_TOLD]
    ]
    more = f", and {len(wrong) - _TOLD} more differ" if len(wrong) > _TOLD else ""
    return f"its {'; '.join(told)}{more}"


def _of_keys(mine: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """How two bodies differ that haven't got the same keys."""
    extra, missing = sorted(mine.keys() - theirs.keys()), sorted(theirs.keys() - mine.keys())
    told = [
        *([f"has {', '.join(extra)}"] if extra else []),
        *([f"lacks {', '.join(missing)}"] if missing else []),
    ]
    return f"its body {' and '.join(told)}"


def _told_apart(mine: str, theirs: set[str | None]) -> bool:
    """Whether one value tells its answer from others; of single words, only where the others agree to the letter."""
    words = {value for value in theirs if value is not None and not _SPACE.search(value)}
    if len(theirs) > 1 and words == theirs:
        return False
    settled = {None if value is None else neutral(value) for value in theirs}
    return len(settled) == 1 and neutral(mine) not in settled


def _leaves(reply: Reply, echoes: Sequence[str]) -> dict[str, str]:
    """The values of a JSON body by their paths, without echoes; the whole text where it is none."""
    if not isinstance(reply.json, dict | list):
        return {"the text": _without(echoes, reply.text)}
    found: dict[str, str] = {}
    pending: list[tuple[str, Any]] = [("", reply.json)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{path}.{key}".lstrip("."), item) for key, item in value.items()]
        elif isinstance(value, list):
            pending += [(f"{path}[]", item) for item in value]
        else:
            found[path] = _without(echoes, value if isinstance(value, str) else wording.whole(value))
    return found


def _without(echoes: Sequence[str], text: str) -> str:
    for echo in echoes:
        text = text.replace(echo, "*")
    return text


def _kind(reply: Reply) -> str:
    return (reply.header("Content-Type") or "").split(";")[0].strip().lower()


def _names(reply: Reply) -> set[str]:
    names = {name.lower() for name, _ in reply.headers}
    return {name for name in names if name not in _CHANGING and "ratelimit" not in name}


def alike(one: Reply, other: Reply, echoes: Iterable[str] = ()) -> bool:
    """Whether two answers can't be told apart, but for echoed ids, request ids and times."""
    return one.status == other.status and neutral(one.text, echoes) == neutral(other.text, echoes)


def neutral(text: str, echoes: Iterable[str] = ()) -> str:
    """A text without what differs from request to request."""
    for echo in echoes:
        text = text.replace(echo, "*")
    return _VOLATILE.sub("*", text)
