"""Renders `[states.requests]`, and finds the call that creates a resource in an OpenAPI file."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.contract import Contract
from conformance.init.answers import Answers, Create
from conformance.report.safe import line

_WITHIN_S = 60
# Fields that take the caller's own name of a resource: one that is used twice is refused by many an API.
_UNIQUE = re.compile(r"reference|external|request_?id|idempotency", re.IGNORECASE)
_REFERENCE = "#/"
# So many characters has what stands for {unique}.
_UUID = 36


def found(data: Mapping[str, Any], collection: str, path: str) -> Create | None:
    """Returns the create in a parsed OpenAPI file, None where it has none.

    `collection` is the path in the file, `path` the same below the base URL.
    """
    operation = (data["paths"].get(collection) or {}).get("post")
    if not isinstance(operation, dict):
        return None
    content = _resolved(data, operation.get("requestBody") or {}).get("content") or {}
    media: Mapping[str, Any] = next((one for kind, one in content.items() if "json" in kind), {})
    body = _example(data, media)
    body = {
        key: "{unique}" if _UNIQUE.search(key) and isinstance(one, str) else one for key, one in body.items()
    }
    return Create(path, body, unsure=tuple(_unsure(data, media.get("schema") or {}, body)))


def text(answers: Answers) -> str:
    """Returns the tables, each state in its turn; those that aren't known stand in comments."""
    create, contract = answers.create, answers.contract
    assert create is not None
    one, kind = create.id or _pointer(contract.answers.id), _kind(contract)
    declared = [one for one in contract.states.kinds if answers.capabilities.get(one.capability)]
    lines = ["[states.requests]"] if declared else []
    lines += [
        f"# {one.pool} = false  # where {one.none}; otherwise a table of that name, below" for one in declared
    ]
    lines += [""] if declared else []
    lines += [f"# Fill in {one}" for one in create.unsure]
    lines += [
        "[states.requests.create]  # sent with the credentials above, as any request is",
        f"path = {_toml(create.path)}",
        f"{kind} = {_toml(create.body)}" if create.body else f'# {kind} = {{ name = "{{unique}}" }}',
        f"id = {_toml(one)}  # where the id stands in the answer (JSON Pointer)",
    ]
    states = contract.states
    for status in dict.fromkeys((*states.transient, *(answers.final or states.final))):
        lines += ["", *_state(answers, create, status)]
    return "\n".join(lines) + "\n"


def _state(answers: Answers, create: Create, status: str) -> list[str]:
    states = answers.contract.states
    head = f"[states.requests.{_key(status)}]"
    magic, steps = create.magic.get(status), create.steps.get(status, ())
    if magic is None and not steps:
        if status == states.cancelled:
            return [head, "cancel = true  # by the documented cancel"]
        if status == states.cancellable[0]:
            return [f"{head}  # nothing more than create"]
        why = "# How does one get there? Without this table, what needs the state is not testable."
        return [why, f"# {head}", '# steps = [{ method = "POST", path = "/sandbox/{id}/..." }]']
    lines = [head]
    if magic is not None:
        lines.append(f"{_kind(answers.contract)} = {_toml(magic)}  # merged into create's")
    if steps:
        shown = ", ".join(f"{{ method = {_toml(method)}, path = {_toml(path)} }}" for method, path in steps)
        lines.append(f"steps = [{shown}]")
    read = answers.contract.requests.read or answers.read_path
    if read is not None:
        until = {"path": read, "pointer": _pointer(answers.contract.answers.status), "equals": status}
        lines.append(f"until = {_toml({**until, 'within_s': _WITHIN_S})}")
    return lines


def _kind(contract: Contract) -> str:
    """Returns the key of a body: `form` for an API whose documented requests are forms, else `json`."""
    encode = contract.requests.encode
    return "form" if encode is not None and "form" in encode({})[1] else "json"


def _pointer(dotted: str) -> str:
    return "/" + dotted.replace(".", "/")


