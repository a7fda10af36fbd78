"""Values in requests that belong to the resources which these name: a fresh resource has others. Pure; no errors."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance import contracts
from conformance.model import Exchange, RunRecord
from conformance.report.answers import at
from conformance.report.steps import Steps

# A shorter value, or one without a digit, is that of others, too.
_SHORTEST = 8
_DIGIT = re.compile(r"\d")
# So much of an answer is read.
_READ = 20_000


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A `value` that a request sends, which is the `field` of the resource called `name` in steps and scripts."""

    field: str
    value: str
    name: str


def borrowed_values(record: RunRecord, found: Steps) -> tuple[Borrowed, ...]:
    """Returns the values of resources that these steps send in bodies or queries, each once; ids are none of them."""
    exchanges = [record.exchanges[step.index] for step in found.steps]
    sent = "\n".join(
        one.request_body[:_READ].decode("utf-8", "replace") + one.url.partition("?")[2] for one in exchanges
    )
    ids = {one.id for one in found.resources}
    values: dict[str, Borrowed] = {}
    for resource in found.resources:
        for field, value in _fields(record, resource.id):
            if value not in ids and len(value) >= _SHORTEST and _DIGIT.search(value) and f'"{value}"' in sent:
                values.setdefault(value, Borrowed(field, value, resource.name))
    return tuple(values.values())


def _fields(record: RunRecord, resource: str) -> Iterator[tuple[str, str]]:
    """Yields the texts that the first answer with this resource shows of it, by their names."""
    api = record.target.api
    if api not in contracts.names():
        return
    documented = contracts.contract(api).answers
    quoted = f'"{resource}"'.encode("utf-8", "surrogateescape")
    for one in record.exchanges:
        if (
            (one.status or 0) // 100 != 2
            or resource not in one.url
            or quoted not in one.response_body[:_READ]
        ):
            continue
        if at(one, documented.id) == resource:
            shown = at(one, documented.resource) if documented.resource else _whole(one)
            if isinstance(shown, dict):
                asked = one.request_body[:_READ].decode("utf-8", "replace")
                yield from (
                    (name, value)
                    for name, value in shown.items()
                    # A reason that was just sent is the caller's own.
                    if isinstance(value, str) and f'"{value}"' not in asked
                )
            return


def _whole(answer: Exchange) -> object:
    return json.loads(answer.response_body)
