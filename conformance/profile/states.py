"""Reads `[states]`: where resources come from, and the names of final states."""

from conformance.contract import Contract
from conformance.profile.model import OWNERS, SOURCES, States
from conformance.profile.requests import recipes
from conformance.profile.values import Values

KEYS = (*SOURCES, "terminal", "read_path", "requests_per_second", "headers")
"""The keys of `[states]`."""


def read(values: Values, contract: Contract) -> States:
    """Returns the states of a profile. Raises ProfileError."""
    table = values.table("states")
    given = [key for key in SOURCES if key in table]
    if len(given) > 1:
        raise values.wrong(
            f"states.{given[1]}", f"{' and '.join(given)} exclude each other", "Keep one of them."
        )
    url = values.expanded("states.url") if "url" in table else None
    if url is not None:
        values.http_url("states.url", url)
    if "headers" in table and url is None:
        raise values.wrong("states.headers", "these go to states.url, which isn't there", "Remove them.")
    terminal = values.strings("states.terminal") if "terminal" in table else ()
    if "terminal" in table and not contract.states.named_by_profile:
        raise values.wrong(
            "states.terminal", f"{contract.name} documents its terminal state names", "Remove it."
        )
    read_path = values.string("states.read_path") if "read_path" in table else None
    if read_path is not None and contract.requests.read is not None:
        raise values.wrong("states.read_path", f"{contract.name} documents its read path", "Remove it.")
    if read_path is not None and ("{id}" not in read_path or read_path[:1] != "/"):
        example = contract.requests.read_example or "/resources/{id}"
        raise values.wrong(
            "states.read_path", f"not a read path of {contract.name}", f'It looks like "{example}".'
        )
    command = values.strings("states.command") if "command" in table else None
    if command is not None and not command:
        program = f"./make-{contract.noun.replace(' ', '-')}"
        raise values.wrong("states.command", "the list is empty", f'Write ["{program}", "{{status}}"].')
    return States(
        url=url,
        command=command,
        ids=_ids(values, contract.states.pools(terminal)) if "ids" in table else None,
        requests=recipes(values, contract, terminal) if "requests" in table else None,
        sandbox=bool(values.boolean("states.sandbox")),
        terminal=terminal,
        read_path=read_path,
        requests_per_second=values.number("states.requests_per_second", None),
        headers=values.headers("states.headers", ("Content-Type", "Accept")),
    )


def _ids(values: Values, known: tuple[str, ...]) -> dict[str, dict[str, tuple[str, ...]]]:
    pools: dict[str, dict[str, tuple[str, ...]]] = {"primary": {}}
    seen: dict[str, str] = {}
    for status, value in values.table("states.ids").items():
        dotted = f"states.ids.{status}"
        if isinstance(value, dict):
            if status not in OWNERS[1:]:
                raise values.unknown(dotted, status, OWNERS[1:])
            pools[status] = {name: _pool(values, f"{dotted}.{name}", seen, known) for name in value}
        else:
            pools["primary"][status] = _pool(values, dotted, seen, known)
    return pools


def _pool(values: Values, dotted: str, seen: dict[str, str], known: tuple[str, ...]) -> tuple[str, ...]:
    if dotted.rpartition(".")[2] in KEYS:
        raise values.wrong(dotted, "this key belongs to [states]", "Put it above [states.ids].")
    if dotted.rpartition(".")[2] not in known:
        raise values.unknown(dotted, dotted.rpartition(".")[2], known)
    ids = values.strings(dotted)
    for one in ids:
        if one in seen:
            raise values.wrong(
                dotted,
                f"{one} is also in {seen[one]}",
                "Every resource is used once and has one state: name it once.",
                needle=one,
            )
        seen[one] = dotted
    return ids