def _example(data: Mapping[str, Any], media: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an example of a body: the document's, or one made of the examples of its required fields."""
    examples = [media.get("example"), *(one.get("value") for one in (media.get("examples") or {}).values())]
    schema = _joined(data, media.get("schema") or {})
    examples += [schema.get("example"), *(schema.get("examples") or [])]
    whole = next((one for one in examples if isinstance(one, dict)), None)
    if whole is not None:
        return {key: one for key, one in whole.items() if one is not None}
    fields = schema.get("properties") or {}
    return {name: _value(data, fields.get(name) or {}) for name in schema.get("required") or ()}


def _value(data: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    schema = _joined(data, schema)
    for key in ("example", "const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    listed = schema.get("examples") or schema.get("enum")
    if listed:
        return listed[0]
    kind = _type(schema)
    if kind == "object":
        return _example(data, {"schema": schema})
    if kind in ("integer", "number"):
        above = schema.get("exclusiveMinimum")
        least = above + 1 if isinstance(above, int | float) and not isinstance(above, bool) else 1
        return max(schema.get("minimum", 1), least, 1)
    if kind == "array":
        return [_value(data, schema.get("items") or {})] * min(int(schema.get("minItems") or 0), 8)
    if schema.get("format") == "date-time":
        return "{now}"
    return True if kind == "boolean" else "{unique}"


def _type(schema: Mapping[str, Any]) -> str:
    """Returns the type of a value; of several, as OpenAPI 3.1 allows, the first that isn't null."""
    named = schema.get("type")
    return str(next((one for one in named if one != "null"), "") if isinstance(named, list) else named)


def _unsure(data: Mapping[str, Any], schema: Any, made: Any, path: str = "") -> Iterator[str]:
    """Yields each text that was made up and that its schema doesn't take, with what it asks for."""
    schema = _joined(data, schema)
    if isinstance(made, dict):
        for name, one in made.items():
            yield from _unsure(
                data, (schema.get("properties") or {}).get(name) or {}, one, f"{path}.{name}".strip(".")
            )
    elif isinstance(made, list) and made:
        yield from _unsure(data, schema.get("items") or {}, made[0], path)
    elif made == "{unique}":
        asked = [
            f"{word} {schema[word]}" for word in ("pattern", "format", "maxLength") if _breaks(schema, word)
        ]
        if asked:
            yield line(f"{path}: the file asks for {', '.join(asked)}, and {{unique}} is a UUID", 110)


def _breaks(schema: Mapping[str, Any], word: str) -> bool:
    """Returns whether a UUID may break what a schema asks of a text."""
    asked = schema.get(word)
    if word == "maxLength":
        return isinstance(asked, int) and asked < _UUID
    return asked is not None and asked != "uuid"


def _joined(data: Mapping[str, Any], schema: Any) -> Mapping[str, Any]:
    """Returns a schema with the properties of those that it is composed of (`allOf`)."""
    found = dict(_resolved(data, schema))
    for part in found.pop("allOf", None) or ():
        inner = _resolved(data, part)
        for key, one in inner.items():
            if key == "properties":
                found[key] = {**one, **(found.get(key) or {})}
            elif key == "required":
                found[key] = [*dict.fromkeys([*(found.get(key) or ()), *one])]
            else:
                found.setdefault(key, one)
    return found


def _resolved(data: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """Returns what a reference within the document refers to, and anything else as it is."""
    seen = 0
    while isinstance(node, dict) and str(node.get("$ref", "")).startswith(_REFERENCE) and seen < 20:
        seen, parts = seen + 1, node["$ref"].removeprefix(_REFERENCE).split("/")
        node = data
        for part in parts:
            node = node.get(part, {}) if isinstance(node, dict) else {}
    return node if isinstance(node, dict) else {}


def _toml(value: Any) -> str:
    """Returns a value as TOML, on one line; nulls, which it hasn't, are left out."""
    if isinstance(value, Mapping):
        rows = (f"{_key(str(key))} = {_toml(one)}" for key, one in value.items() if one is not None)
        return "{ " + ", ".join(rows) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value if one is not None) + "]"
    return json.dumps(
        value if isinstance(value, str | int | float | bool) else str(value), ensure_ascii=False
    )


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)
