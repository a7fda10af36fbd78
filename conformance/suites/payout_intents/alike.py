"""Whether an answer can be told from others that it ought to look like."""

from collections.abc import Iterable, Sequence

from conformance.http.reply import Reply
from conformance.suites.common import neutral

# Headers that come and go with the weather, on honest servers too.
_WEATHER = frozenset(
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
    """What tells `one` from all of `others`; None where nothing does.

    Echoed ids, request ids and times don't count. A header counts that all of the others have, or none of them.
    """
    known = tuple(echoes)
    if all(one.status != other.status for other in others):
        return f"its status is {one.status}, not {others[0].status}"
    if all(_kind(one) != _kind(other) for other in others):
        return f"its Content-Type is {one.header('Content-Type')!r}"
    if all(neutral(one.text, known) != neutral(other.text, known) for other in others):
        return "its body is another"
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


def _kind(reply: Reply) -> str:
    return (reply.header("Content-Type") or "").split(";")[0].strip().lower()


def _names(reply: Reply) -> set[str]:
    names = {name.lower() for name, _ in reply.headers}
    return {name for name in names if name not in _WEATHER and "ratelimit" not in name}
