"""Reads the options of `init` about the target's own create, its headers and its scope."""

import json
from typing import TYPE_CHECKING, Any

from conformance.errors import UsageError

if TYPE_CHECKING:
    from conformance.init.answers import Create


def create(known: dict[str, Any]) -> "Create":
    """Returns the create that the options name, completed from the OpenAPI file. Raises UsageError."""
    from conformance.init.answers import Create

    described = known["described"]
    body, unsure = _json("--create-json", known["create_json"]), ()
    if not body and described is not None:
        body, unsure = described.body, described.unsure
    magic = {state: _json("--magic", text) for state, text in pairs("--magic", known["magic"]).items()}
    steps: dict[str, tuple[tuple[str, str], ...]] = {}
    for one in known["step"]:
        ((state, path),) = pairs("--step", (one,)).items()
        steps[state] = (*steps.get(state, ()), ("POST", path))
    path = known["states_requests"] or described.path
    return Create(path, body, known["create_id"] or "", magic, steps, unsure)


def fits(made: "Create | None", states: tuple[str, ...]) -> None:
    """Raises UsageError where an option leads to a state that the API doesn't have."""
    for state in () if made is None else (*made.magic, *made.steps):
        if state not in states:
            raise UsageError(f"there is no state {state!r}", hint=f"There are {', '.join(states)}.")


def pairs(flag: str, given: tuple[str, ...]) -> dict[str, str]:
    """Returns `NAME=VALUE` options by name. Raises UsageError where one has another form."""
    found = {}
    for one in given:
        name, mark, value = one.partition("=")
        if not mark or not name.strip() or not value.strip():
            raise UsageError(f"{flag} {one!r} isn't NAME=VALUE", hint=f"Write {flag} name=value.")
        found[name.strip()] = value.strip()
    return found


def headers(given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Returns `Name: value` options. Raises UsageError where one has another form."""
    found = []
    for one in given:
        name, mark, value = one.partition(":")
        if not mark or not name.strip() or not value.strip():
            raise UsageError(
                f"--header {one!r} isn't NAME:VALUE", hint="Write --header 'X-Name: ${VARIABLE}'."
            )
        found.append((name.strip(), value.strip()))
    return tuple(found)


def _json(flag: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as fault:
        raise UsageError(f"{flag} {text} is no JSON: {fault}", hint="Put it in single quotes.") from None
    if not isinstance(value, dict):
        raise UsageError(f"{flag} {text} is no JSON object", hint='It looks like {"name": "value"}.')
    return value
