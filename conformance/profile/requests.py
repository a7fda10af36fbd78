"""Reads `[states.requests]`: how the target's own API makes a resource, and what is done for each state."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conformance import pointer
from conformance.contract import Contract
from conformance.profile.recipes import PLACEHOLDERS, Recipe, Recipes, Step, Until, merged
from conformance.profile.values import Values
from conformance.toml import nearest

_TABLE = "states.requests"
_BODY = ("json", "form")
_STEP = ("method", "path", *_BODY, "headers", "status")
_CREATE = (*_STEP, "id", "facts")
_STATE = (*_BODY, "headers", "status", "steps", "cancel", "until")
_UNTIL = ("path", "pointer", "equals", "within_s")
_METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def recipes(values: Values, contract: Contract, terminal: tuple[str, ...]) -> Recipes:
    """Returns the recipes of a profile. Raises ProfileError."""
    table = values.table(_TABLE)
    known = contract.states.pools(terminal)
    if "create" not in table:
        raise values.wrong(_TABLE, "[states.requests.create] is missing", "It says how a resource is made.")
    reader = _Requests(values, contract)
    create = reader.create()
    states: dict[str, Recipe] = {}
    absent = []
    for name, value in table.items():
        dotted = f"{_TABLE}.{name}"
        if name == "create":
            continue
        if name not in known:
            raise values.unknown(dotted, name, ("create", *known))
        if value is False and name in [kind.pool for kind in contract.states.kinds]:
            absent.append(name)
        else:
            states[name] = reader.state(dotted, create)
    one, facts = reader.pointers()
    return Recipes(one, facts, states, tuple(absent))


class _Requests:
    """Reads the tables of one profile. Every method raises ProfileError."""

    def __init__(self, values: Values, contract: Contract) -> None:
        self._values, self._contract = values, contract

    def create(self) -> Step:
        """The create: a write, so that a live environment is guarded."""
        dotted = f"{_TABLE}.create"
        table = self._values.table(dotted)
        self._values.known(dotted, table, _CREATE)
        step = self._step(dotted, table, made=False)
        if step.method in ("GET", "DELETE"):
            raise self._values.wrong(f"{dotted}.method", f"{step.method} makes nothing", 'Write "POST".')
        return step

    def pointers(self) -> tuple[str, Mapping[str, str] | None]:
        """The pointers to the id and to the facts in the answer to the create."""
        dotted = f"{_TABLE}.create"
        table = self._values.table(dotted)
        one = self._pointer(f"{dotted}.id", table.get("id", "/id"))
        if "facts" not in table:
            return one, None
        facts = self._values.table(f"{dotted}.facts")
        return one, {name: self._pointer(f"{dotted}.facts.{name}", value) for name, value in facts.items()}

    def state(self, dotted: str, create: Step) -> Recipe:
        """One state: what its table changes about the create, and what follows it."""
        values = self._values
        table = values.table(dotted)
        values.known(dotted, table, _STATE)
        body, form = self._body(dotted, table, made=False)
        if body is not None and create.fields is not None and form is not create.form:
            kind = "form" if create.form else "json"
            raise values.wrong(
                f"{dotted}.{'form' if form else 'json'}", f"create sends {kind}", f"Write {kind}."
            )
        begun = replace(
            create,
            fields=merged(create.fields, body),
            form=create.form or form,
            headers=(*create.headers, *self._headers(dotted)),
            status=self._status(dotted, table) or create.status,
        )
        steps = table.get("steps", [])
        if not isinstance(steps, list) or not all(isinstance(one, dict) for one in steps):
            example = '[{ method = "POST", path = "/sandbox/{id}/approve" }]'
            raise values.wrong(f"{dotted}.steps", "must be a list of requests", f"Write {example}.")
        return Recipe(
            begun,
            tuple(self._follow(f"{dotted}.steps", one) for one in steps),
            bool(values.boolean(f"{dotted}.cancel")),
            self._until(f"{dotted}.until") if "until" in table else None,
        )

    def _follow(self, dotted: str, table: Mapping[str, Any]) -> Step:
        for key in table:
            if key not in _STEP:
                raise self._values.wrong(dotted, f"unknown key {key}", nearest(key, _STEP))
        step = self._step(dotted, table, made=True)
        if "/cancel" in step.path.lower() and "{id}" not in step.path:
            raise self._values.wrong(
                dotted, "it would cancel what wasn't made for it", "Name the resource: {id} in path."
            )
        return step

    def _step(self, dotted: str, table: Mapping[str, Any], *, made: bool) -> Step:
        method = table.get("method", "POST")
        if method not in _METHODS:
            raise self._values.wrong(
                dotted, f"method is one of {', '.join(_METHODS)}", 'Write method = "POST".'
            )
        body, form = self._body(dotted, table, made=made)
        return Step(
            method,
            self._path(dotted, table.get("path"), made=made),
            body,
            form,
            self._step_headers(dotted, table.get("headers", {})),
            self._status(dotted, table),
        )

    def _body(self, dotted: str, table: Mapping[str, Any], *, made: bool) -> tuple[Any, bool]:
        given = [key for key in _BODY if key in table]
        if not given:
            return None, False
        if len(given) == 2:
            raise self._values.wrong(dotted, "json and form exclude each other", "Keep one of them.")
        body = self._filled(dotted, table[given[0]])
        if given[0] == "form" and not isinstance(body, dict):
            raise self._values.wrong(dotted, "form is a table", 'Write form = { name = "value" }.')
        try:
            text = json.dumps(body)
        except (TypeError, ValueError):
            hint = 'Write it in quotes; "{now}" is now.'
            raise self._values.wrong(dotted, "a date of TOML is no JSON", hint) from None
        if not made and "{id}" in text:
            raise self._values.wrong(dotted, "{id} stands for nothing yet", "It is known after create.")
        return body, given[0] == "form"

    def _filled(self, dotted: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._values.filled(dotted, value)
        if isinstance(value, dict):
            return {key: self._filled(dotted, one) for key, one in value.items()}
        return [self._filled(dotted, one) for one in value] if isinstance(value, list) else value

    def _path(self, dotted: str, path: object, *, made: bool) -> str:
        if not isinstance(path, str) or not path.startswith("/") or re.search(r"\s|#", path):
            raise self._values.wrong(
                dotted, "path is missing, or no path below base_url", 'It looks like "/resources".'
            )
        known = PLACEHOLDERS if made else PLACEHOLDERS[:-1]
        for name in _PLACEHOLDER.findall(path):
            if name not in known:
                words = tuple(f"{{{one}}}" for one in known)
                raise self._values.wrong(
                    dotted, f"unknown placeholder {{{name}}}", nearest(f"{{{name}}}", words)
                )
        return path

    def _headers(self, dotted: str) -> tuple[tuple[str, str], ...]:
        return self._step_headers(dotted, self._values.table(dotted).get("headers", {}))

    def _step_headers(self, dotted: str, table: object) -> tuple[tuple[str, str], ...]:
        if not isinstance(table, dict):
            raise self._values.wrong(f"{dotted}.headers", "this is a table", 'Write { "X-Name" = "value" }.')
        return self._values.checked_headers(dotted, table, self._contract.authentication.headers)

    def _status(self, dotted: str, table: Mapping[str, Any]) -> tuple[int, ...]:
        found = table.get("status", [])
        if not isinstance(found, list) or any(type(one) is not int or not 200 <= one <= 599 for one in found):
            raise self._values.wrong(dotted, "status is a list of statuses", "Write status = [200, 409].")
        return tuple(found)

    def _until(self, dotted: str) -> Until:
        values = self._values
        table = values.table(dotted)
        values.known(dotted, table, _UNTIL)
        for key in ("pointer", "equals"):
            if key not in table:
                raise values.missing(f"{dotted}.{key}")
        return Until(
            self._path(dotted, table.get("path"), made=True),
            self._pointer(f"{dotted}.pointer", table["pointer"]),
            self._filled(f"{dotted}.equals", table["equals"]),
            values.number(f"{dotted}.within_s", 30.0),
        )

    def _pointer(self, dotted: str, text: object) -> str:
        wrong = pointer.problem(text) if isinstance(text, str) else "must be a text"
        if wrong or not isinstance(text, str):
            raise self._values.wrong(
                dotted, f"not a JSON Pointer (RFC 6901): {wrong}", 'It looks like "/data/id".'
            )
        return text
